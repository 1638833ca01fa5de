// Statements about several accounts. A single database is asked about all of them at once. A distributed one is asked about each
// account apart, in the same round trip: it runs a statement on one server only if every subquery names its account by a value.

import { groupBy } from '../core/group.ts';
import type { Tx } from './database.ts';
import { sql, type Sql } from './sql.ts';

interface OfAccount {
  readonly accountId: number;
}

/** What is asked about, by account: together, or each account apart where they are distributed. Of an empty list nothing is asked then. */
export function togetherOrApart<Q extends OfAccount | number>(
  tx: Tx,
  of: readonly Q[],
): readonly (readonly Q[])[] {
  return tx.isDistributed ? [...groupBy(of, accountIdOf).values()] : [of];
}

/** Asks for rows of some accounts, or of what belongs to them. @returns all rows; those of an account as `ask` gives them */
export async function rowsByAccount<Q extends OfAccount | number, R>(
  tx: Tx,
  of: readonly Q[],
  ask: (of: readonly Q[]) => Promise<readonly R[]>,
): Promise<readonly R[]> {
  const rows = await Promise.all(togetherOrApart(tx, of).map(ask));
  return rows.flat();
}

/** Asks for an answer to each question. @returns the answers in the order of the questions, as `ask` gives them */
export async function answersByAccount<Q extends OfAccount, A>(
  tx: Tx,
  questions: readonly Q[],
  ask: (questions: readonly Q[]) => Promise<readonly A[]>,
): Promise<readonly A[]> {
  if (!tx.isDistributed) return ask(questions);
  const groups = togetherOrApart(tx, questions);
  const answers = await Promise.all(groups.map(ask));
  const answerTo = new Map(
    groups.flatMap((group, index) =>
      group.map((question, nth) => [question, answers[index]?.[nth]] as const),
    ),
  );
  return questions.map((question) => answerTo.get(question) as A);
}

/** What names the account in a subquery: the column that has it, or on a distributed database the value for the only one. */
export function accountOf(tx: Tx, of: readonly (OfAccount | number)[], column: Sql): Sql {
  if (!tx.isDistributed) return column;
  const [one] = of;
  return sql`${one === undefined ? null : accountIdOf(one)}::int`;
}

function accountIdOf(of: OfAccount | number): number {
  return typeof of === 'object' ? of.accountId : of;
}
