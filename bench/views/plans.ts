import type { Account } from '../../src/account/account.ts';
import { QUARTER_HOUR_MS } from '../../src/rollups/tier-plan.ts';
import { insertEvents } from '../../src/recording/events.store.ts';
import type { NewEvent } from '../../src/recording/admission.ts';
import { foldOnce } from '../../src/rollups/rollups.store.ts';
import { text } from '../../src/db/decode.ts';
import type { Tx } from '../../src/db/database.ts';
import type { BenchGateway } from '../support/gateway.ts';
import { askedRanges, viewOf } from './questions.ts';
import { nameOf, recordingTx, type Ran } from './recording-tx.ts';
import { viewsOn } from './views-on.ts';

const BATCH = 1_000;
const EXPLAIN = 'explain (analyze, buffers, timing off, costs on, summary on) ';

/** Prints the plans of the statements that carry the load, as they run at the largest size. */
export async function printPlans(
  gateway: BenchGateway,
  account: Account,
  nowMs: number,
): Promise<void> {
  const ran: Ran[] = [];
  await gateway.database.inSnapshot(async (snapshot) => {
    const tx = recordingTx(snapshot, ran);
    const [range] = askedRanges(nowMs);
    if (range === undefined) return;
    const view = viewOf(account, range, nowMs);
    const views = viewsOn(tx, nowMs);
    await views.trend({ ...view, subjectIds: null }, 'AUTO');
    await views.workflowRows(view);
    for (const { name, sql, parameters } of [...ran]) {
      if (/loadSums|Segments/.test(name)) print(name, await explain(snapshot, sql, parameters));
    }
  });
  // Writing is shown too, and taken back.
  await gateway.database
    .inTransaction(async (tx) => {
      await insertEvents(
        explaining(tx, ['usage.insertEvents']),
        account.accountId,
        await newBatch(tx, account, nowMs),
      );
      const { rows } = await gateway.owner.query('select 1');
      if (rows.length > 0)
        await tx.query('update account set last_seq = last_seq + $2 where account_id = $1', [
          account.accountId,
          0,
        ]);
      await foldOnce(explaining(tx, ['rollups.foldEvents']), account.accountId);
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
  const resources = await tx.query(
    `select resource_id from resource where account_id = $1 and kind = 'WORKFLOW' order by resource_id limit $2`,
    [account.accountId, BATCH],
  );
  const last = await tx.query('select last_seq from account where account_id = $1', [
    account.accountId,
  ]);
  const lastSeq = Number(last[0]?.['last_seq']);
  const events = resources.map((row, index): NewEvent => ({
    seq: lastSeq + 1 + index,
    source: 'plans',
    eventId: `plan-${index}`,
    type: 'WORKFLOW_RUN',
    kind: 'WORKFLOW',
    subjectId: Number(row['resource_id']),
    quantity: 1,
    creditsMicro: 0n,
    occurredAtMs: nowMs - (index % 4) * QUARTER_HOUR_MS,
    endedAtMs: null,
    hardwareId: null,
  }));
  const totals = { lastSeq: lastSeq + events.length, quantity: 0n, creditsMicro: 0n };
  return { events, totals, nowMs };
}

/** Runs some statements under EXPLAIN ANALYZE, which does what they do, and prints their plans. */
function explaining(tx: Tx, names: readonly string[]): Tx {
  return {
    query: async (statement, given = []) => {
      const isText = typeof statement === 'string';
      const [sql, parameters] = isText ? [statement, given] : [statement.text, statement.values];
      if (!names.includes(nameOf(sql))) return tx.query(sql, parameters);
      print(nameOf(sql), await explain(tx, sql, parameters));
      return [];
    },
  };
}

async function explain(
  tx: Tx,
  sql: string,
  parameters: readonly unknown[],
): Promise<readonly string[]> {
  const rows = await tx.query(`${EXPLAIN}${sql}`, parameters);
  return rows.map((row) => text(row, 'QUERY PLAN'));
}

function print(name: string, lines: readonly string[]): void {
  process.stdout.write(`\nPlan of ${name}\n\n${lines.join('\n')}\n`);
}
