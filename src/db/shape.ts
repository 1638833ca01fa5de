// How the properties of a value are read, in one place: for each, the SQL that selects it and its decoder. The select
// list, the reading of a row and the reading of columns follow from it.

import type { Columns } from './columnar.ts';
import type { Decode, Row } from './decode.ts';
import { raw, type Sql } from './sql.ts';

/** For each property: the SQL that selects it, and its decoder. Sums that may pass 2^53 are selected as text. */
export type Shape<T> = { readonly [K in keyof T]-?: readonly [sql: string, decode: Decode<T[K]>] };

type Read = readonly [sql: string, decode: Decode<unknown>];

/** The select list: each property under its own name. */
export function selectList<T extends object>(shape: Shape<T>): Sql {
  return raw(
    readsOf(shape)
      .map(([property, [sql]]) => `${sql} as "${property}"`)
      .join(', '),
  );
}

/** A row of a select list. */
export function fromRow<T extends object>(shape: Shape<T>, row: Row): T {
  return rowReader(shape)(row);
}

/** What reads the rows of a select list. For many rows: it looks at the shape once. */
export function rowReader<T extends object>(shape: Shape<T>): (row: Row) => T {
  const reads = readsOf(shape);
  return (row) => {
    const value: Record<string, unknown> = {};
    for (const [property, [, decode]] of reads) value[property] = decode(row[property], property);
    // A shape has a decoder for each property of T, so together they make a T.
    return value as T;
  };
}

/** The rows of a select list that came as columns, in the query's order. */
export function fromColumns<T extends object>(shape: Shape<T>, columns: Columns): readonly T[] {
  const readers = readsOf(shape).map(
    ([property, [, decode]]) => [property, columns.read(property, decode)] as const,
  );
  return columns.rows((index) => {
    const value: Record<string, unknown> = {};
    for (const [property, read] of readers) value[property] = read(index);
    return value as T;
  });
}

function readsOf(shape: object): readonly (readonly [property: string, read: Read])[] {
  return Object.entries(shape) as [string, Read][];
}
