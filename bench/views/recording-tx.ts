import type { Tx } from '../../src/db/database.ts';
import type { Row } from '../../src/db/decode.ts';

/** A statement that ran, and how long its caller waited for the rows. */
export interface Ran {
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly ms: number;
  readonly rows: number;
}

/** A transaction that notes what runs through it. */
export function recordingTx(tx: Tx, ran: Ran[]): Tx {
  return {
    query: async (statement, given = []) => {
      const isText = typeof statement === 'string';
      const [sql, parameters] = isText ? [statement, given] : [statement.text, statement.values];
      const beginMs = performance.now();
      const rows = await tx.query(sql, parameters);
      const ms = performance.now() - beginMs;
      ran.push({ name: nameOf(sql), sql, parameters, ms, rows: countOf(rows) });
      return rows;
    },
  };
}

// Rows that came as columns are one row of arrays.
function countOf(rows: readonly Row[]): number {
  const [value] = Object.values(rows[0] ?? {});
  return Array.isArray(value) ? value.length : rows.length;
}

/** The name that a statement carries in its first comment. */
export function nameOf(sql: string): string {
  return /\/\*\s*(\S+)\s*\*\//.exec(sql)?.[1] ?? sql.trim().slice(0, 30);
}
