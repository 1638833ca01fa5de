// Rows are decoded where they enter: an unexpected value throws here, with the name of its column.

import { invariant, InvariantError } from '../core/errors.ts';

/** One row as the driver returns it. */
export type Row = Readonly<Record<string, unknown>>;

/** Decodes one value. The error names `column`. */
export type Decode<T> = (value: unknown, column: string) => T;

export const bigValue: Decode<bigint> = (value, column) => {
  // Most sums are zero in some part.
  if (value === '0') return 0n;
  if (typeof value !== 'string' && typeof value !== 'number') broken('integer column', column);
  // A number that came through JSON may have lost digits.
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    broken('exact integer column', column);
  }
  return BigInt(value);
};

export const intValue: Decode<number> = (value, column) => {
  const number = typeof value === 'number' ? value : Number(value);
  if (value === null || !Number.isSafeInteger(number)) broken('safe integer column', column);
  return number;
};

export const textValue: Decode<string> = (value, column) => {
  if (typeof value !== 'string') broken('text column', column);
  return value;
};

export const boolValue: Decode<boolean> = (value, column) => {
  if (typeof value !== 'boolean') broken('boolean column', column);
  return value;
};

export function orNull<T>(decode: Decode<T>): Decode<T | null> {
  return (value, column) => (value === null ? null : decode(value, column));
}

/** A value of a closed set, as written in the database. */
export function valueOf<T extends string>(set: Readonly<Record<T, unknown>>): Decode<T> {
  return (value, column) => {
    const name = textValue(value, column);
    if (!isOneOf(name, set)) broken('closed set column', column, name);
    return name;
  };
}

// The error's facts are collected only on failure, because decoders run for every value.
function broken(what: string, column: string, value?: string): never {
  throw new InvariantError(what, { column, value });
}

/** A 64-bit integer: money or another sum. */
export function big(row: Row, column: string): bigint {
  return bigValue(row[column], column);
}

export function bigOrNull(row: Row, column: string): bigint | null {
  return row[column] === null ? null : big(row, column);
}

/** An integer that a JavaScript number holds exactly. */
export function int(row: Row, column: string): number {
  return intValue(row[column], column);
}

export function intOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : int(row, column);
}

export function float(row: Row, column: string): number {
  const value = row[column];
  invariant(typeof value === 'number', 'float column', { column });
  return value;
}

export function text(row: Row, column: string): string {
  return textValue(row[column], column);
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function bool(row: Row, column: string): boolean {
  return boolValue(row[column], column);
}

export function bytes(row: Row, column: string): Buffer {
  const value = row[column];
  invariant(value instanceof Buffer, 'bytes column', { column });
  return value;
}

export function bytesOrNull(row: Row, column: string): Buffer | null {
  return row[column] === null ? null : bytes(row, column);
}

/** An instant as epoch milliseconds. */
export function ms(row: Row, column: string): number {
  const value = row[column];
  invariant(value instanceof Date, 'timestamp column', { column });
  return value.getTime();
}

export function msOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : ms(row, column);
}

export function texts(row: Row, column: string): readonly string[] {
  const value = row[column];
  invariant(Array.isArray(value), 'array column', { column });
  return value.map(String);
}

/** An array of instants as epoch milliseconds. */
export function instants(row: Row, column: string): readonly number[] {
  const value = row[column];
  invariant(Array.isArray(value), 'array column', { column });
  return value.map((one: unknown) => ms({ [column]: one }, column));
}

/** An array of integers that JavaScript numbers hold exactly. */
export function ints(row: Row, column: string): readonly number[] {
  return texts(row, column).map(Number);
}

/** A value of a closed set, as written in the database. */
export function oneOf<T extends string>(
  row: Row,
  column: string,
  set: Readonly<Record<T, unknown>>,
): T {
  const value = text(row, column);
  invariant(isOneOf(value, set), 'closed set column', { column, value });
  return value;
}

function isOneOf<T extends string>(value: string, set: Readonly<Record<T, unknown>>): value is T {
  return Object.hasOwn(set, value);
}

/**
 * SQL for an instant as epoch milliseconds, read with `int`. The driver takes longer to parse a date than the rest of a
 * row, and JSON has no form for an instant beyond the year 9999.
 */
export function sqlMs(instant: string): string {
  // A double holds epoch seconds to well below a millisecond, and the cast rounds. The part of an instant would hang on the
  // session's time zone to PostgreSQL, and Citus lets RETURNING hang on none; that of an interval does not.
  return `(date_part('epoch', ${instant} - timestamptz 'epoch') * 1000)::int8`;
}

/** An instant as a parameter of SQL. */
export function at(instantMs: number): Date {
  return new Date(instantMs);
}

export function atOrNull(instantMs: number | null): Date | null {
  return instantMs === null ? null : new Date(instantMs);
}

/**
 * The rows of each of `count` questions that one statement answered, each list at its question's index.
 * @param ordinal the column that numbers the questions from 1, as `unnested` does
 */
export function rowsOfEach<T>(
  rows: readonly Row[],
  count: number,
  { ordinal, fromRow }: { readonly ordinal: string; readonly fromRow: (row: Row) => T },
): readonly (readonly T[])[] {
  const answers = Array.from({ length: count }, (): T[] => []);
  for (const row of rows) answers[int(row, ordinal) - 1]?.push(fromRow(row));
  return answers;
}
