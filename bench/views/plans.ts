import type { Account } from '../../src/account/account.ts';
import { QUARTER_HOUR_MS } from '../../src/rollups/tier-plan.ts';
import { insertEvents } from '../../src/recording/events.store.ts';
import type { NewEvent } from '../../src/recording/admission.ts';
import { foldTogether } from '../../src/rollups/fold.store.ts';
import { text } from '../../src/db/decode.ts';
import type { Tx } from '../../src/db/database.ts';
import { sql, type Sql } from '../../src/db/sql.ts';
import type { BenchGateway } from '../support/gateway.ts';
import { askedRanges, viewOf } from './questions.ts';
import { nameOf, recordingTx, type Ran } from './recording-tx.ts';
import { viewsOn } from './views-on.ts';

const BATCH = 1_000;

/** Prints the plans of the statements that carry the load, as they run at the largest size. */
export async function printPlans(
  gateway: BenchGateway,
  account: Account,
  nowMs: number,
): Promise<void> {
  const ran: Ran[] = [];
  await gateway.database.inSnapshot(account, async (snapshot) => {
    const tx = recordingTx(snapshot, ran);
    const [range] = askedRanges(nowMs);
    if (range === undefined) return;
    const view = viewOf(account, range, nowMs);
    const views = viewsOn(tx, nowMs);
    await views.trend({ ...view, subjectIds: null }, 'AUTO');
    await views.workflowRows(view);
    for (const { name, statement } of [...ran]) {
      if (/loadSums|Segments/.test(name)) print(name, await explain(snapshot, statement));
    }
  });
  // Writing is shown too, and taken back.
  await gateway.database
    .inTransaction(account, async (tx) => {
      const batch = await newBatch(tx, account, nowMs);
      const explained: Promise<void>[] = [];
      insertEvents(explaining(tx, ['usage.insertEvents'], explained), account.accountId, batch);
      await Promise.all(explained);
      await foldTogether(explaining(tx, ['rollups.foldEvents']), [account.accountId]);
      throw new TakenBack();
    })
    .catch((error: unknown) => {
      if (!(error instanceof TakenBack)) throw error;
    });
}

class TakenBack extends Error {}

async function newBatch(
  tx: Tx,
  account: Account,
  nowMs: number,
): Promise<Parameters<typeof insertEvents>[2]> {
  const { accountId } = account;
  const resources = await tx.query(sql`select resource_id from resource
    where account_id = ${accountId} and kind = 'WORKFLOW' order by resource_id limit ${BATCH}`);
  const last = await tx.query(sql`select last_seq from account where account_id = ${accountId}`);
  const lastSeq = Number(last[0]?.['last_seq']);
  const events = resources.map((row, index): NewEvent => ({
    seq: lastSeq + 1 + index,
    source: 'plans',
    eventId: `plan-${index}`,
    type: 'WORKFLOW_RUN',
    kind: 'WORKFLOW',
    subjectId: Number(row['resource_id']),
    quantity: 1,
    unit: null,
    creditsMicro: 0n,
    occurredAtMs: nowMs - (index % 4) * QUARTER_HOUR_MS,
    endedAtMs: null,
    hardwareId: null,
  }));
  const totals = { lastSeq: lastSeq + events.length, quantity: 0n, creditsMicro: 0n };
  return { events, totals, nowMs };
}

/** Runs some statements under EXPLAIN ANALYZE, which does what they do, and prints their plans. */
function explaining(tx: Tx, names: readonly string[], explained: Promise<void>[] = []): Tx {
  const tell = async (statement: Sql): Promise<void> => {
    print(nameOf(statement), await explain(tx, statement));
  };
  return {
    isDistributed: tx.isDistributed,
    allowLong: (withinMs) => tx.allowLong(withinMs),
    later: (statement) => {
      if (names.includes(nameOf(statement))) explained.push(tell(statement));
      else tx.later(statement);
    },
    query: async (statement) => {
      if (!names.includes(nameOf(statement))) return tx.query(statement);
      await tell(statement);
      return [];
    },
  };
}

async function explain(tx: Tx, statement: Sql): Promise<readonly string[]> {
  const rows = await tx.query(
    sql`explain (analyze, buffers, timing off, costs on, summary on) ${statement}`,
  );
  return rows.map((row) => text(row, 'QUERY PLAN'));
}

function print(name: string, lines: readonly string[]): void {
  process.stdout.write(`\nPlan of ${name}\n\n${lines.join('\n')}\n`);
}
