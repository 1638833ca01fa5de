// Writes on credits in the orders in which something could be lost, counted twice or told wrong: each test forces its order.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { lockRates, upsertRate } from '../../src/catalogue/catalogue.store.ts';
import { RollupCheckService } from '../../src/rollups/check.service.ts';
import { foldTogether } from '../../src/rollups/fold.store.ts';
import {
  alertsOf,
  allocate,
  ask,
  createAccount,
  createHardware,
  dataOf,
  deploy,
  numberOf,
  registerGuardrail,
} from '../support/account.ts';
import { countLockWaits } from '../support/databases.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AdjustCreditsDocument,
  AllocateDocument,
  AllocationsDocument,
  CreateAccountDocument,
  CreditsDocument,
  type CreditsQuery,
  DeployDocument,
  HardwareProfilesDocument,
  LedgerDocument,
  OverviewDocument,
  RecordUsageDocument,
  ScaleDocument,
  SetHardwareRateDocument,
  UndeployDocument,
  VoidAllocationDocument,
} from '@billing-gateway/client/operations';
import { sql, type Sql } from '../../src/db/sql.ts';

const SECOND = 1_000;

let gateway: TestGateway;
let made = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

/** What an operation that is under way answers. */
async function told<T>(answer: Promise<Answer<T>>): Promise<T> {
  return dataOf(await answer);
}

/** A new hardware; 3.6 credits an hour are one micro-credit a millisecond, 3,600 a credit a second. */
async function aHardware(creditsPerHour = '3.6'): Promise<string> {
  made += 1;
  const name = `hardware ${made}`;
  await createHardware(gateway, name, creditsPerHour);
  return name;
}

/** An account with 100 credits, warned at 50 percent, and a guardrail. */
async function anAccount(testClock?: string): Promise<{
  readonly accountId: string;
  readonly externalId: string;
  readonly id: string;
}> {
  made += 1;
  const externalId = `guardrail-${made}`;
  const accountId = await createAccount(gateway, {
    name: `Account ${made}`,
    usageThresholds: ['50'],
    hoursToStop: [],
    ...(testClock === undefined ? {} : { testClock }),
  });
  await allocate(gateway, accountId, '100');
  return { accountId, externalId, id: await registerGuardrail(gateway, accountId, externalId) };
}

/** Takes locks on a connection of its own. @returns how to let go of them */
async function hold(statement: Sql): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query(statement);
  return async () => {
    await client.query('commit');
    await client.end();
  };
}

function holdResource(accountId: string, externalId: string): Promise<() => Promise<void>> {
  return hold(
    sql`select from resource where account_id = ${numberOf(accountId)} and external_id = ${externalId} for no key update`,
  );
}

/** Waits until so many connections wait for a lock, or until something is done that was not to wait. */
async function waiting(count: number, instead?: Promise<unknown>): Promise<void> {
  let isDone = false;
  void instead?.finally(() => (isDone = true));
  await eventually(async () => {
    if (isDone) return;
    expect(await countLockWaits(gateway.databaseUrl)).toBe(count);
  });
}

async function creditsOf(accountId: string): Promise<CreditsQuery['account']> {
  return (await ask(gateway, CreditsDocument, { accountId })).account;
}

async function toldOf(id: string): Promise<unknown> {
  return (await alertsOf(gateway, id)).map(({ kind, crossedAt }) => ({ kind, crossedAt }));
}

