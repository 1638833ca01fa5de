// Many rows as one: a JSON array for each column. The driver spends about a microsecond on each value of each row, and
// next to nothing on a value in an array, so views read their thousands of rows this way.

import type { Tx } from './database.ts';
import { empty, raw, sql, type Sql } from './sql.ts';

/** A query by its parts. */
export interface ColumnarQuery {
  /** "views.loadSums" */
  readonly name: string;
  /** Columns of `select` to return. Sums that may pass 2^53 are selected as text: JSON's numbers would lose digits. */
  readonly columns: readonly string[];
  readonly select: Sql;
  /** What it may select from: "changed as (update … returning *)". */
  readonly with?: Sql;
}

/** Rows that came as columns. */
export class Columns {
  constructor(
    private readonly row: Readonly<Record<string, unknown>>,
    /** Number of rows. */
    readonly count: number,
  ) {}

  /** A reader of one column: it returns the decoded value of a row. */
  read<T>(column: string, decode: (value: unknown, column: string) => T): (index: number) => T {
    const values = listOf(this.row[column]);
    return (index) => decode(values[index], column);
  }

  /** All rows, in the query's order. */
  rows<T>(rowAt: (index: number) => T): readonly T[] {
    return Array.from({ length: this.count }, (_, index) => rowAt(index));
  }
}

/** Runs a query and returns its rows as columns. */
export async function queryColumns(tx: Tx, query: ColumnarQuery): Promise<Columns> {
  const arrays = query.columns.map((column) => `json_agg(x."${column}") as "${column}"`);
  const before = query.with === undefined ? empty : sql`with ${query.with} `;
  const [row = {}] = await tx.query(
    sql`/* ${raw(query.name)} */ ${before}select ${raw(arrays.join(', '))} from (${query.select}) x`,
  );
  return new Columns(row, listOf(row[query.columns[0] ?? '']).length);
}

// For no rows the array is null.
function listOf(values: unknown): readonly unknown[] {
  return Array.isArray(values) ? values : [];
}
