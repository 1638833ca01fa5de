// A test account from its first credits to the stop and back: every instant and figure is worked out by hand.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeId, type Scope } from '../../src/core/identity.ts';
import { raw, sql } from '../../src/db/sql.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  deploy,
  moveClock,
  registerGuardrail,
} from '../support/account.ts';
import { type Answer, asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AdjustCreditsDocument,
  AdvanceTestClockDocument,
  type AdvanceTestClockMutation,
  AllocateDocument,
  type CreateAccountInput,
  DeployDocument,
  RecordUsageDocument,
  UndeployDocument,
  type UsageEventInput,
  VoidAllocationDocument,
} from '@billing-gateway/client/operations';

let gateway: TestGateway;
/** How many accounts and guardrails were made. */
let made = 0;
let guardrails = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  for (const [name, creditsPerHour] of [
    // Five and ten micro-credits a millisecond: no figure is rounded.
    ['small', '18'],
    ['other', '18'],
    ['large', '36'],
  ] as const) {
    await createHardware(gateway, name, creditsPerHour);
  }
});

afterAll(async () => {
  await gateway.close();
});

/** A test account that stands at the begin of March, with the policy of the examples. */
async function anAccount(input: Partial<CreateAccountInput> = {}): Promise<string> {
  made += 1;
  return createAccount(gateway, {
    name: `Account ${made}`,
    testClock: '2026-03-01T00:00:00Z',
    lowCredit: '50',
    negativeLimit: '-25',
    ...input,
  });
}

async function aGuardrail(accountId: string): Promise<string> {
  guardrails += 1;
  return registerGuardrail(gateway, accountId, `g-${guardrails}`);
}

interface Shown {
  readonly credits: Record<string, unknown>;
  readonly deploymentPolicy: Record<string, unknown>;
  readonly alerts: { readonly nodes: readonly Alert[] };
  readonly ledger: { readonly nodes: readonly Entry[] };
  readonly billingCycles: { readonly nodes: readonly Record<string, string>[] };
}
interface Alert {
  readonly sequence: number;
  readonly kind: string;
  readonly crossedAt: string;
  readonly remaining: string;
  readonly resolves: { readonly sequence: number } | null;
  readonly stopped: readonly { readonly id: string }[];
}
interface Entry {
  readonly kind: string;
  readonly amount: string;
  readonly balance: string;
  readonly bookedAt: string;
  readonly charges: { readonly nodes: readonly { readonly credits: string }[] };
}

async function show(id: string): Promise<Shown> {
  const { account } = await ask<{ account: Shown }>(
    gateway,
    `query ($id: ID) { account(id: $id) {
      credits { asOf allocated used remaining percentUsed state burnRatePerHour exhaustsAt stopsAt }
      deploymentPolicy { canDeploy canFineTune projectImport state message }
      alerts(first: 50) { nodes { sequence kind crossedAt remaining resolves { sequence } stopped { id } } }
      ledger(first: 100) { nodes { kind amount balance bookedAt charges(first: 100) { nodes { credits } } } }
      billingCycles { nodes { startsAt carriedOver allocated used expired adjusted closing } } } }`,
    { id },
  );
  return account;
}

function briefly(alert: Alert): readonly unknown[] {
  return [alert.sequence, alert.kind, alert.crossedAt, alert.remaining, alert.resolves?.sequence];
}

const micro = (credits: string): bigint => BigInt(Math.round(Number(credits) * 1_000_000));

