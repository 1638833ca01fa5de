import { Fragment, type ReactNode, useState } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import type { TotalsPartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { AddressLink, isRowClick } from '../ui/address-link.tsx';
import { SortHeader } from '../ui/list.tsx';
import { Status } from '../ui/status.tsx';
import { ListTable } from '../ui/list-table.tsx';
import { useWords } from '../words/words.ts';
import { type Column, COLUMNS, ownOrder } from './columns.tsx';
import { NOTHING, type Row, type RowsPage } from './page.ts';
import type { RowsTab } from './use-rows.ts';

/** The rows of a page, under the totals of all rows that match. */
export function RowsTable({
  tab,
  page,
}: {
  readonly tab: RowsTab;
  readonly page: RowsPage;
}): ReactNode {
  const words = useWords();
  const columns = COLUMNS[tab];
  return (
    <ListTable label={words.frame.tab[tab]}>
      <thead>
        <tr>
          {columns.map(({ name, field, isNumber }) =>
            field === null ? (
              <th key={name} scope="col">
                {words.rows.column[name]}
              </th>
            ) : (
              <SortHeader
                key={name}
                field={field.toLowerCase()}
                own={ownOrder(tab)}
                isNumeric={isNumber}
                isDescendingFirst={isNumber}
              >
                {words.rows.column[name]}
              </SortHeader>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        <Totals columns={columns} totals={page.totals} />
        {page.rows.map((row) => (
          <RowOfTable key={row.id} row={row} columns={columns} />
        ))}
      </tbody>
    </ListTable>
  );
}

interface RowProps {
  readonly row: Row;
  readonly columns: readonly Column[];
  readonly isDeployment?: boolean;
}

function RowOfTable({ row, columns, isDeployment = false }: RowProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const isShown = useAddress().open === row.id;
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Fragment>
      <tr
        className={`list-row ${isDeployment ? 'deployment' : ''} ${isShown ? 'shown' : ''}`}
        onClick={(event) => {
          if (isRowClick(event)) navigate({ open: row.id });
        }}
      >
        <th scope="row">
          {row.deployments.length > 0 && (
            <button
              type="button"
              className="opener"
              aria-expanded={isOpen}
              aria-label={words.rows.showDeployments(row.name)}
              onClick={() => {
                setIsOpen(!isOpen);
              }}
            >
              <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
            </button>
          )}
          <AddressLink
            change={{ open: row.id }}
            data-row={row.id}
            aria-current={isShown ? 'true' : undefined}
          >
            {row.name}
          </AddressLink>
          {isDeployment && <Deployed row={row} />}
        </th>
        {columns.slice(1).map((column) => (
          <td key={column.name} className={column.isNumber ? 'numeric' : undefined}>
            {column.cell(row, { figures, words })}
          </td>
        ))}
      </tr>
      {isOpen && <Deployments model={row} columns={columns} />}
    </Fragment>
  );
}

function Deployments({
  model,
  columns,
}: {
  readonly model: Row;
  readonly columns: readonly Column[];
}): ReactNode {
  return (
    <>
      {model.deployments.map((deployment) => (
        <RowOfTable key={deployment.id} row={deployment} columns={columns} isDeployment />
      ))}
      {model.deploymentCount > model.deployments.length && (
        <OtherDeployments row={model} columnCount={columns.length} />
      )}
    </>
  );
}

/** What a deployment has and its model's columns do not show. */
function Deployed({ row: { status, hardware } }: { readonly row: Row }): ReactNode {
  return (
    <span className="list-sub">
      {status !== null && <Status status={status} />}
      {hardware.length > 0 && ` · ${hardware.join(', ')}`}
    </span>
  );
}

/** How many of a model's deployments stand above, and the way to the others: the panel of the model. */
function OtherDeployments({
  row: { id, deployments, deploymentCount },
  columnCount,
}: {
  readonly row: Row;
  readonly columnCount: number;
}): ReactNode {
  const words = useWords().rows;
  const figures = useFigures();
  return (
    <tr className="deployment">
      <th scope="row" colSpan={columnCount}>
        <span className="muted">
          {words.deploymentsShown(
            figures.count(deployments.length),
            figures.count(deploymentCount),
          )}
        </span>{' '}
        <AddressLink change={{ open: id }}>{words.allDeployments}</AddressLink>
      </th>
    </tr>
  );
}

function Totals({
  columns,
  totals,
}: {
  readonly columns: readonly Column[];
  readonly totals: TotalsPartsFragment;
}): ReactNode {
  const words = useWords();
  const figures = useFigures();
  // The totals of all rows are a row too, with the columns that add up.
  const sums: Row = {
    ...NOTHING,
    id: 'totals',
    name: words.rows.totals,
    runs: totals.runs,
    time: totals.hostingTime,
    hosting: totals.hostingCredits,
    fineTuning: totals.fineTuningCredits,
    storage: totals.storageCredits,
    processing: totals.processingCredits,
    credits: totals.credits,
  };
  return (
    <tr className="totals">
      {columns.map((column, index) =>
        index === 0 ? (
          <th key={column.name} scope="row">
            {sums.name}
          </th>
        ) : (
          <td key={column.name} className={column.isNumber ? 'numeric' : undefined}>
            {column.isNumber ? column.cell(sums, { figures, words }) : null}
          </td>
        ),
      )}
    </tr>
  );
}
