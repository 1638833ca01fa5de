// What an account will have used by the end of its running cycle. The figures are worked out by hand, or are what then happens.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deployGuardrail,
  moveClock,
  recordUsage,
  register,
  registerGuardrail,
} from '../support/account.ts';
import { startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import {
  BillingCyclesDocument,
  CreditsDocument,
  ProjectionDocument,
  type ProjectionQuery,
  type CreateAccountInput,
  SetHardwareRateDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';

type Projection = NonNullable<ProjectionQuery['account']>['projection'];

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

/** An account in UTC at noon of Tuesday, 10 March; its cycle ends with Friday, 13 March. */
async function openAccount(input: Partial<CreateAccountInput> = {}): Promise<string> {
  const createdAt = '2026-01-01T00:00:00.000Z';
  return createAccount(gateway, { testClock: TEST_NOW, cycleDay: 14, createdAt, ...input });
}

async function projectionOf(accountId: string): Promise<Projection> {
  const { account } = await ask(gateway, ProjectionDocument, { accountId });
  if (account == null) throw new Error('no account');
  return account.projection;
}

/** @param of credits by the instant at which a guardrail processed something */
async function process(accountId: string, of: Readonly<Record<string, string>>): Promise<void> {
  for (const [occurredAt, credits] of Object.entries(of)) {
    await recordUsage(gateway, accountId, {
      occurredAt: `2026-${occurredAt}Z`,
      credits,
      resourceKind: 'GUARDRAIL',
      resourceExternalId: 'g',
    });
  }
}

async function run(accountId: string, of: Readonly<Record<string, number>>): Promise<void> {
  for (const [occurredAt, quantity] of Object.entries(of)) {
    await recordUsage(gateway, accountId, {
      type: 'WORKFLOW_RUN',
      occurredAt: `2026-${occurredAt}Z`,
      quantity,
      resourceKind: 'WORKFLOW',
      resourceExternalId: 'w',
    });
  }
}

it('adds what runs to the mean of the same weekdays, hour for hour of the rest of today', async () => {
  await createHardware(gateway, 'rising', '2');
  await ask(gateway, SetHardwareRateDocument, {
    input: { hardware: 'rising', creditsPerHour: '3', effectiveFrom: '2026-03-11T12:00:00.000Z' },
  });
  const accountId = await openAccount();
  await allocate(gateway, accountId, '1000');
  await allocate(gateway, accountId, '100', { effectiveAt: '2026-03-12T00:00:00.000Z' });
  await allocate(gateway, accountId, '50', { everyCycle: true });
  await allocate(gateway, accountId, '20', { unit: 'WORKFLOW_RUNS' });
  await register(gateway, accountId, { kind: 'WORKFLOW', externalId: 'w', name: 'w' });
  await deployGuardrail(gateway, accountId, 'rising');
  // Credits are kept from 14 February on, when the cycle began.
  await process(accountId, {
    // Tuesdays: of the last of them, the morning is over as today's is.
    '02-10T11:59:59.999': '100',
    '02-17T23:59:59.999': '1',
    '02-24T12:00:00.000': '2',
    '03-03T13:00:00.000': '4',
    // Wednesdays.
    '02-11T00:00:00.000': '8',
    '02-18T10:00:00.000': '6',
    '03-04T10:00:00.000': '10',
    // Thursdays.
    '02-12T10:00:00.000': '0.000002',
    '02-26T10:00:00.000': '1',
    // A Friday.
    '02-20T10:00:00.000': '3',
    // A Saturday and this Tuesday's morning, which do not come again in the cycle.
    '03-07T10:00:00.000': '50',
    '03-10T09:00:00.000': '5',
  });
  await gateway.fold();
  await run(accountId, {
    '02-13T10:00:00.000': 1,
    '02-18T10:00:00.000': 1,
    '03-03T13:00:00.000': 3,
    '03-04T10:00:00.000': 2,
  });

  const projection = await projectionOf(accountId);

  // Used: 1 + 2 + 4 + 6 + 10 + 1 + 3 + 50 + 5. Hosting: 12 h and 12 h at 2, then 60 h at 3.
  // Events: (1 + 2 + 4) / 4, (8 + 6 + 10) / 4, 1.000002 / 4 and 3 / 4, whose sums are 1.75, 7.75, 8.0000005 and 8.7500005.
  // Weeks, latest first: 4 + 10 = 14, 2 + 1 = 3, 1 + 6 + 3 = 10, 8 + 0.000002.
  expect(projection).toEqual({
    asOf: TEST_NOW,
    endsAt: '2026-03-14T00:00:00.000Z',
    hosting: '228',
    credits: '318.750001',
    lowCredits: '313',
    highCredits: '324',
    allocatedCredits: '1150',
    remainingCredits: '831.249999',
    // Runs: 6 and 3 / 4, 3 / 4, 0 and 1 / 4, whose sums are 0.75, 1.5, 1.5 and 1.75. Weeks: 3 + 2, 0, 1, 1.
    runs: 8,
    lowRuns: 6,
    highRuns: 11,
    allocatedRuns: 20,
    remainingRuns: 12,
    reason: null,
    availableFrom: null,
    days: [
      aDay(TEST_NOW, '03-11', { credits: '25.75', hosting: '24', runs: 1 }),
      aDay('2026-03-11T00:00:00.000Z', '03-12', { credits: '66', hosting: '60', runs: 1 }),
      aDay('2026-03-12T00:00:00.000Z', '03-13', {
        credits: '72.250001',
        hosting: '72',
        runs: 0,
      }),
      aDay('2026-03-13T00:00:00.000Z', '03-14', {
        credits: '72.75',
        hosting: '72',
        runs: 0,
      }),
    ],
  });
  const { account } = await ask(gateway, CreditsDocument, { accountId });
  expect(account?.credits.used).toBe('82');
  await gateway.fold();
  expect(await projectionOf(accountId)).toEqual(projection);
});

function aDay(
  from: string,
  nextDay: string,
  figures: Omit<Projection['days'][number], 'from' | 'to'>,
): Projection['days'][number] {
  return { from, to: `2026-${nextDay}T00:00:00.000Z`, ...figures };
}

it('counts hosting up to the stop, which a grant to come puts off', async () => {
  await createHardware(gateway, 'steady', '2');
  const accountId = await openAccount({ negativeLimit: '-10' });
  await allocate(gateway, accountId, '40');
  await allocate(gateway, accountId, '30', {
    everyCycle: true,
    effectiveAt: '2026-03-11T12:00:00.000Z',
  });
  await deployGuardrail(gateway, accountId, 'steady');

  const projection = await projectionOf(accountId);

  // 40 + 30 + 10 at 2 an hour last for 40 hours; without the grant, for 25.
  expect(projection).toMatchObject({
    hosting: '80',
    credits: '80',
    allocatedCredits: '70',
    remainingCredits: '-10',
  });
  expect(projection.days.map((day) => day.hosting)).toEqual(['24', '48', '8', '0']);
  const now = await ask(gateway, CreditsDocument, { accountId });
  expect(now.account?.credits.stopsAt).toBe('2026-03-12T04:00:00.000Z');
  // That is what happens.
  await moveClock(gateway, accountId, '2026-03-14T00:00:00.000Z');
  const { account } = await ask(gateway, BillingCyclesDocument, { accountId, first: 2 });
  expect(account?.billingCycles.nodes[1]).toMatchObject({ used: '80', closing: '-10' });
});

it('does not let expected events bring the stop forward', async () => {
  await createHardware(gateway, 'slow', '1');
  const accountId = await openAccount();
  await allocate(gateway, accountId, '90');
  await deployGuardrail(gateway, accountId, 'slow');
  await process(accountId, { '02-11T10:00:00.000': '400', '02-10T10:00:00.000': '1' });

  // 84 hours at 1; 400 credits on one Wednesday of four, before the account's credits began.
  expect(await projectionOf(accountId)).toMatchObject({
    hosting: '84',
    credits: '184',
    remainingCredits: '-94',
  });
});

it('says from when on there is enough history', async () => {
  await createHardware(gateway, 'known', '1');
  const accountId = await openAccount();
  await allocate(gateway, accountId, '1000');
  await deployGuardrail(gateway, accountId, 'known');
  await process(accountId, { '02-11T23:00:00.000': '1' });

  expect(await projectionOf(accountId)).toEqual({
    asOf: TEST_NOW,
    endsAt: '2026-03-14T00:00:00.000Z',
    hosting: '84',
    credits: null,
    lowCredits: null,
    highCredits: null,
    allocatedCredits: '1000',
    remainingCredits: null,
    runs: null,
    lowRuns: null,
    highRuns: null,
    allocatedRuns: 0,
    remainingRuns: null,
    days: [],
    reason:
      'Too little history: events are expected after 28 whole days of them, from 2026-03-11T00:00:00.000Z on.',
    availableFrom: '2026-03-11T00:00:00.000Z',
  });
  await moveClock(gateway, accountId, '2026-03-10T23:59:59.999Z');
  expect(await projectionOf(accountId)).toMatchObject({ credits: null, runs: null });
  await moveClock(gateway, accountId, '2026-03-11T00:00:00.000Z');
  expect(await projectionOf(accountId)).toMatchObject({
    credits: '84.25',
    reason: null,
    availableFrom: null,
  });
});

it('counts from the day of creation while there is no event', async () => {
  const recent = await openAccount({ createdAt: '2026-02-11T08:00:00.000Z' });
  const older = await openAccount({ createdAt: '2026-02-10T08:00:00.000Z' });

  expect((await projectionOf(recent)).availableFrom).toBe('2026-03-11T00:00:00.000Z');
  expect(await projectionOf(older)).toMatchObject({ credits: '0', remainingCredits: '0' });

  await registerGuardrail(gateway, older);
  const event = { source: 's', eventId: 'taken back' };
  await recordUsage(gateway, older, {
    ...event,
    occurredAt: '2026-03-09T00:00:00.000Z',
    credits: '7',
    resourceKind: 'GUARDRAIL',
    resourceExternalId: 'g',
  });
  expect((await projectionOf(older)).availableFrom).toBe('2026-04-06T00:00:00.000Z');
  await ask(gateway, VoidUsageDocument, { accountId: older, ...event, reason: 'wrong' });
  expect((await projectionOf(older)).reason).toBe(null);
});

it('answers without credits, in debt, in the last half hour of a cycle', async () => {
  const accountId = await openAccount({
    cycleDay: 11,
    testClock: '2026-03-10T23:30:00.000Z',
    negativeLimit: '-1000',
  });
  await registerGuardrail(gateway, accountId);
  await process(accountId, {
    '02-10T23:29:59.999': '5',
    '03-03T23:30:00.000': '1',
    '03-10T23:29:00.000': '10',
  });

  const projection = await projectionOf(accountId);

  expect(projection).toMatchObject({
    credits: '11.25',
    lowCredits: '11',
    highCredits: '12',
    allocatedCredits: '0',
    remainingCredits: '-11.25',
    runs: 0,
    remainingRuns: 0,
  });
  expect(projection.days).toEqual([
    {
      from: '2026-03-10T23:30:00.000Z',
      to: '2026-03-11T00:00:00.000Z',
      credits: '0.25',
      hosting: '0',
      runs: 0,
    },
  ]);
});
