// Events are kept by the month in which they were recorded. The database's own clock says which months are made ahead.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dayStartMs } from '../../src/core/calendar.ts';
import type { Tx } from '../../src/db/database.ts';
import { sqlState } from '../../src/db/sql-state.ts';
import { raw, sql } from '../../src/db/sql.ts';
import { makeMonths } from '../../src/recording/events.store.ts';
import { planTiers } from '../../src/rollups/tier-plan.ts';
import { loadSums } from '../../src/views/views.store.ts';
import {
  createAccount,
  moveClock,
  numberOf,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

async function owned(text: string): Promise<readonly Record<string, unknown>[]> {
  return asOwner(gateway.databaseUrl, text);
}

async function partitions(): Promise<readonly unknown[]> {
  const rows = await owned(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_event'::regclass order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Without the number of the shard that a name ends with on distributed tables. */
function partitionOf(name: unknown): string {
  return String(name).replace(/_\d{6,}$/, '');
}

/** The first instant of a month from now, and the name of its partition. */
async function monthAhead(months: number): Promise<{ readonly at: string; readonly name: string }> {
  const [row = {}] = await owned(
    `select to_char(m, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at, to_char(m, '"usage_event_"YYYY_MM') as name
     from (select date_trunc('month', now() at time zone 'UTC') + ${months} * interval '1 month' as m) m`,
  );
  return { at: String(row['at']), name: String(row['name']) };
}

async function partitionsOf(accountId: string): Promise<readonly unknown[]> {
  const rows = await owned(
    `select tableoid::regclass::text as name from usage_event where account_id = ${numberOf(accountId)} order by seq`,
  );
  return rows.map(({ name }) => partitionOf(name));
}

describe('the months of events', () => {
  it('are made three ahead, once', async () => {
    const before = await partitions();
    await owned('drop table ' + (await monthAhead(2)).name);

    await gateway.database.inTransaction('system', makeMonths);
    await gateway.database.inTransaction('system', makeMonths);

    const months = await Promise.all([0, 1, 2, 3].map(async (n) => (await monthAhead(n)).name));
    expect(await partitions()).toEqual([...months, 'usage_event_earlier', 'usage_event_other']);
    expect(before).toEqual(await partitions());
  });

  it('take in what was recorded in them before they were made', async () => {
    const later = await monthAhead(5);
    const accountId = await createAccount(gateway, { testClock: '2026-03-01T00:00:00Z' });
    await registerGuardrail(gateway, accountId);
    const of = { resourceKind: 'GUARDRAIL', resourceExternalId: 'g', credits: '1' } as const;
    await recordUsage(gateway, accountId, { ...of, occurredAt: '2026-02-28T00:00:00Z' });
    await moveClock(gateway, accountId, later.at);
    await recordUsage(gateway, accountId, { ...of, occurredAt: later.at });
    expect(await partitionsOf(accountId)).toEqual(['usage_event_earlier', 'usage_event_other']);

    await owned(`select make_usage_month('${later.at}')`);

    expect(await partitionsOf(accountId)).toEqual(['usage_event_earlier', later.name]);
    await recordUsage(gateway, accountId, { ...of, occurredAt: later.at });
    expect(await partitionsOf(accountId)).toEqual(['usage_event_earlier', later.name, later.name]);
  });

  it('are no concern of gateways beyond that', async () => {
    const { name } = await monthAhead(1);
    const refused = [
      `select make_usage_month('2020-01-01')`,
      `alter table usage_event detach partition ${name}`,
      `drop table ${name}`,
      `select from ${name}`,
      `insert into ${name} default values`,
      'select from usage_event_earlier',
      'select from usage_event_other',
    ];
    for (const text of refused) {
      for (const whose of [{ accountId: 1 }, 'operator', 'system'] as const) {
        const outcome = await gateway.database
          .inTransaction(whose, (tx) => tx.query(raw(text)))
          .catch(sqlState);
        expect({ text, outcome }).toEqual({ text, outcome: '42501' });
      }
    }
  });

  it('hold no event that was recorded more than a day before it happened', async () => {
    const insert = (recorded: string): Promise<unknown> =>
      owned(`insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro,
           occurred_at, recorded_at)
         values (${2 ** 31 - 1}, 1, 's', 'e', 'PROCESSING', 'GUARDRAIL', 1, 1, 1, '2026-03-02T00:00:00Z', '${recorded}')`);

    await expect(insert('2026-02-28T23:59:59.999Z')).rejects.toThrow('usage_event_ahead_check');
    await insert('2026-03-01T00:00:00Z');
    await owned(`delete from usage_event where account_id = ${2 ** 31 - 1}`);
  });

  itOnOneServer('are not looked at when they ended more than a day before a cut edge', async () => {
    const month = await monthAhead(1);
    const startMs = dayStartMs('UTC', Math.floor(Date.parse(month.at) / 86_400_000));
    const edgesMs = [startMs + 3 * 86_400_000 + 60_000, startMs + 5 * 86_400_000];
    const question = {
      ...{ accountId: 1, watermark: 5, written: null, edgesMs, subjectIds: null },
      tail: { fromSeq: 5, toSeq: 5, sign: 1 } as const,
      tierPlan: planTiers(edgesMs, { timeZone: 'UTC', underDay: 'HOURS' }),
    };
    const plan: unknown[] = [];

    await gateway.database.inSnapshot({ accountId: 1 }, (tx) =>
      loadSums(explained(tx, plan), 'account', [question]),
    );

    const read = plan.join('\n').match(/usage_event_\w+(?= u)/g);
    expect(read).toContain(month.name);
    expect(read).toContain('usage_event_other');
    expect(read).not.toContain((await monthAhead(0)).name);
    expect(read).not.toContain('usage_event_earlier');
  });
});

/** Notes how statements are carried out, and answers none. */
function explained(tx: Tx, plan: unknown[]): Tx {
  return {
    ...tx,
    query: async (statement) => {
      const rows = await tx.query(sql`explain ${statement}`);
      plan.push(...rows.map((row) => row['QUERY PLAN']));
      return [];
    },
  };
}