describe('an account with 300 credits, three deployments of 72 credits an hour together', () => {
  let accountId = '';
  let ids: readonly string[] = [];

  beforeAll(async () => {
    accountId = await anAccount();
    await allocate(gateway, accountId, '300');
    ids = [await aGuardrail(accountId), await aGuardrail(accountId), await aGuardrail(accountId)];
    for (const [index, hardware] of ['small', 'other', 'large'].entries()) {
      await deploy(gateway, ids[index] ?? '', hardware);
    }
  });

  it('knows when they will be used up and when all stops, to the millisecond', async () => {
    const { credits } = await show(accountId);

    // 300 / 72 h = 4 h 10 min; (300 + 25) / 72 h = 4 h 30 min 50 s.
    expect(credits).toMatchObject({
      remaining: '300',
      state: 'OK',
      burnRatePerHour: '72',
      exhaustsAt: '2026-03-01T04:10:00.000Z',
      stopsAt: '2026-03-01T04:30:50.000Z',
    });
  });

  it('says what one more would cost, and how it moves the stop', async () => {
    const { deploymentQuote } = await ask<{ deploymentQuote: unknown }>(
      gateway,
      `query ($input: DeploymentQuoteInput!) { deploymentQuote(input: $input) { creditsPerHour allowed message
        currentStopsAt projectedStopsAt projectedExhaustsAt } }`,
      { input: { accountId, hardware: 'large', replicas: 2 } },
    );

    // 72 more: 144 an hour, so 300 / 144 h = 2 h 5 min and 325 / 144 h = 2 h 15 min 25 s.
    expect(deploymentQuote).toEqual({
      creditsPerHour: '72',
      allowed: true,
      message: null,
      currentStopsAt: '2026-03-01T04:30:50.000Z',
      projectedStopsAt: '2026-03-01T02:15:25.000Z',
      projectedExhaustsAt: '2026-03-01T02:05:00.000Z',
    });
  });

  it('is warned at each crossing, stopped at the limit, and charged nothing past it', async () => {
    await moveClock(gateway, accountId, '2026-03-01T05:59:00Z');
    const { alerts, credits, deploymentPolicy } = await show(accountId);

    // 72 an hour are one credit in 50 s: 150 after 7,500 s, 210 after 10,500 s, 240 after 12,000 s, 250 (50 left) after
    // 12,500 s, 270 after 13,500 s, 300 after 15,000 s, 325 after 16,250 s.
    expect(alerts.nodes.map(briefly)).toEqual([
      // The first one alone, 18 an hour, would be stopped after 325 / 18 = 18 hours: within the 24 of the threshold.
      [1, 'STOP_EXPECTED', '2026-03-01T00:00:00.000Z', '300', undefined],
      [2, 'CREDIT_THRESHOLD', '2026-03-01T02:05:00.000Z', '150', undefined],
      [3, 'CREDIT_THRESHOLD', '2026-03-01T02:55:00.000Z', '90', undefined],
      [4, 'CREDIT_THRESHOLD', '2026-03-01T03:20:00.000Z', '60', undefined],
      [5, 'LOW_CREDITS', '2026-03-01T03:28:20.000Z', '50', undefined],
      [6, 'CREDIT_THRESHOLD', '2026-03-01T03:45:00.000Z', '30', undefined],
      [7, 'CREDITS_EXHAUSTED', '2026-03-01T04:10:00.000Z', '0', undefined],
      [8, 'NEGATIVE_LIMIT_REACHED', '2026-03-01T04:30:50.000Z', '-25', undefined],
    ]);
    expect(alerts.nodes[7]?.stopped.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(credits).toMatchObject({ remaining: '-25', used: '325', burnRatePerHour: '0' });
    expect(deploymentPolicy).toEqual({
      canDeploy: false,
      canFineTune: false,
      projectImport: 'DRAFT_ONLY',
      state: 'STOPPED',
      message:
        'Deployments are disabled: the negative limit was reached; the account has -25 credits left and must have more than 50, so at least 75.000001 are missing.',
    });
  });

  it('shows the failure message, and refuses to deploy', async () => {
    const { resource } = await ask<{ resource: unknown }>(
      gateway,
      'query ($id: ID) { resource(id: $id) { status ... on HostedResource { failureMessage hosting { replicas } } } }',
      { id: ids[0] },
    );
    const refused = await gateway.query(DeployDocument, {
      input: { id: ids[0] ?? '', hardware: 'small' },
    });

    expect(resource).toEqual({
      status: 'UNDEPLOYED',
      failureMessage:
        "You've used all your available credits. Please add more credits to your account to continue.",
      hosting: null,
    });
    expect(refused.errors?.[0]?.extensions.code).toBe('DEPLOYMENTS_DISABLED');
  });

  it('tells why it refuses to deploy, and how many credits are left to those who may know', async () => {
    const input = { id: ids[0] ?? '', hardware: 'small' };
    const refusalFor = async (keyScopes: readonly Scope[]): Promise<unknown> => {
      const { secret } = await createKey(gateway, accountId, keyScopes);
      return (await gateway.query(DeployDocument, { input }, secret)).errors?.[0];
    };
    const why = 'Deployments are disabled: the negative limit was reached; the account';

    expect(await refusalFor(['INGEST'])).toMatchObject({
      message: `${why} must have more than 50 left.`,
      extensions: { code: 'DEPLOYMENTS_DISABLED' },
    });
    expect(await refusalFor(['INGEST', 'READ_USAGE'])).toMatchObject({
      message: `${why} has -25 credits left and must have more than 50, so at least 75.000001 are missing.`,
      extensions: { code: 'DEPLOYMENTS_DISABLED' },
    });
  });

  it('hears of an undeploy from before the stop, and gives back what ran after it', async () => {
    await ask(gateway, UndeployDocument, { id: ids[2] ?? '', at: '2026-03-01T04:10:50Z' });
    const { credits, ledger } = await show(accountId);

    // 36 an hour for the 20 minutes that it did not run: 12 back.
    expect(credits).toMatchObject({ remaining: '-13', used: '313' });
    expect(ledger.nodes.at(-1)).toMatchObject({ kind: 'REVERSAL', amount: '12', balance: '-13' });
  });

  it('pays its debt first out of a top-up, and is told what no longer holds', async () => {
    const id = await allocate(gateway, accountId, '100');
    const { credits, alerts } = await show(accountId);
    const { node } = await ask<{ node: unknown }>(
      gateway,
      'query ($id: ID!) { node(id: $id) { ... on CreditAllocation { remaining } } }',
      { id },
    );

    // 313 of 400 are 78.25 %: 50 and 70 % still hold, 80 and 90 % do not.
    expect(credits).toMatchObject({ allocated: '400', remaining: '87', percentUsed: 78.25 });
    expect(node).toEqual({ remaining: '87' });
    const resolved = alerts.nodes.filter(({ kind }) => kind === 'RESOLVED').map(briefly);
    const at = '2026-03-01T05:59:00.000Z';
    expect(resolved.map(([, kind, when, , resolves]) => [kind, when, resolves])).toEqual([
      ['RESOLVED', at, 1],
      // Giving 12 back ended the stop, not yet the debt.
      ['RESOLVED', at, 8],
      ['RESOLVED', at, 4],
      ['RESOLVED', at, 5],
      ['RESOLVED', at, 6],
      ['RESOLVED', at, 7],
    ]);
  });

  it('keeps a ledger that adds up to the balance, and each entry to its charges', async () => {
    const { ledger } = await show(accountId);

    let balance = 0n;
    for (const entry of ledger.nodes) {
      balance += micro(entry.amount);
      expect(micro(entry.balance)).toBe(balance);
      if (entry.kind !== 'USAGE' && entry.kind !== 'REVERSAL') continue;
      const charged = entry.charges.nodes.reduce((sum, { credits }) => sum + micro(credits), 0n);
      expect(charged).toBe(micro(entry.amount));
    }
    expect(balance).toBe(87_000_000n);
  });

  it('closes its cycle with what it carries into the next one', async () => {
    await moveClock(gateway, accountId, '2026-04-01T00:00:00Z');
    const { billingCycles } = await show(accountId);

    expect(billingCycles.nodes).toEqual([
      {
        startsAt: '2026-04-01T00:00:00.000Z',
        carriedOver: '87',
        allocated: '0',
        used: '0',
        expired: '0',
        adjusted: '0',
        closing: '87',
      },
      {
        startsAt: '2026-03-01T00:00:00.000Z',
        carriedOver: '0',
        allocated: '400',
        used: '313',
        expired: '0',
        adjusted: '0',
        closing: '87',
      },
    ]);
  });
});

describe('events', () => {
  const event = (eventId: string, credits: string): UsageEventInput => ({
    source: 's',
    eventId,
    type: 'PROCESSING',
    occurredAt: '2026-03-01T00:00:00Z',
    resourceKind: 'GUARDRAIL',
    resourceExternalId: 'pii',
    credits,
  });

  async function used(): Promise<string> {
    const accountId = await anAccount();
    await allocate(gateway, accountId, '100');
    await registerGuardrail(gateway, accountId, 'pii');
    return accountId;
  }

  it('of one call are one entry with a charge for each, and a void gives one back', async () => {
    const accountId = await used();
    await ask(gateway, RecordUsageDocument, {
      accountId,
      events: [event('a', '1.5'), event('b', '2'), event('c', '0')],
    });
    const { voidUsage } = await ask<{ voidUsage: unknown }>(
      gateway,
      `mutation ($accountId: ID) { voidUsage(accountId: $accountId, source: "s", eventId: "a", reason: "wrong") {
        voided reversal { kind amount balance } } }`,
      { accountId },
    );
    const { ledger } = await show(accountId);

    expect(voidUsage).toEqual({
      voided: true,
      reversal: { kind: 'REVERSAL', amount: '1.5', balance: '98' },
    });
    expect(ledger.nodes.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['ALLOCATION', '100'],
      ['USAGE', '-3.5'],
      ['REVERSAL', '1.5'],
    ]);
    const credits = ledger.nodes[1]?.charges.nodes.map((charge) => charge.credits);
    expect(credits).toEqual(['-1.5', '-2']);
  });

  it('from before the account kept credits are given nothing back, though they lie ahead of it', async () => {
    const accountId = await used();
    // As the migration finds it: reported a minute ahead, half a minute before the credits began.
    await asOwner(
      gateway.databaseUrl,
      sql`with a as (update account set last_seq = last_seq + 1 where name = ${`Account ${made}`} returning *),
       identified as (insert into usage_identity (account_id, seq, hash, content_hash)
         select account_id, last_seq, usage_identity_hash('s', 'ahead'), 0 from a)
       insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro,
         occurred_at, recorded_at)
       select a.account_id, a.last_seq, 's', 'ahead', 'PROCESSING', 'GUARDRAIL', r.resource_id, 1, 2000000,
         a.credits_from + interval '30 s', a.credits_from - interval '30 s'
       from a join resource r using (account_id)`,
    );

    const { voidUsage } = await ask<{ voidUsage: unknown }>(
      gateway,
      `mutation ($accountId: ID) { voidUsage(accountId: $accountId, source: "s", eventId: "ahead", reason: "wrong") {
        voided reversal { amount } } }`,
      { accountId },
    );
    const { credits } = await show(accountId);

    expect(voidUsage).toEqual({ voided: true, reversal: null });
    expect(credits).toMatchObject({ used: '0', remaining: '100' });
  });

  it('race with deployments, none of which is allowed after the crossing', async () => {
    const accountId = await used();
    const ids = await Promise.all(Array.from({ length: 50 }, () => aGuardrail(accountId)));
    // A call that waits too long in the crowd is refused, and sent again, as its error says.
    const insist = async (call: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> => {
      const answer = await call();
      return answer.errors?.[0]?.extensions.code === 'UNAVAILABLE' ? insist(call) : answer;
    };
    const deploying = (id: string): Promise<Answer<unknown>> =>
      insist(() => gateway.query(DeployDocument, { input: { id, hardware: 'small' } }));

    const answers = await Promise.all([
      ...ids.slice(0, 25).map(deploying),
      insist(() => gateway.query(RecordUsageDocument, { accountId, events: [event('low', '60')] })),
      ...ids.slice(25).map(deploying),
    ]);

    const rows = await asOwner(
      gateway.databaseUrl,
      sql`select status, count(*)::int as count from resource
        where external_id like 'g-%' and account_id = ${decodeId(accountId)?.accountId} group by status`,
    );
    const deployed = Number(rows.find((row) => row['status'] === 'DEPLOYED')?.['count'] ?? 0);
    const refused = answers.filter(({ errors }) => errors !== undefined);
    expect(deployed + refused.length).toBe(50);
    for (const { errors } of refused) {
      expect(errors?.[0]?.extensions.code).toBe('DEPLOYMENTS_DISABLED');
    }
    // After the crossing nothing is allowed, whatever came before it.
    const after = await gateway.query(DeployDocument, {
      input: { id: ids.at(-1) ?? '', hardware: 'other' },
    });
    expect(after.errors).toBeDefined();
  });
});

describe('adjustCredits', () => {
  it('is answered with its first entry again, and shares its keys with allocate', async () => {
    const accountId = await anAccount();
    const input = { accountId, amount: '5', reason: 'gift', idempotencyKey: 'one' };

    const first = await ask(gateway, AdjustCreditsDocument, { input });
    const again = await ask(gateway, AdjustCreditsDocument, { input });
    const other = await gateway.query(AllocateDocument, {
      input: { accountId, amount: '5', idempotencyKey: 'one' },
    });

    expect(first.adjustCredits).toMatchObject({
      sequence: 1,
      kind: 'ADJUSTMENT',
      amount: '5',
      balance: '5',
    });
    expect(again).toEqual(first);
    expect(other.errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_CONFLICT');
  });

  it('takes credits away down into debt', async () => {
    const accountId = await anAccount();
    await allocate(gateway, accountId, '5');

    await ask(gateway, AdjustCreditsDocument, {
      input: { accountId, amount: '-7', reason: 'refund', idempotencyKey: 'down' },
    });
    const { credits } = await show(accountId);

    // It counts as adjusted, not as used: 5 - 7 = -2 to spend.
    expect(credits).toMatchObject({ allocated: '-2', used: '0', remaining: '-2' });
  });
});

describe('a grant for every cycle', () => {
  it('is an allocation of its own in each, until one of them is voided', async () => {
    const accountId = await anAccount({ timeZone: 'Europe/Berlin', cycleDay: 15 });
    const id = await allocate(gateway, accountId, '10', { everyCycle: true });
    await moveClock(gateway, accountId, '2026-04-20T00:00:00Z');
    await ask(gateway, VoidAllocationDocument, { id, reason: 'ended' });
    await moveClock(gateway, accountId, '2026-06-20T00:00:00Z');
    const { billingCycles, credits } = await show(accountId);

    expect(
      billingCycles.nodes.map(({ startsAt, allocated, expired, adjusted, closing }) => [
        startsAt,
        allocated,
        expired,
        adjusted,
        closing,
      ]),
    ).toEqual([
      ['2026-06-14T22:00:00.000Z', '0', '0', '0', '0'],
      ['2026-05-14T22:00:00.000Z', '0', '0', '0', '0'],
      // Summer time began on 29 March: the cycle starts at 22:00 UTC from April on.
      ['2026-04-14T22:00:00.000Z', '10', '0', '-10', '0'],
      ['2026-03-14T23:00:00.000Z', '10', '10', '0', '0'],
      ['2026-02-14T23:00:00.000Z', '10', '10', '0', '0'],
    ]);
    expect(credits).toMatchObject({ remaining: '0' });
  });
});

describe('the first thresholds of an account', () => {
  it('are named by their place in the list when they cannot be, and made once each', async () => {
    const create = (usageThresholds: readonly string[]): ReturnType<typeof gateway.query> =>
      gateway.query(
        'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { thresholds { measure value } } }',
        { input: { name: 'Acme', usageThresholds, hoursToStop: [] } },
      );

    const refused = await create(['50', '50', '0']);
    const made = await create(['50', '50.0']);

    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      path: ['input', 'usageThresholds', 2],
    });
    expect(made.data).toEqual({
      createAccount: {
        thresholds: [
          { measure: 'CREDITS_USED_PERCENT', value: '50' },
          { measure: 'RUNS_USED_PERCENT', value: '50' },
        ],
      },
    });
  });
});

