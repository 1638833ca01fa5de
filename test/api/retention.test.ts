// What has ended is kept for as long as the configuration says, to the millisecond, and what is pending for ever.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AuditLogDocument,
  EmailsDocument,
  RedeliverWebhookDocument,
} from '@billing-gateway/client/operations';
import { encodeId } from '../../src/core/identity.ts';
import type { Tx } from '../../src/db/database.ts';
import { raw, sql } from '../../src/db/sql.ts';
import type { Retention } from '../../src/retention/retention.ts';
import { lockPruning, prune } from '../../src/retention/retention.store.ts';
import { ask, createAccount, numberOf } from '../support/account.ts';
import { asOwner, codeOf, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';

const DAY_MS = 24 * 3_600 * 1_000;
const DAYS: Retention = {
  deliveriesDays: 7,
  emailsDays: 14,
  exportsDays: 3,
  jobsDays: 5,
  auditDays: 60,
};

let gateway: TestGateway;
let beside: TestGateway;
let accountId: string;
let account: number;

beforeAll(async () => {
  // Long ago by the database's clock too, which guards young audit entries.
  const now = '2020-03-10T12:00:00.000Z';
  gateway = await startTestGateway({ now, app: { retention: DAYS } });
  beside = await startTestGateway({ beside: gateway, app: { retention: DAYS } });
  accountId = await createAccount(gateway);
  account = numberOf(accountId);
  await owned(`insert into webhook_endpoint (account_id, url, events, secret, created_at)
    values (${account}, 'https://hooks.example.com/', '{ALERT_RAISED}', '\\x00', '2020-01-01')`);
});

afterAll(async () => {
  await beside.close();
  await gateway.close();
});

function owned(text: string): Promise<readonly Record<string, unknown>[]> {
  return asOwner(gateway.databaseUrl, text);
}

type Kind = keyof Retention;

interface Planted {
  readonly table: string;
  /** Inserts a row that was written at an instant: one that has ended, or one with which something still happens. */
  readonly insert: (at: string, hasEnded: boolean, note: string) => string;
  /** The text that tells planted rows. */
  readonly note: string;
}

const planted: Readonly<Record<Kind, Planted>> = {
  deliveriesDays: {
    table: 'webhook_delivery',
    note: 'payload',
    insert: (at, hasEnded, note) =>
      `insert into webhook_delivery (account_id, endpoint_id, webhook_id, event, payload, status, next_attempt_at, created_at)
       select ${account}, min(endpoint_id), 'msg', 'ALERT_RAISED', '${note}', '${hasEnded ? 'FAILED' : 'PENDING'}',
         ${hasEnded ? 'null' : `timestamptz '${at}'`}, timestamptz '${at}' from webhook_endpoint where account_id = ${account}`,
  },
  emailsDays: {
    table: 'email',
    note: 'text',
    insert: (at, hasEnded, note) =>
      `insert into email (account_id, kind, to_addresses, subject, text, html, message_id, status, created_at, delivered_at)
       values (${account}, 'RESOLVED', '{a@example.com}', 's', '${note}', 'h', 'm', '${hasEnded ? 'DELIVERED' : 'PENDING'}',
         '${at}', ${hasEnded ? `'${at}'` : 'null'})`,
  },
  exportsDays: {
    table: 'export_run',
    note: 'format',
    insert: (at, hasEnded, note) =>
      `insert into export_run (account_id, run_id, name, format, state, from_at, to_at, started_at, seen_at, ended_at)
       values (${account}, gen_random_uuid(), 'usage', '${note}', '${hasEnded ? 'COMPLETE' : 'RUNNING'}', '${at}', '${at}', '${at}',
         ${hasEnded ? `'${at}', '${at}'` : `timestamptz '${at}' + interval '1000 days', null`})`,
  },
  jobsDays: {
    table: 'graphile_worker._private_jobs',
    note: 'last_error',
    insert: (at, hasEnded, note) =>
      `insert into graphile_worker._private_jobs (task_id, payload, attempts, max_attempts, last_error, updated_at)
       select task_id, '{}', ${hasEnded ? 10 : 9}, 10, '${note}', '${at}'
       from graphile_worker._private_jobs limit 1`,
  },
  auditDays: {
    table: 'audit_entry',
    note: 'summary',
    insert: (at, hasEnded, note) =>
      // Each entry has ended: one is kept because it is younger.
      `insert into audit_entry (account_id, at, actor, is_operator, action, target, summary, changes)
       values (${account}, timestamptz '${at}' + interval '${hasEnded ? 0 : 1000} days', 'key:1', true, 'allocate', '${accountId}', '${note}', '[]')`,
  },
};
const kinds = Object.keys(planted) as Kind[];

async function plant(
  kind: Kind,
  atMs: number,
  { note, hasEnded = true }: { readonly note: string; readonly hasEnded?: boolean },
): Promise<void> {
  await owned(planted[kind].insert(new Date(atMs).toISOString(), hasEnded, note));
}

async function left(kind: Kind, note: string): Promise<number> {
  const { table, note: column } = planted[kind];
  const [row] = await owned(
    `select count(*)::int as rows from ${table} where ${column} = '${note}'`,
  );
  return Number(row?.['rows']);
}

/** Prunes as any gateway does in the background. */
async function pruneAll(by = gateway): Promise<void> {
  await by.app.pruning.pruneAll();
  expect(by.takeFaults()).toEqual([]);
}

describe('what has ended', () => {
  beforeAll(async () => {
    await owned(`select graphile_worker.add_job('a task', '{}'::json)`);
  });

  it.each(kinds)('is kept until its last millisecond: %s', async (kind) => {
    const writtenMs = gateway.clock.nowMs();
    await plant(kind, writtenMs, { note: 'ended' });
    gateway.clock.moveBy(DAYS[kind] * DAY_MS - 1);
    await pruneAll();
    const before = await left(kind, 'ended');
    gateway.clock.moveBy(1);
    await pruneAll(beside);

    expect([before, await left(kind, 'ended')]).toEqual([1, 0]);
  });

  it.each(kinds)('is told from what is pending, which is kept: %s', async (kind) => {
    const longAgoMs = gateway.clock.nowMs() - 900 * DAY_MS;
    await plant(kind, longAgoMs, { note: 'pending', hasEnded: false });
    await plant(kind, longAgoMs, { note: 'old' });
    await pruneAll();

    expect([await left(kind, 'pending'), await left(kind, 'old')]).toEqual([1, 0]);
  });

  it.each(kinds)('is kept for ever with 0 days: %s', async (kind) => {
    const keeping = await startTestGateway({
      beside: gateway,
      app: { retention: { ...DAYS, [kind]: 0 } },
    });
    await plant(kind, 0, { note: 'for ever' });
    await pruneAll(keeping);
    const kept = await left(kind, 'for ever');
    await keeping.close();
    await pruneAll();

    expect([kept, await left(kind, 'for ever')]).toEqual([1, 0]);
  });

  itOnOneServer('is found by an index', async () => {
    const plan = async (kind: Kind): Promise<string> => {
      const lines: unknown[] = [];
      await gateway.database.inTransaction('system', async (tx) => {
        await tx.query(sql`set local enable_seqscan = off`);
        await tx.query(sql`set local enable_bitmapscan = off`);
        await tx.query(sql`set local enable_sort = off`);
        const explaining: Tx = {
          ...tx,
          query: async (statement) => {
            const rows = await tx.query(sql`explain ${statement}`);
            lines.push(...rows.map((row) => row['QUERY PLAN']));
            return [];
          },
        };
        await prune(explaining, kind, { untilMs: 0, limit: 500 });
      });
      return lines.join('\n');
    };

    expect(await plan('deliveriesDays')).toContain('using webhook_delivery_ended');
    expect(await plan('emailsDays')).toContain('using email_ended');
    expect(await plan('exportsDays')).toContain('using export_run_at');
    expect(await plan('auditDays')).toContain('using audit_entry_at');
  });
});

describe('pruning', () => {
  it('goes in small steps, and by one gateway at a time', async () => {
    const { insert } = planted.emailsDays;
    await owned(
      `do $do$ begin for i in 1..1200 loop ${insert('2000-01-01T00:00:00Z', true, 'many')}; end loop; end $do$`,
    );
    const steps: string[] = [];
    const stop = gateway.database.onStatement((text) => {
      if (text.includes('retention.deleteOldest')) steps.push(text);
    });
    const whileLocked = await gateway.database.inTransaction('system', async (tx) => {
      expect(await lockPruning(tx)).toBe(true);
      await pruneAll(beside);
      return left('emailsDays', 'many');
    });
    await pruneAll();
    stop();

    expect(whileLocked).toBe(1_200);
    expect(await left('emailsDays', 'many')).toBe(0);
    // 500 + 500 + 200
    expect(steps).toHaveLength(3);
  });

  it('leaves what is begun again while it runs', async () => {
    await plant('deliveriesDays', 0, { note: 'again' });
    let restarted = false;
    await gateway.database.inTransaction('system', async (tx) => {
      await prune(
        {
          ...tx,
          query: async (statement) => {
            const rows = await tx.query(statement);
            if (!restarted) {
              restarted = true;
              await owned(
                `update webhook_delivery set status = 'PENDING', next_attempt_at = created_at where payload = 'again'`,
              );
            }
            return rows;
          },
        },
        'deliveriesDays',
        { untilMs: gateway.clock.nowMs(), limit: 500 },
      );
    });

    expect(restarted).toBe(true);
    expect(await left('deliveriesDays', 'again')).toBe(1);
  });

  it('moves no page of a list', async () => {
    const own = await createAccount(gateway);
    const nowMs = gateway.clock.nowMs();
    const insert = (subject: string, atMs: number, status: string): Promise<unknown> =>
      owned(`insert into email (account_id, kind, to_addresses, subject, text, html, message_id, status, created_at)
        values (${numberOf(own)}, 'RESOLVED', '{a@example.com}', '${subject}', 't', 'h', 'm', '${status}', '${new Date(atMs).toISOString()}')`);
    await insert('oldest, pending', nowMs - 20 * DAY_MS, 'PENDING');
    await insert('old', nowMs - 19 * DAY_MS, 'FAILED');
    await insert('old, and the last of the page', nowMs - 18 * DAY_MS, 'FAILED');
    await insert('new', nowMs, 'FAILED');
    const page = async (after: string | null): Promise<readonly [unknown, string | null]> => {
      const { emails } = await ask(gateway, EmailsDocument, { accountId: own, first: 2, after });
      return [emails?.nodes.map(({ subject }) => subject), emails?.pageInfo.endCursor ?? null];
    };
    const [first, cursor] = await page(null);
    await pruneAll();
    const [second] = await page(cursor);

    expect(first).toEqual(['new', 'old, and the last of the page']);
    expect(second).toEqual(['oldest, pending']);
  });

  it('answers NOT_FOUND for a message that is gone, also when it is to be sent again', async () => {
    await plant('deliveriesDays', 0, { note: 'gone' });
    const [row] = await owned(`select delivery_id from webhook_delivery where payload = 'gone'`);
    const deliveryId = encodeId('WebhookDelivery', account, Number(row?.['delivery_id']));
    await pruneAll();

    expect(await codeOf(gateway.query(RedeliverWebhookDocument, { deliveryId }))).toBe('NOT_FOUND');
  });

  it('takes no message that is still to be sent, whatever it is told', async () => {
    for (const kind of ['deliveriesDays', 'emailsDays'] as const) {
      await plant(kind, 0, { note: 'to be sent', hasEnded: false });
      await plant(kind, 0, { note: 'sent' });
      await gateway.database.inTransaction('operator', (tx) =>
        tx.query(raw(`delete from ${planted[kind].table}`)),
      );

      expect([await left(kind, 'to be sent'), await left(kind, 'sent')]).toEqual([1, 0]);
    }
  });

  it('takes no audit entry of the last thirty days, whatever it is told', async () => {
    await owned(planted.auditDays.insert(new Date(0).toISOString(), true, 'ancient'));
    await owned(
      `insert into audit_entry (account_id, at, actor, is_operator, action, target, summary, changes)
       select ${account}, now() - age, 'key:1', true, 'allocate', '${accountId}', 'of ' || age, '[]'
       from unnest('{29 days 23:59:00,30 days 00:01:00}'::interval[]) age`,
    );
    await gateway.database.inTransaction('operator', (tx) =>
      tx.query(raw('delete from audit_entry')),
    );

    const { auditLog } = await ask(gateway, AuditLogDocument, { accountId });
    expect(auditLog?.nodes.map(({ summary }) => summary)).toEqual(['of 29 days 23:59:00']);
    await expect(
      gateway.database.inTransaction({ accountId: account }, (tx) =>
        tx.query(raw('delete from audit_entry')),
      ),
    ).rejects.toThrow(/permission denied/);
  });
});
