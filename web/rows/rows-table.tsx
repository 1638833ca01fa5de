import { Fragment, type ReactNode, useState } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import type { TotalsPartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { AddressLink, isRowClick } from '../ui/address-link.tsx';
import { SortHeader } from '../ui/list.tsx';
import { useWords } from '../words/words.ts';
import { type Column, COLUMNS, ownOrder } from './columns.tsx';
import type { Row, RowsPage } from './page.ts';
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
    // A wide table scrolls by itself, also by the keyboard.
    <div className="list-scroll" tabIndex={0} role="region" aria-label={words.frame.tab[tab]}>
      <table className="list-table">
        <thead>
          <tr>
            {columns.map((column) => (
              <SortHeader
                key={column.name}
                field={column.field.toLowerCase()}
                own={ownOrder(tab)}
                isNumeric={column.isNumber}
                isDescendingFirst={column.isNumber}
              >
                {words.rows.column[column.name]}
              </SortHeader>
            ))}
          </tr>
        </thead>
        <tbody>
          <Totals columns={columns} totals={page.totals} />
          {page.rows.map((row) => (
            <RowOfTable key={row.id} row={row} columns={columns} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RowOfTable({
  row,
  columns,
  isDeployment = false,
}: {
  readonly row: Row;
  readonly columns: readonly Column[];
  readonly isDeployment?: boolean;
}): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const isShown = useAddress().open === row.id;
  const [isOpen, setIsOpen] = useState(false);
  const [first, ...others] = columns;
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
            {first?.cell(row, { figures, words })}
          </AddressLink>
        </th>
        {others.map((column) => (
          <td key={column.name} className={column.isNumber ? 'numeric' : undefined}>
            {column.cell(row, { figures, words })}
          </td>
        ))}
      </tr>
      {isOpen &&
        row.deployments.map((deployment) => (
          <RowOfTable key={deployment.id} row={deployment} columns={columns} isDeployment />
        ))}
    </Fragment>
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
    id: 'totals',
    name: words.rows.totals,
    owner: null,
    status: null,
    type: null,
    detail: null,
    lastActiveOn: null,
    lastDeployedOn: null,
    runs: totals.runs,
    time: totals.hostingTime,
    hosting: totals.hostingCredits,
    fineTuning: totals.fineTuningCredits,
    storage: totals.storageCredits,
    processing: totals.processingCredits,
    credits: totals.credits,
    deployments: [],
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
