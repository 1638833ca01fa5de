// NDJSON: a first line that says what this is, a line for each row, and a last line that says what they come to. Whoever reads the
// last line has read everything.

import { encodeCursor } from '../core/cursor.ts';
import { formatMicro } from '../core/micro.ts';
import type { Column, Form } from './columns.ts';

/**
 * An export as NDJSON.
 * @param start what the first line says
 * @param utc writes an instant
 */
export function ndjsonForm<R>(
  columns: readonly Column<R>[],
  { start, utc }: { readonly start: object; readonly utc: (atMs: number) => string },
): Form<R> {
  return {
    head: line({ type: 'start', ...start }),
    row: (row, key) => {
      const members: Record<string, unknown> = { type: 'row', cursor: encodeCursor(key) };
      for (const column of columns) members[column.name] = valueOf(column, row, utc);
      return line(members);
    },
    end: ({ rows, creditsMicro }) =>
      line({
        type: 'end',
        rows,
        creditsMicro: creditsMicro === null ? null : creditsMicro.toString(),
        credits: creditsMicro === null ? null : formatMicro(creditsMicro),
      }),
  };
}

function valueOf<R>(column: Column<R>, row: R, utc: (atMs: number) => string): unknown {
  if (column.kind !== 'instant') return column.value(row);
  const atMs = column.value(row);
  return atMs === null ? null : utc(atMs);
}

function line(members: object): string {
  return `${JSON.stringify(members)}\n`;
}
