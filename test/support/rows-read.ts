// How many rows of tables the database goes through, by the plans of what it ran.

import type { Database, Tx } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';

/** How many rows are read for an account, also those that a filter removes, in all nodes of the plans. */
export async function rowsRead(
  database: Database,
  accountId: number,
  read: (tx: Tx) => Promise<unknown>,
): Promise<number> {
  let sum = 0;
  const counting = (tx: Tx): Tx => ({
    ...tx,
    later: (statement) => {
      tx.later(statement);
    },
    query: async (statement) => {
      const [plan] = await tx.query(sql`explain (analyze, format json) ${statement}`);
      sum += readIn(plan?.['QUERY PLAN']);
      return tx.query(statement);
    },
  });
  await database.inSnapshot({ accountId }, (tx) => read(counting(tx)));
  return sum;
}

function readIn(node: unknown): number {
  if (Array.isArray(node)) return node.reduce<number>((sum, one) => sum + readIn(one), 0);
  if (typeof node !== 'object' || node === null) return 0;
  const of = node as Readonly<Record<string, unknown>>;
  const count = (name: string): number => Number(of[name] ?? 0) * Number(of['Actual Loops'] ?? 1);
  const isScan = of['Relation Name'] !== undefined;
  const own = isScan ? count('Actual Rows') + count('Rows Removed by Filter') : 0;
  return own + readIn(of['Plans']) + readIn(of['Plan']);
}
