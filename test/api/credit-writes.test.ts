// Writes on credits that meet other writes: each test forces the one order in which something could be lost.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { lockRates, upsertRate } from '../../src/catalogue/catalogue.store.ts';
import { eventually } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AllocateDocument,
  CreateAccountDocument,
  CreateHardwareProfileDocument,
  DeployDocument,
  RegisterResourcesDocument,
  SetHardwareRateDocument,
} from '../support/operations.ts';

const SECOND = 1_000;

let gateway: TestGateway;
let made = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

/** What an operation answers. */
async function told<T>(
  answer: Promise<{ readonly data: T; readonly errors: readonly unknown[] | undefined }>,
): Promise<T> {
  const { data, errors } = await answer;
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** A new hardware of 3.6 credits an hour: one micro-credit a millisecond. */
async function aHardware(): Promise<string> {
  made += 1;
  const { createHardwareProfile } = await told(
    gateway.query(CreateHardwareProfileDocument, {
      input: {
        name: `hardware ${made}`,
        kind: 'GPU',
        model: 'M',
        vcpus: 1,
        gpus: 1,
        memoryGb: 1,
        creditsPerHour: '3.6',
      },
    }),
  );
  return createHardwareProfile.name;
}

/** An account with 100 credits, warned at 50 percent, and a guardrail. */
async function anAccount(testClock?: string): Promise<{
  readonly accountId: string;
  readonly externalId: string;
  readonly id: string;
}> {
  made += 1;
  const externalId = `guardrail-${made}`;
  const input = { name: `Account ${made}`, usageThresholds: ['50'], hoursToStop: [] };
  const { createAccount } = await told(
    gateway.query(CreateAccountDocument, {
      input: testClock === undefined ? input : { ...input, testClock },
    }),
  );
  const accountId = createAccount.id;
  await told(
    gateway.query(AllocateDocument, { input: { accountId, amount: '100', idempotencyKey: 'a' } }),
  );
  const { registerResources } = await told(
    gateway.query(RegisterResourcesDocument, {
      accountId,
      resources: [{ kind: 'GUARDRAIL', externalId, name: 'G' }],
    }),
  );
  return { accountId, externalId, id: registerResources[0] ?? '' };
}

/** Takes locks on a connection of its own. @returns how to let go of them */
async function hold(sql: string, parameters: readonly unknown[]): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query(sql, [...parameters]);
  return async () => {
    await client.query('commit');
    await client.end();
  };
}

/** Waits until so many connections wait for a lock, or until something is done that was not to wait. */
async function waiting(count: number, instead?: Promise<unknown>): Promise<void> {
  let isDone = false;
  void instead?.finally(() => (isDone = true));
  await eventually(async () => {
    if (isDone) return;
    const rows = await asOwner(
      gateway.databaseUrl,
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(rows).toHaveLength(count);
  });
}

async function alertsOf(id: string): Promise<unknown> {
  const { account } = await told(
    gateway.query<{ account: { alerts: { nodes: unknown } } }>(
      'query ($id: ID) { account(id: $id) { alerts { nodes { kind crossedAt } } } }',
      { id },
    ),
  );
  return account.alerts.nodes;
}

async function burnOf(id: string): Promise<unknown> {
  const { account } = await told(
    gateway.query<{ account: { credits: { burnRatePerHour: string } } }>(
      'query ($id: ID) { account(id: $id) { credits { burnRatePerHour } } }',
      { id },
    ),
  );
  return account.credits.burnRatePerHour;
}

describe('a rate that is set while the first deployment on its hardware is being written', () => {
  /** Half of 100 credits are used after 60 s at 0.001 credits a second and 49.94 s at one. */
  async function expectWarning(accountId: string, beganMs: number): Promise<void> {
    gateway.clock.moveTo(beganMs + 120 * SECOND);
    await gateway.app.due.settleDue();

    const crossedAt = new Date(beganMs + 60 * SECOND + 49_940).toISOString();
    expect(await alertsOf(accountId)).toEqual([{ kind: 'CREDIT_THRESHOLD', crossedAt }]);
  }

  it('is foreseen, when the deployment comes first', async () => {
    const hardware = await aHardware();
    const { accountId, externalId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();

    const letGo = await hold('select from resource where external_id = $1 for no key update', [
      externalId,
    ]);
    const deploying = gateway.query(DeployDocument, { input: { id, hardware } });
    await waiting(1);
    const setting = gateway.query(SetHardwareRateDocument, {
      input: { hardware, creditsPerHour: '3600' },
    });
    await waiting(2, setting);
    await letGo();
    await told(deploying);
    await told(setting);

    await expectWarning(accountId, beganMs);
  });

  it('is foreseen, when the rate comes first and the deployment read the rates before it', async () => {
    const hardware = await aHardware();
    const { accountId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();
    const [row] = await asOwner(
      gateway.databaseUrl,
      'select hardware_id from hardware_profile where name = $1',
      [hardware],
    );
    const hardwareId = Number(row?.['hardware_id']);

    const deploying = await gateway.database.inTransaction(async (tx) => {
      await lockRates(tx, hardwareId);
      const answer = gateway.query(DeployDocument, { input: { id, hardware } });
      await waiting(1);
      const rate = { fromMs: beganMs + 60 * SECOND, rateMicroPerHour: 3_600_000_000n };
      await upsertRate(tx, { hardwareId, ...rate }, beganMs);
      return { answer };
    });
    await told(deploying.answer);

    await expectWarning(accountId, beganMs);
  });

  it('is taken by a test account whose time is past it', async () => {
    const hardware = await aHardware();
    const { accountId, externalId, id } = await anAccount('2027-01-01T00:00:00Z');

    const letGo = await hold('select from resource where external_id = $1 for no key update', [
      externalId,
    ]);
    const deploying = gateway.query(DeployDocument, { input: { id, hardware } });
    await waiting(1);
    const setting = gateway.query(SetHardwareRateDocument, {
      input: { hardware, creditsPerHour: '3600' },
    });
    await waiting(2, setting);
    await letGo();
    await told(deploying);
    await told(setting);

    expect(await burnOf(accountId)).toBe('3600');
  });
});
