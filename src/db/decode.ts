// Rows are decoded where they enter: a column that is not what the code expects throws here, with its name.

import { invariant } from '../core/errors.ts';

/** One row as the driver gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** A 64-bit integer of money or of another sum. */
export function big(row: Row, column: string): bigint {
  const value = row[column];
  invariant(typeof value === 'string' || typeof value === 'number', 'integer column', { column });
  return BigInt(value);
}

/** An integer that a JavaScript number holds exactly. */
export function int(row: Row, column: string): number {
  const value = Number(row[column]);
  invariant(row[column] !== null && Number.isSafeInteger(value), 'safe integer column', { column });
  return value;
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
  const value = row[column];
  invariant(typeof value === 'string', 'text column', { column });
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function bool(row: Row, column: string): boolean {
  const value = row[column];
  invariant(typeof value === 'boolean', 'boolean column', { column });
  return value;
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

/** An instant as a parameter of SQL. */
export function at(instantMs: number): Date {
  return new Date(instantMs);
}

export function atOrNull(instantMs: number | null): Date | null {
  return instantMs === null ? null : new Date(instantMs);
}
