import type { Tx } from '../../src/db/database.ts';
import type { Row } from '../../src/db/decode.ts';
import type { Sql } from '../../src/db/sql.ts';

/** A statement that ran, and how long its caller waited for the rows. */
export interface Ran {
  readonly name: string;
  readonly statement: Sql;
  readonly ms: number;
  readonly rows: number;
}

/** A transaction that notes what runs through it. */
export function recordingTx(tx: Tx, ran: Ran[]): Tx {
  return {
    isDistributed: tx.isDistributed,
    allowLong: (withinMs) => tx.allowLong(withinMs),
    later: (statement) => {
      tx.later(statement);
    },
    query: async (statement) => {
      const beginMs = performance.now();
      const rows = await tx.query(statement);
      const ms = performance.now() - beginMs;
      ran.push({ name: nameOf(statement), statement, ms, rows: countOf(rows) });
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
export function nameOf({ text }: Sql): string {
  return /\/\*\s*(\S+)\s*\*\//.exec(text)?.[1] ?? text.trim().slice(0, 30);
}
