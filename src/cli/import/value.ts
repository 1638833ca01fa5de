// The small grammar of the mapping flags. A value is
//   column            the cell of that column
//   column+column     the exact sum of such cells
//   =text             that text; {column} in it is replaced by a cell, {#} by the row's line in the file
// and a condition is `column OP text` with one of = != > >= < <=.

import {
  addDecimals,
  compareDecimals,
  decimalHint,
  formatDecimal,
  parseDecimal,
  pointed,
  type Decimal,
  type DecimalMark,
} from './decimal.ts';
import { UsageError } from '../command-line.ts';
import { RowRejection } from './errors.ts';

/** A row of the file, by column name. */
export interface Row {
  /** Line of the file; the header is line 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** The value of a flag for each row. */
export interface Value {
  /** The value if it is the same for every row; otherwise null. */
  readonly constant: string | null;
  /** @throws RowRejection when a cell is not what the flag needs */
  readonly of: (row: Row) => string;
}

export type Condition = (row: Row) => boolean;

const operators = {
  '=': (order: number) => order === 0,
  '!=': (order: number) => order !== 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
} as const;

/** A value that is the same for every row. */
export function constantValue(text: string): Value {
  return { constant: text, of: () => text };
}

/** @throws UsageError when `text` names a column that the file lacks */
export function parseValue(
  text: string,
  columns: readonly string[],
  mark: DecimalMark = '.',
): Value {
  if (text.startsWith('=')) return parseTemplate(text.slice(1), columns);
  if (columns.includes(text)) return cellOf(text, columns);
  const names = text.split('+').map((name) => name.trim());
  if (names.length === 1) throw unknownColumn(text, columns);
  const addends = names.map((name) => numberOf(name, columns, mark));
  const zero: Decimal = { units: 0n, scale: 0 };
  return {
    constant: null,
    of: (row) =>
      // With the file's decimal sign: readers of the value do not know that it is a sum.
      pointed(
        formatDecimal(addends.reduce((sum, addend) => addDecimals(sum, addend(row)), zero)),
        mark,
      ),
  };
}

/**
 * Reads `requests>0`, `status!=failed`. Two numbers are compared as numbers; otherwise `=` and `!=` compare texts.
 * @throws UsageError when it has another form or names an unknown column
 */
export function parseCondition(
  text: string,
  columns: readonly string[],
  mark: DecimalMark = '.',
): Condition {
  const match = /^([^=!<>]+?)\s*(!=|>=|<=|=|>|<)\s*(.*)$/.exec(text.trim());
  const sign = Object.entries(operators).find(([known]) => known === match?.[2]);
  if (match === null || sign === undefined) {
    throw new UsageError(`--where ${text} has not the form column>0 (with = != > >= < <=).`);
  }
  const [, name = '', , wanted = ''] = match;
  const [operator, holds] = sign;
  const cell = cellOf(name, columns);
  const limit = parseDecimal(wanted, mark);
  const isOrdering = operator !== '=' && operator !== '!=';
  if (isOrdering && limit === null) {
    throw new UsageError(`--where ${text} compares with "${wanted}", which is not a number.`);
  }
  return (row) => {
    const found = cell.of(row);
    const number = parseDecimal(found, mark);
    if (number !== null && limit !== null) return holds(compareDecimals(number, limit));
    if (isOrdering) throw notANumber(name, found, mark);
    return holds(found === wanted ? 0 : 1);
  };
}

function parseTemplate(text: string, columns: readonly string[]): Value {
  const pieces = text.split(/\{([^{}]*)\}/);
  // split() with one group gives text, name, text, name, ..., text.
  const readers = pieces.map((piece, index): ((row: Row) => string) => {
    if (index % 2 === 0) return () => piece;
    if (piece === '#') return (row) => row.line.toString();
    return cellOf(piece, columns).of;
  });
  return {
    constant: pieces.length === 1 ? text : null,
    of: (row) => readers.map((read) => read(row)).join(''),
  };
}

function cellOf(name: string, columns: readonly string[]): Value {
  const index = columns.indexOf(name);
  if (index < 0) throw unknownColumn(name, columns);
  return { constant: null, of: (row) => row.cells[index] ?? '' };
}

function numberOf(
  name: string,
  columns: readonly string[],
  mark: DecimalMark,
): (row: Row) => Decimal {
  const cell = cellOf(name, columns);
  return (row) => {
    const number = parseDecimal(cell.of(row), mark);
    if (number === null) throw notANumber(name, cell.of(row), mark);
    return number;
  };
}

function notANumber(name: string, found: string, mark: DecimalMark): RowRejection {
  return new RowRejection(
    `${name} is "${found}", which is not a number.${decimalHint(found, mark)}`,
  );
}

function unknownColumn(name: string, columns: readonly string[]): UsageError {
  return new UsageError(
    `The file has no column "${name}"; its columns are ${columns.join(', ')}. A constant is written "=${name}".`,
  );
}
