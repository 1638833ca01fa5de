// CSV as RFC 4180 has it. A spreadsheet takes a text that begins like a formula for one, so such a text is marked as text.

import type { Column, Form } from './columns.ts';

const BOM = '\uFEFF';
const LINE_END = '\r\n';
/** Also behind blanks, and as full-width characters: spreadsheets skip the ones and fold the others. */
const FORMULA = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}]*[=+\-@\t\r\0＝＋－＠]/u;
const SPECIAL = /[",\r\n]/;

/** How instants are written. */
export interface InstantText {
  readonly utc: (atMs: number) => string;
  /** In the zone that was asked for. */
  readonly local: (atMs: number) => string;
}

/** A text as a cell: marked if it begins like a formula, quoted if it needs to be. */
export function textCell(text: string): string {
  return quoted(FORMULA.test(text) ? `'${text}` : text);
}

/** An export as CSV: a line of names, then one for each row. Instants come in UTC and, beside it, in the zone. */
export function csvForm<R>(
  columns: readonly Column<R>[],
  { bom, instants }: { readonly bom: boolean; readonly instants: InstantText },
): Form<R> {
  const names = columns.flatMap(({ name, kind }) =>
    kind === 'instant' ? [name, `${name}_local`] : [name],
  );
  return {
    head: `${bom ? BOM : ''}${names.join(',')}${LINE_END}`,
    row: (row) => `${columns.map((column) => cellsOf(column, row, instants)).join(',')}${LINE_END}`,
    end: () => '',
  };
}

function cellsOf<R>(column: Column<R>, row: R, { utc, local }: InstantText): string {
  if (column.kind === 'instant') {
    const atMs = column.value(row);
    return atMs === null ? ',' : `${utc(atMs)},${local(atMs)}`;
  }
  const value = column.value(row);
  if (value === null) return '';
  return column.kind === 'number' ? String(value) : textCell(String(value));
}

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