describe('a test clock', () => {
  it('goes forward only, at most two years, and only for a test account', async () => {
    const accountId = await anAccount();
    const real = await anAccount({ testClock: null });
    const move = (id: string, to: string): Promise<Answer<AdvanceTestClockMutation>> =>
      gateway.query(AdvanceTestClockDocument, { accountId: id, to });

    const back = await move(accountId, '2026-02-28T23:59:59.999Z');
    const far = await move(accountId, '2028-03-01T00:00:00.001Z');
    const ofReal = await move(real, '2026-04-01T00:00:00Z');
    const forward = await move(accountId, '2028-03-01T00:00:00Z');

    expect(back.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path: ['to'] });
    expect(far.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path: ['to'] });
    expect(ofReal.errors?.[0]?.extensions.code).toBe('CONFLICT');
    expect(forward.data.advanceTestClock.testClock).toBe('2028-03-01T00:00:00.000Z');
  });
});

describe('a gateway that was down', () => {
  it('finds on its return what happened meanwhile, at its own instants, and charges nothing past the stop', async () => {
    gateway.clock.moveTo(Date.parse('2026-03-10T12:00:00Z'));
    const accountId = await anAccount({ testClock: null });
    await allocate(gateway, accountId, '60');
    const id = await aGuardrail(accountId);
    await deploy(gateway, id, 'large');

    // Three hours without anybody: 60 / 36 h = 6,000 s to zero, 85 / 36 h = 8,500 s to the limit.
    gateway.clock.moveTo(Date.parse('2026-03-10T15:00:00Z'));
    await gateway.app.due.settleDue();
    const { alerts, credits } = await show(accountId);
    const rows = await asOwner(
      gateway.databaseUrl,
      sql`select to_at from hosting_segment s join account a using (account_id) where a.name = ${`Account ${made}`}`,
    );

    expect(alerts.nodes.slice(-2).map(briefly)).toMatchObject([
      [expect.anything(), 'CREDITS_EXHAUSTED', '2026-03-10T13:40:00.000Z', '0'],
      [expect.anything(), 'NEGATIVE_LIMIT_REACHED', '2026-03-10T14:21:40.000Z', '-25'],
    ]);
    expect(credits).toMatchObject({ used: '85', remaining: '-25' });
    expect(rows.map((row) => row['to_at'])).toEqual([new Date('2026-03-10T14:21:40Z')]);
  });
});