describe('a rate that is set while the first deployment on its hardware is being written', () => {
  /** Half of 100 credits are used after 60 s at 0.001 credits a second and 49.94 s at one. */
  async function expectWarning(accountId: string, beganMs: number): Promise<void> {
    gateway.clock.moveTo(beganMs + 120 * SECOND);
    await gateway.app.due.settleDue();

    const crossedAt = new Date(beganMs + 60 * SECOND + 49_940).toISOString();
    expect(await toldOf(accountId)).toEqual([{ kind: 'CREDIT_THRESHOLD', crossedAt }]);
  }

  it('is forecast, when the deployment comes first', async () => {
    const hardware = await aHardware();
    const { accountId, externalId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();

    const letGo = await holdResource(accountId, externalId);
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

  it('is forecast, when the rate comes first and the deployment read the rates before it', async () => {
    const hardware = await aHardware();
    const { accountId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();
    const [row] = await asOwner(
      gateway.databaseUrl,
      sql`select hardware_id from hardware_profile where name = ${hardware}`,
    );
    const hardwareId = Number(row?.['hardware_id']);

    const deploying = await gateway.database.inTransaction('operator', async (tx) => {
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

    const letGo = await holdResource(accountId, externalId);
    const deploying = gateway.query(DeployDocument, { input: { id, hardware } });
    await waiting(1);
    const setting = gateway.query(SetHardwareRateDocument, {
      input: { hardware, creditsPerHour: '3600' },
    });
    await waiting(2, setting);
    await letGo();
    await told(deploying);
    await told(setting);

    expect(await creditsOf(accountId)).toMatchObject({ credits: { burnRatePerHour: '3600' } });
  });

  it('is foreseen by an account that runs on the hardware and is just being written', async () => {
    const hardware = await aHardware();
    const { accountId, externalId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();
    await deploy(gateway, id, hardware);

    const letGo = await holdResource(accountId, externalId);
    const scaling = gateway.query(ScaleDocument, { input: { id, replicas: 2 } });
    await waiting(1);
    const setting = gateway.query(SetHardwareRateDocument, {
      input: { hardware, creditsPerHour: '1800' },
    });
    await waiting(2, setting);
    await letGo();
    await told(scaling);
    await told(setting);

    // Two replicas at half the rate, after 60 s at 0.002 credits a second.
    gateway.clock.moveTo(beganMs + 120 * SECOND);
    await gateway.app.due.settleDue();
    const crossedAt = new Date(beganMs + 60 * SECOND + 49_880).toISOString();
    expect(await toldOf(accountId)).toEqual([{ kind: 'CREDIT_THRESHOLD', crossedAt }]);
  });

  it('is not written when its instant has nearly come before it could be', async () => {
    const hardware = await aHardware();
    const { id } = await anAccount('2027-01-01T00:00:00Z');
    await deploy(gateway, id, hardware);
    const [row] = await asOwner(gateway.databaseUrl, 'select max(account_id) as id from account');
    const set = { hardware, creditsPerHour: '1800' };
    const inTenSeconds = new Date(gateway.clock.nowMs() + 10 * SECOND).toISOString();

    // A test account on the hardware is written meanwhile, and keeps the rate waiting.
    const letGo = await hold(sql`select from account where account_id = ${row?.['id']} for update`);
    const setting = gateway.query(SetHardwareRateDocument, {
      input: { ...set, effectiveFrom: inTenSeconds },
    });
    await waiting(1);
    gateway.clock.moveBy(9 * SECOND);
    await letGo();
    const { errors } = await setting;
    const { hardwareProfiles } = await ask(gateway, HardwareProfilesDocument, {});

    expect(errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
    expect(hardwareProfiles.find(({ name }) => name === hardware)?.rates).toHaveLength(1);
  });

  it('is forecast, when it was set before anything ran on the hardware', async () => {
    const hardware = await aHardware();
    const { accountId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();
    await ask(gateway, SetHardwareRateDocument, { input: { hardware, creditsPerHour: '3600' } });
    await deploy(gateway, id, hardware);

    await expectWarning(accountId, beganMs);
  });
});

describe('a deployment that arrives late', () => {
  it('is answered as stopped, when what it cost since brings about the stop', async () => {
    const hardware = await aHardware('3600');
    const { id } = await anAccount();
    const at = new Date(gateway.clock.nowMs()).toISOString();
    gateway.clock.moveBy(200 * SECOND);

    const { deploy } = await ask(gateway, DeployDocument, { input: { id, hardware, at } });

    expect(deploy).toMatchObject({
      status: 'UNDEPLOYED',
      failureMessage:
        "You've used all your available credits. Please add more credits to your account to continue.",
      hosting: null,
    });
  });
});

describe('an undeploy from before the stop', () => {
  it('takes its hosting out of the rollups that are being written', async () => {
    const hardware = await aHardware('3600');
    const { accountId, id } = await anAccount();
    const beganMs = gateway.clock.nowMs();
    await deploy(gateway, id, hardware);
    // 100 credits at one a second, down to the limit of 0.
    gateway.clock.moveBy(200 * SECOND);
    await gateway.app.due.settleDue();

    const account = numberOf(accountId);
    const { answer } = await gateway.database.inTransaction({ accountId: account }, async (tx) => {
      while ((await foldTogether(tx, [account])).behind.length > 0);
      const at = new Date(beganMs + 50 * SECOND).toISOString();
      const undeploying = gateway.query(UndeployDocument, { id, at });
      await waiting(1);
      return { answer: undeploying };
    });
    await told(answer);
    await gateway.fold();

    const checked = [];
    for await (const one of new RollupCheckService(gateway.database).check([account])) {
      checked.push(one);
    }
    expect(checked).toEqual([{ accountId: account, differences: [] }]);
    expect(await creditsOf(accountId)).toMatchObject({ credits: { used: '50', remaining: '50' } });
  });
});

describe('an account that another write holds', () => {
  it('is settled as soon as it is let go', async () => {
    const hardware = await aHardware('3600');
    const { accountId, id } = await anAccount();
    await deploy(gateway, id, hardware);
    gateway.clock.moveBy(60 * SECOND);

    const letGo = await hold(
      sql`select from account where account_id = ${numberOf(accountId)} for update`,
    );
    await gateway.app.due.settleDue();
    const whileHeld = await toldOf(accountId);
    await letGo();
    await gateway.app.due.settleDue();

    expect(whileHeld).toEqual([]);
    expect(await toldOf(accountId)).toMatchObject([{ kind: 'CREDIT_THRESHOLD' }]);
    expect(gateway.takeFaults()).toEqual([]);
  });
});

describe('voiding one of a recurring grant', () => {
  it('ends the row also when its cycle ended and nobody has noticed yet', async () => {
    made += 1;
    const { createAccount } = await ask(gateway, CreateAccountDocument, {
      input: { name: `Account ${made}` },
    });
    const accountId = createAccount.id;
    const { allocate } = await ask(gateway, AllocateDocument, {
      input: { accountId, amount: '10', everyCycle: true, idempotencyKey: 'a' },
    });

    // The next cycle has begun, and no settlement has told of it.
    const { account } = await ask(gateway, CreditsDocument, { accountId });
    gateway.clock.moveTo(Date.parse(account?.billingCycle.endsAt ?? '') + SECOND);
    await ask(gateway, VoidAllocationDocument, { id: allocate.id, reason: 'ended' });

    const { account: listed } = await ask(gateway, AllocationsDocument, { accountId });
    expect(listed?.allocations.nodes.map(({ remaining }) => remaining)).toEqual(['0', '0']);
    expect(await creditsOf(accountId)).toMatchObject({ credits: { remaining: '0' } });
  });

  it('leaves the grants of cycles that ended as they were', async () => {
    made += 1;
    const { createAccount } = await ask(gateway, CreateAccountDocument, {
      input: { name: `Account ${made}` },
    });
    const accountId = createAccount.id;
    const { allocate } = await ask(gateway, AllocateDocument, {
      input: { accountId, amount: '10', everyCycle: true, idempotencyKey: 'a' },
    });
    const cycle = (await creditsOf(accountId))?.billingCycle;
    const endsAt = cycle?.endsAt ?? '';
    gateway.clock.moveTo(Date.parse(endsAt) + SECOND);

    await ask(gateway, VoidAllocationDocument, { id: allocate.id, reason: 'ended' });

    const range = { from: cycle?.startsAt ?? '', to: endsAt };
    const { account } = await ask(gateway, OverviewDocument, { accountId, range });
    const { account: listed } = await ask(gateway, AllocationsDocument, { accountId });
    expect(account?.usage.credits.allocated).toBe('10');
    expect(listed?.allocations.nodes.map(({ voidedAt }) => voidedAt !== null)).toEqual([
      true,
      false,
    ]);
  });
});

describe('a batch with an event that was recorded before', () => {
  it('is an entry of what it charged', async () => {
    const { accountId, externalId } = await anAccount();
    const events = ['1', '2', '4'].map((credits) => ({
      source: 's',
      eventId: credits,
      type: 'PROCESSING' as const,
      occurredAt: new Date(gateway.clock.nowMs()).toISOString(),
      resourceKind: 'GUARDRAIL' as const,
      resourceExternalId: externalId,
      credits,
    }));
    await ask(gateway, RecordUsageDocument, { accountId, events: events.slice(1, 2) });

    await ask(gateway, RecordUsageDocument, { accountId, events });

    const { account } = await ask(gateway, LedgerDocument, { accountId });
    const entries = account?.ledger.nodes.map(({ amount, charges }) => [
      amount,
      charges.nodes.map(({ credits }) => credits),
    ]);
    expect(entries).toEqual([
      ['100', []],
      ['-2', ['-2']],
      ['-5', ['-1', '-4']],
    ]);
  });
});

describe('an adjustment down', () => {
  it('leaves room for all that may still be charged', async () => {
    const { accountId } = await anAccount();
    const take = (amount: string): ReturnType<typeof gateway.query> =>
      gateway.query(AdjustCreditsDocument, {
        input: { accountId, amount, reason: 'correction', idempotencyKey: amount },
      });

    // From 100 down to the lowest limit that there may be, and one micro-credit further.
    const farthest = await take('-1000000000100');
    const further = await take('-0.000001');

    expect(farthest.errors).toBeUndefined();
    expect(further.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      path: ['input', 'amount'],
    });
  });
});

describe('an instant at the end of the calendar', () => {
  it('is refused when it is written by an offset into the year 10000', async () => {
    const { accountId } = await anAccount();
    const allocate = (expiresAt: string) =>
      gateway.query(AllocateDocument, {
        input: { accountId, amount: '1', expiresAt, idempotencyKey: expiresAt },
      });

    const { errors } = await allocate('9999-12-31T23:59:59-05:00');

    expect(errors?.[0]?.message).toContain('lies outside the years 0000 to 9999');
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect((await allocate('9999-12-31T23:59:59Z')).errors).toBeUndefined();
    expect((await creditsOf(accountId))?.credits.remaining).toBe('101');
  });

  it('stops no account where it was stored before', async () => {
    const { accountId } = await anAccount();
    await asOwner(
      gateway.databaseUrl,
      sql`update credit_allocation set expires_at = '10000-01-01T04:59:59Z' where account_id = ${numberOf(accountId)}`,
    );
    const before = await aHardware();
    await asOwner(
      gateway.databaseUrl,
      sql`insert into hardware_rate (hardware_id, effective_from, rate_micro_per_hour, set_at)
       select hardware_id, '0001-01-01T00:00:00Z BC', 1, '0001-01-01T00:00:00Z BC' from hardware_profile where name = ${before}`,
    );

    await ask(gateway, AllocateDocument, {
      input: { accountId, amount: '1', idempotencyKey: 'b' },
    });

    expect((await creditsOf(accountId))?.credits.remaining).toBe('101');
  });
});
