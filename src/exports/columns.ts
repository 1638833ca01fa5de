// What an export's columns are, whatever it is written as, and how a form writes rows from them.

import type { CursorKey } from '../core/cursor.ts';

/** A column: its name, what its values are, and its value in a row; null where the row has none. */
export type Column<R> =
  | { readonly name: string; readonly kind: 'text'; readonly value: (row: R) => string | null }
  /** An exact decimal, or a whole number. */
  | {
      readonly name: string;
      readonly kind: 'number';
      readonly value: (row: R) => string | number | null;
    }
  /** Epoch milliseconds. */
  | { readonly name: string; readonly kind: 'instant'; readonly value: (row: R) => number | null };

/** What an answer's rows come to. */
export interface Totals {
  readonly rows: number;
  /** Null: the export has no credits. */
  readonly creditsMicro: bigint | null;
}

/** Writes an export in one format. */
export interface Form<R> {
  /** What comes before the rows. */
  readonly head: string;
  readonly row: (row: R, key: CursorKey) => string;
  /** What comes after the last row. */
  readonly end: (totals: Totals) => string;
}