describe('cycles that ended and are not settled yet', () => {
  interface Cycles {
    readonly totalCount: number;
    readonly nodes: readonly Record<string, string>[];
    readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
  }
  async function cyclesOf(id: string, page: Record<string, unknown> = {}): Promise<Cycles> {
    const { account } = await ask<{ account: { billingCycles: Cycles } }>(
      gateway,
      `query ($id: ID, $first: Int, $after: String) { account(id: $id) { billingCycles(first: $first, after: $after) {
        totalCount pageInfo { endCursor hasNextPage }
        nodes { id startsAt endsAt carriedOver allocated used expired adjusted closing } } } }`,
      { id, ...page },
    );
    return account.billingCycles;
  }

  it('are shown with what happened in them, as they will be when they are', async () => {
    gateway.clock.moveTo(Date.parse('2026-03-31T22:00:00Z'));
    const accountId = await anAccount({ testClock: null });
    await allocate(gateway, accountId, '100', { everyCycle: true });
    await deploy(gateway, await aGuardrail(accountId), 'large');

    gateway.clock.moveTo(Date.parse('2026-05-02T00:00:00Z'));
    const before = await cyclesOf(accountId);
    const firstPage = await cyclesOf(accountId, { first: 1 });
    const rest = await cyclesOf(accountId, { first: 2, after: firstPage.pageInfo.endCursor });
    const { node } = await ask<{ node: unknown }>(
      gateway,
      'query ($id: ID!) { node(id: $id) { ... on BillingCycle { used closing } } }',
      { id: before.nodes[1]?.['id'] },
    );
    await gateway.app.due.settleDue();
    const after = await cyclesOf(accountId);

    // March: 2 h x 36. April: 100 more, stopped at -25 after 125 / 36 h. May: 100 more, of which 25 pay the debt.
    expect(
      before.nodes.map(({ startsAt, carriedOver, allocated, used, expired, closing }) => [
        startsAt,
        carriedOver,
        allocated,
        used,
        expired,
        closing,
      ]),
    ).toEqual([
      ['2026-05-01T00:00:00.000Z', '-25', '100', '0', '0', '75'],
      ['2026-04-01T00:00:00.000Z', '0', '100', '125', '0', '-25'],
      ['2026-03-01T00:00:00.000Z', '0', '100', '72', '28', '0'],
    ]);
    expect(before.totalCount).toBe(3);
    expect(firstPage).toMatchObject({ nodes: before.nodes.slice(0, 1) });
    expect(firstPage.pageInfo.hasNextPage).toBe(true);
    expect(rest).toMatchObject({ nodes: before.nodes.slice(1) });
    expect(rest.pageInfo.hasNextPage).toBe(false);
    expect(node).toEqual({ used: '125', closing: '-25' });
    expect(after).toEqual(before);
  });
});

describe('the ledger', () => {
  it.each([
    'delete from ledger_entry',
    'update ledger_entry set amount_micro = 1',
    'delete from alert',
  ])('gives the gateway no right to %s', async (text) => {
    for (const whose of [{ accountId: 1 }, 'operator'] as const) {
      await expect(
        gateway.database.inTransaction(whose, (tx) => tx.query(raw(text))),
      ).rejects.toMatchObject({ code: '42501' });
    }
  });
});
