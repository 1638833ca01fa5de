// A stretch of a list whose rows are numbered 1, 2, 3 …, read from one of its ends.

/** At most `limit` of the rows that lie between two numbers. */
export interface Window {
  /** Excludes this row; null: from the first row on. */
  readonly after: number | null;
  /** Excludes this row; null: up to the last row. */
  readonly before: number | null;
  /** From which end the limit counts. */
  readonly from: 'FIRST' | 'LAST';
  readonly limit: number;
}
