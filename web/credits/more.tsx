import { type ComponentProps, type ReactNode, useState } from 'react';
import type { Problem } from '../api/client.ts';
import { ProblemNote, Skeleton } from '../ui/card.tsx';

export interface MoreRowsProps {
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly label: string;
  readonly columns: number;
  /** Whether they are shown without being asked for: what the address names is among them. */
  readonly isOpenAtFirst?: boolean;
  /** The rows after a cursor. */
  readonly children: (after: string) => ReactNode;
}

/** The way to a list's further rows: a button until it is pressed, then the rows. */
export function MoreRows({
  pageInfo,
  label,
  columns,
  isOpenAtFirst = false,
  children,
}: MoreRowsProps): ReactNode {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const { hasNextPage, endCursor } = pageInfo;
  if (!hasNextPage || endCursor === null) return null;
  if (isOpen) return children(endCursor);
  return (
    <WholeRow columns={columns}>
      <button
        type="button"
        className="button"
        onClick={() => {
          setOpen(true);
        }}
      >
        {label}
      </button>
    </WholeRow>
  );
}

export interface MoreRowProps {
  /** Of the first of further rows: the button that asked for them, and had the focus, is gone. */
  readonly takesFocus?: boolean;
}

/** What lets a row take the focus when it comes. */
export function focusOf(takesFocus = false): Pick<ComponentProps<'tr'>, 'ref' | 'tabIndex'> {
  return takesFocus ? { ref: focusRow, tabIndex: -1 } : {};
}

function focusRow(row: HTMLTableRowElement | null): void {
  row?.focus({ preventScroll: true });
}

/** A row of one cell. */
export function WholeRow({
  columns,
  children,
}: {
  readonly columns: number;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <tr role="row" className="whole">
      <td role="cell" colSpan={columns}>
        {children}
      </td>
    </tr>
  );
}

export interface PendingRowProps {
  readonly columns: number;
  readonly problem: Problem | null;
  readonly onRetry: () => void;
}

/** Stands where rows will be: what is loading, or what went wrong. */
export function PendingRow({ columns, problem, onRetry }: PendingRowProps): ReactNode {
  return (
    <WholeRow columns={columns}>
      {problem === null ? (
        <Skeleton lines={3} />
      ) : (
        <ProblemNote problem={problem} onRetry={onRetry} />
      )}
    </WholeRow>
  );
}
