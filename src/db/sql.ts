// SQL with parameters in the places where they are used. A statement is text and values; the tag keeps the two apart, so that
// no value ever becomes text.

import sqlTag, { empty, join, raw, Sql } from 'sql-template-tag';
import { invariant } from '../core/errors.ts';

export { empty, join, raw, Sql };
export const sql = sqlTag;

/** A column of a table of parameters: its type, and its value in a row. */
export type Column<R> = readonly [type: string, value: (row: R) => unknown];

/**
 * Rows as a table of parameters, one array for each column: `unnest($1::int[], $2::text[]) as k (a, b)`.
 * @param columns by name, in the table's order
 * @param options.as the table's alias; default k
 * @param options.ordinal the name of an additional column that numbers the rows from 1
 */
export function unnested<R>(
  rows: readonly R[],
  columns: Readonly<Record<string, Column<R>>>,
  { as = 'k', ordinal }: { readonly as?: string; readonly ordinal?: string } = {},
): Sql {
  const entries = Object.entries(columns);
  const names = [...Object.keys(columns), ...(ordinal === undefined ? [] : [ordinal])];
  const casts = entries.map(([, [type]]) => `::${type}[]`);
  return new Sql(
    [
      'unnest(',
      ...casts.slice(0, -1).map((cast) => `${cast}, `),
      `${casts.at(-1) ?? ''})${ordinal === undefined ? '' : ' with ordinality'} as ${as} (${names.join(', ')})`,
    ],
    entries.map(([, [, value]], index) => {
      const values = rows.map(value);
      // A column of nulls alone is sent empty, since unnest fills it up. The first column is not: it says how many rows there are.
      return index > 0 && values.every((one) => one === null) ? '{}' : arrayLiteral(values);
    }),
  );
}

/**
 * The same, beside the account's own row `own`. A statement that inserts rows from here takes `own.account_id`, not a parameter: on a
 * distributed database it then runs on the account's server alone.
 */
export function unnestedOf<R>(
  accountId: number,
  rows: readonly R[],
  columns: Readonly<Record<string, Column<R>>>,
  options?: { readonly as?: string; readonly ordinal?: string },
): Sql {
  return sql`account own join ${unnested(rows, columns, options)} on own.account_id = ${accountId}`;
}

// The driver writes the same, but escapes every value, and ingest sends thousands. So lists of one type are written at once.
function arrayLiteral(values: readonly unknown[]): string {
  if (values.every(isNumber)) return `{${values.join(',')}}`;
  if (values.every(isText)) return `{"${values.map(escaped).join('","')}"}`;
  return `{${values.map(elementLiteral).join(',')}}`;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function escaped(value: string): string {
  return /["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value;
}

function elementLiteral(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Date) return `"${value.toISOString()}"`;
  if (isNumber(value) || typeof value === 'boolean') return String(value);
  invariant(isText(value), 'a value of an array parameter');
  return `"${escaped(value)}"`;
}
