// Tables whose rows are lists of figures with their names on a small screen, since seven columns are not read there
// (styles/list.css). That takes the table's roles in some browsers, so they are said.

import type { ReactNode } from 'react';
import { ListTable } from './list-table.tsx';

export interface Column {
  readonly label: string;
  readonly isNumeric?: boolean;
  /** Stands before the label in the header: the sign of a term. */
  readonly sign?: string;
}

export interface StackedTableProps {
  readonly label: string;
  readonly className?: string;
  readonly columns: readonly Column[];
  /** Bodies of rows. */
  readonly children: ReactNode;
}

/** A table whose rows are lists on a small screen. */
export function StackedTable({
  label,
  className = '',
  columns,
  children,
}: StackedTableProps): ReactNode {
  return (
    <ListTable label={label} className={`stacked ${className}`} role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th
              key={column.label}
              role="columnheader"
              scope="col"
              className={column.isNumeric === true ? 'numeric' : undefined}
            >
              {column.sign !== undefined && <span aria-hidden="true">{column.sign} </span>}
              {column.label}
            </th>
          ))}
        </tr>
      </thead>
      {children}
    </ListTable>
  );
}

export interface CellProps {
  readonly label: string;
  readonly sign?: string;
  readonly isNumeric?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A cell, named by its column where rows are lists. */
export function Cell({
  label,
  sign,
  isNumeric = false,
  className = '',
  children,
}: CellProps): ReactNode {
  return (
    <td
      role="cell"
      className={`${isNumeric ? 'numeric' : ''} ${className}`}
      data-label={sign === undefined || sign === '' ? label : `${sign} ${label}`}
    >
      {children}
    </td>
  );
}
