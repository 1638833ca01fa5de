// Several reads as one statement: each returns a JSON array of its rows. Every credit write begins by reading all that an
// account's credits depend on, and most of the time that this takes is the round trip to the database.

import type { Tx } from './database.ts';
import type { Row } from './decode.ts';
import { join, raw, sql, type Sql } from './sql.ts';

/** A read that can be combined with others. */
export interface Read<T> {
  /** Values that may pass 2^53 are selected as text, since JSON's numbers would lose digits, and instants by `sqlMs`. */
  readonly select: Sql;
  readonly fromRow: (row: Row) => T;
}

type Reads = Readonly<Record<string, Read<unknown>>>;
type RowsOf<R extends Reads> = {
  readonly [K in keyof R]: R[K] extends Read<infer T> ? readonly T[] : never;
};

/** Makes all reads in one statement, so that they see the same state. @param name "credits.loadStates" */
export async function readCombined<R extends Reads>(
  tx: Tx,
  name: string,
  reads: R,
): Promise<RowsOf<R>> {
  const arrays = Object.entries(reads).map(
    ([key, { select }]) => sql`(select json_agg(x) from (${select}) x) as ${raw(`"${key}"`)}`,
  );
  const [row = {}] = await tx.query(sql`/* ${raw(name)} */ select ${join(arrays, ', ')}`);
  return Object.fromEntries(
    Object.entries(reads).map(([key, { fromRow }]) => [key, rowsOf(row[key]).map(fromRow)]),
  ) as unknown as RowsOf<R>;
}

// For no rows the array is null.
function rowsOf(value: unknown): readonly Row[] {
  return Array.isArray(value) ? (value as readonly Row[]) : [];
}
