import { Fragment, type ReactNode, useState } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import type { TotalsPartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
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
    <div className="table-scroll" tabIndex={0} role="region" aria-label={words.frame.tab[tab]}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.name} tab={tab} column={column} />
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

function Heading({ tab, column }: { readonly tab: RowsTab; readonly column: Column }): ReactNode {
  const words = useWords().rows;
  const { sort } = useAddress();
  const field = column.field.toLowerCase();
  const isSorted = (sort?.field ?? ownOrder(tab).toLowerCase()) === field;
  const isDescending = sort?.descending ?? true;
  return (
    <th
      scope="col"
      className={column.isNumber ? 'number' : undefined}
      aria-sort={isSorted ? (isDescending ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        onClick={() => {
          // A second click turns the order round; figures begin with the most, texts with A.
          const descending = isSorted ? !isDescending : column.isNumber;
          navigate({ sort: { field, descending } });
        }}
      >
        {words.column[column.name]}
        <span aria-hidden="true">{isSorted ? (isDescending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
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
  const [isOpen, setIsOpen] = useState(false);
  const [first, ...others] = columns;
  return (
    <Fragment>
      <tr className={isDeployment ? 'deployment' : undefined}>
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
          {first?.cell(row, { figures, words })}
        </th>
        {others.map((column) => (
          <td key={column.name} className={column.isNumber ? 'number' : undefined}>
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
          <td key={column.name} className={column.isNumber ? 'number' : undefined}>
            {column.isNumber ? column.cell(sums, { figures, words }) : null}
          </td>
        ),
      )}
    </tr>
  );
}
