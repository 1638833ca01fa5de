// The generator of benchmarks (bench/size) writes rows by SQL. Here the services live the same life, and every row of both accounts
// is compared, whatever table it is in.

import pg from 'pg';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  copyAccounts,
  FIRST_EVENT_AFTER_MS,
  makeAccount,
  makeHardware,
  type Services,
} from '../../bench/size/accounts.ts';
import { live } from '../../bench/size/life.ts';
import { encodeId } from '../../src/core/identity.ts';
import { LedgerCheckService } from '../../src/recording/ledger-check.service.ts';
import { RollupCheckService } from '../../src/rollups/check.service.ts';
import { OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { describeOnOneServer } from '../support/left-out.ts';

const BORN_MS = Date.parse('2025-08-20T09:30:00.000Z');
const NOW_MS = Date.parse('2026-03-10T12:00:00.000Z');
const SHAPE = {
  ...{ name: 'shape', timeZone: 'America/New_York' },
  ...{ workflows: 4, deployments: 5, guardrails: 1, models: 2 },
};
const EVENTS = 400;
const EVENTS_PER_COMMIT = 7;

let gateway: TestGateway;
let owner: pg.Pool;
let services: Services;
let generated: number;
let lived: number;

beforeAll(async () => {
  gateway = await startTestGateway();
  owner = new pg.Pool({ connectionString: gateway.databaseUrl, max: 2 });
  const actor = await gateway.app.keys.authenticate(OPERATOR_KEY);
  if (actor === null || actor === 'ENDED') throw new Error('the key is in force');
  services = { app: gateway.app, actor, clock: gateway.clock };
  await makeHardware(services, BORN_MS);
  generated = await generate();
  lived = await makeAccount(services, SHAPE, { name: 'lived', bornMs: BORN_MS });
  await liveLike(generated);
  await gateway.fold();
});

afterAll(async () => {
  await owner.end();
  await gateway.close();
});

async function generate(): Promise<number> {
  const templateId = await makeAccount(services, SHAPE, { name: 'template', bornMs: BORN_MS });
  gateway.clock.moveTo(NOW_MS);
  const client = await owner.connect();
  try {
    const [accountId = 0] = await copyAccounts(client, [templateId]);
    await live(
      client,
      [{ accountId, templateId, events: EVENTS, eventsPerCommit: EVENTS_PER_COMMIT }],
      { span: { bornMs: BORN_MS, nowMs: NOW_MS }, fold: () => gateway.fold() },
    );
    return accountId;
  } finally {
    client.release();
  }
}

/** Records what an account has recorded, each commit at its instant, and settles what is due whenever it is. */
async function liveLike(accountId: number): Promise<void> {
  const { rows } = await owner.query<{ recorded_at: Date; events: Record<string, string>[] }>(
    `select recorded_at, json_agg(json_build_object('source', source, 'eventId', event_id, 'type', type,
         'quantity', quantity, 'occurredAt', to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
         'kind', kind, 'id', subject_id, 'creditsMicro', credits_micro::text) order by seq) as events
     from usage_event where account_id = $1 group by recorded_at order by recorded_at`,
    [accountId],
  );
  const id = encodeId('Account', lived, lived);
  const named = { accountId: id, path: ['events'] } as const;
  for (const { recorded_at: recordedAt, events } of rows) {
    await settleUntil(recordedAt.getTime());
    const reports = events.map(({ kind = '', id: localId, creditsMicro, ...event }) => ({
      as: 'event' as const,
      fields: {
        ...event,
        ...(kind === 'MODEL'
          ? { modelId: encodeId('Model', lived, Number(localId)) }
          : { resourceId: idOf(kind, Number(localId)) }),
        ...(event['type'] === 'WORKFLOW_RUN' ? {} : { credits: decimal(creditsMicro) }),
      },
    }));
    const result = await gateway.app.ingest.record(services.actor, named, reports);
    expect(result).toMatchObject({ accepted: events.length, results: [] });
  }
  await settleUntil(NOW_MS);
}

async function settleUntil(atMs: number): Promise<void> {
  for (;;) {
    const { rows } = await owner.query<{ next_due_at: Date }>(
      'select next_due_at from credit_state where account_id = $1',
      [lived],
    );
    const dueMs = rows[0]?.next_due_at.getTime() ?? Infinity;
    if (dueMs > atMs) break;
    gateway.clock.moveTo(dueMs);
    await gateway.app.due.settleDue();
  }
  gateway.clock.moveTo(atMs);
}

const TYPES = {
  WORKFLOW: 'Workflow',
  MODEL_DEPLOYMENT: 'ModelDeployment',
  GUARDRAIL: 'Guardrail',
} as const;

function idOf(kind: string, localId: number): string {
  const type = Object.entries(TYPES).find(([name]) => name === kind)?.[1];
  if (type === undefined) throw new Error(`The generator has no ${kind}.`);
  return encodeId(type, lived, localId);
}

function decimal(micro = '0'): string {
  return `0.${micro.padStart(6, '0')}`;
}

/** What tells two accounts apart, and what two calls of the same content do. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  account_directory: ['external_id'],
  account: ['name', 'external_id', 'folded_name', 'folded_external_id', 'creation'],
  credit_state: ['last_ledger_hash'],
  ledger_entry: ['hash'],
  audit_entry: ['entry_id', 'target', 'changes', 'summary', 'request_id'],
};

async function tables(): Promise<readonly string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `select c.relname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       -- What rows were before a change is kept for a day.
       and a.attname = 'account_id' and c.relname <> 'former_row' order by 1`,
  );
  return rows.map(({ name }) => name);
}

async function rowsOf(table: string, accountId: number): Promise<readonly string[]> {
  const own = ['account_id', ...(OWN[table] ?? [])];
  const { rows } = await owner.query<{ row: string }>(
    `select (to_jsonb(t) - $2::text[])::text as row from ${table} t where account_id = $1 order by 1`,
    [accountId, own],
  );
  return rows.map(({ row }) => row);
}

// The generator writes several tables a statement.
describeOnOneServer('an account that the benchmarks generate', () => {
  it('has the rows of one that the services lived, in every table', async () => {
    const counts = new Map<string, number>();
    for (const table of await tables()) {
      const rows = await rowsOf(table, generated);
      expect({ table, rows }).toEqual({ table, rows: await rowsOf(table, lived) });
      counts.set(table, rows.length);
    }

    // It is a life, not an empty account: 400 events, hosting that was posted at the ends of seven cycles, and rollups.
    expect(counts.get('usage_event')).toBe(EVENTS);
    expect(counts.get('billing_cycle')).toBe(8);
    expect(counts.get('ledger_charge')).toBeGreaterThan(14);
    expect(counts.get('usage_by_resource_hour')).toBeGreaterThan(EVENTS / 2);
  });

  it('has a ledger whose hashes and balance hold', async () => {
    const checked = await new LedgerCheckService(gateway.database).check(generated);

    expect(checked).toMatchObject({ faults: [] });
    expect(checked?.entries).toBeGreaterThan(EVENTS / EVENTS_PER_COMMIT);
  });

  it('has rollups that agree with its events', async () => {
    const checks = [];
    for await (const one of new RollupCheckService(gateway.database).check([generated])) {
      checks.push(one);
    }

    expect(checks).toEqual([{ accountId: generated, differences: [] }]);
  });

  it('begins its usage a fortnight after it was opened', async () => {
    const { rows } = await owner.query<{ first: Date }>(
      'select min(recorded_at) as first from usage_event where account_id = $1',
      [generated],
    );

    expect(rows[0]?.first.getTime()).toBeGreaterThan(BORN_MS + FIRST_EVENT_AFTER_MS);
  });
});
