// Many rows as one: a JSON array for each column. The driver spends about a microsecond on each value of each row, and
// next to nothing on a value of an array, so what views read by the thousand comes this way.

import type { Tx } from './database.ts';
import { empty, raw, sql, type Sql } from './sql.ts';

/** A query by its parts. */
export interface ColumnarQuery {
  /** "views.loadSums" */
  readonly name: string;
  /** What `select` gives and is wanted of it. Sums that may pass 2^53 are selected as text: JSON's numbers would lose digits. */
  readonly columns: readonly string[];
  readonly select: Sql;
  /** What it may select from: "changed as (update … returning *)". */
  readonly with?: Sql;
}

/** Rows that came as columns. */
export class Columns {
  constructor(
    private readonly row: Readonly<Record<string, unknown>>,
    /** How many rows. */
    readonly count: number,
  ) {}

  /** How to read a column: its decoded value in a row. */
  read<T>(column: string, decode: (value: unknown, column: string) => T): (index: number) => T {
    const values = listOf(this.row[column]);
    return (index) => decode(values[index], column);
  }

  /** All rows, in the query's order. */
  rows<T>(rowAt: (index: number) => T): readonly T[] {
    return Array.from({ length: this.count }, (_, index) => rowAt(index));
  }
}

/** Runs a query and gives its rows as columns. */
export async function queryColumns(tx: Tx, query: ColumnarQuery): Promise<Columns> {
  const arrays = query.columns.map((column) => `json_agg(x."${column}") as "${column}"`);
  const before = query.with === undefined ? empty : sql`with ${query.with} `;
  const [row = {}] = await tx.query(
    sql`/* ${raw(query.name)} */ ${before}select ${raw(arrays.join(', '))} from (${query.select}) x`,
  );
  return new Columns(row, listOf(row[query.columns[0] ?? '']).length);
}

// The array of no rows is null.
function listOf(values: unknown): readonly unknown[] {
  return Array.isArray(values) ? values : [];
}
