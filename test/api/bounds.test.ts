// What an account cannot hold is refused when it is set; at the bounds its clock passes every instant.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AnswerError, startTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
let made = 0;

/** Stopped at zero, and warned of percents alone. */
const PLAIN = { lowCredit: '0', negativeLimit: '0', hoursToStop: [] };
const ALLOCATE = 'mutation ($input: AllocateInput!) { allocate(input: $input) { id } }';
const CREATE = 'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { id } }';
const DEPLOY = 'mutation ($input: DeployInput!) { deploy(input: $input) { id } }';
const POLICY = 'mutation ($input: SetCreditPolicyInput!) { setCreditPolicy(input: $input) { id } }';
const PROFILE =
  'mutation ($input: CreateHardwareProfileInput!) { createHardwareProfile(input: $input) { id } }';
const RECORD = `mutation ($accountId: ID, $events: [UsageEventInput!]!) { recordUsage(accountId: $accountId, events: $events) {
  accepted results { code } } }`;
const profile = (creditsPerHour: string): Record<string, unknown> => ({
  input: {
    name: `h ${creditsPerHour}`,
    kind: 'GPU',
    model: 'M',
    vcpus: 1,
    gpus: 1,
    memoryGb: 1,
    creditsPerHour,
  },
});

beforeAll(async () => {
  gateway = await startTestGateway();
  await ask(PROFILE, profile('1000000'));
});

afterAll(async () => {
  await gateway.close();
});

async function ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
  const { data, errors } = await gateway.query<T>(query, variables);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

async function refused(
  query: string,
  variables: Record<string, unknown>,
): Promise<AnswerError | undefined> {
  return (await gateway.query(query, variables)).errors?.[0];
}

async function anAccount(input: Record<string, unknown> = {}): Promise<string> {
  const { createAccount } = await ask<{ createAccount: { id: string } }>(CREATE, {
    input: { name: 'A', testClock: '2026-03-01T00:00:00Z', ...PLAIN, ...input },
  });
  return createAccount.id;
}

async function allocate(accountId: string, amount: string): Promise<void> {
  made += 1;
  await ask(ALLOCATE, { input: { accountId, amount, idempotencyKey: `key ${made}` } });
}

async function aResource(accountId: string, kind: 'Guardrail' | 'Workflow'): Promise<string> {
  made += 1;
  const data = await ask<Record<string, { id: string }>>(
    `mutation ($input: Register${kind === 'Workflow' ? 'Workflow' : 'Resource'}Input!) { made: register${kind}(input: $input) { id } }`,
    { input: { accountId, externalId: `r ${made}`, name: 'R' } },
  );
  return data['made']?.id ?? '';
}

async function moveTo(accountId: string, to: string): Promise<void> {
  await ask(
    'mutation ($accountId: ID, $to: DateTime!) { advanceTestClock(accountId: $accountId, to: $to) { id } }',
    { accountId, to },
  );
}

async function balanceOf(id: string): Promise<unknown> {
  const { account } = await ask<{ account: { credits: unknown } }>(
    'query ($id: ID) { account(id: $id) { credits { remaining state } } }',
    { id },
  );
  return account.credits;
}

interface Recorded {
  readonly recordUsage: {
    readonly accepted: number;
    readonly results: readonly { readonly code: string }[];
  };
}

async function record(
  accountId: string,
  resourceId: string,
  event: Record<string, unknown>,
): Promise<Recorded['recordUsage']> {
  made += 1;
  const { account } = await ask<{ account: { credits: { asOf: string } } }>(
    'query ($id: ID) { account(id: $id) { credits { asOf } } }',
    { id: accountId },
  );
  const { recordUsage } = await ask<Recorded>(RECORD, {
    accountId,
    events: [
      {
        source: 's',
        eventId: `e ${made}`,
        resourceId,
        type: 'PROCESSING',
        occurredAt: account.credits.asOf,
        ...event,
      },
    ],
  });
  return recordUsage;
}

describe('a level of the policy', () => {
  it.each([
    ['negativeLimit', '-9200000000000', 'at least -1000000000000'],
    ['negativeLimit', '-1000000000000.000001', 'at least -1000000000000'],
    ['lowCredit', '1000000000000.000001', 'at most 1000000000000'],
    ['fineTuningMinimum', '-1000000000000.000001', 'at least -1000000000000'],
  ])('%s is refused at %s, with the bound', async (field, value, bound) => {
    const accountId = await anAccount();
    const ofPolicy = await refused(POLICY, { input: { accountId, [field]: value } });
    const ofAccount = await refused(CREATE, { input: { name: 'B', [field]: value } });

    for (const error of [ofPolicy, ofAccount]) {
      expect(error?.message).toBe(`${field} is ${value}; it must be ${bound}.`);
      expect(error?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', field] });
    }
  });

  it('is taken at the bound', async () => {
    const accountId = await anAccount({
      lowCredit: '1000000000000',
      negativeLimit: '-1000000000000',
      fineTuningMinimum: '1000000000000',
    });

    expect(await balanceOf(accountId)).toEqual({ remaining: '0', state: 'EXHAUSTED' });
  });
});

describe('a rate', () => {
  it('is refused above 1,000,000 credits an hour', async () => {
    const error = await refused(PROFILE, profile('1000000.000001'));

    expect(error?.message).toContain('it must be from 0 to 1000000.');
    expect(error?.extensions.path).toEqual(['input', 'creditsPerHour']);
  });
});

describe('an account at the bounds', () => {
  it('is stopped at the exact instant, and goes on for decades', async () => {
    const accountId = await anAccount({ negativeLimit: '-1000000000000' });
    await allocate(accountId, '1000000000000');
    for (let count = 0; count < 40; count += 1) {
      const id = await aResource(accountId, 'Guardrail');
      await ask(DEPLOY, { input: { id, hardware: 'h 1000000', replicas: 1_000 } });
    }
    await moveTo(accountId, '2028-03-01T00:00:00Z');
    const { account } = await ask<{
      account: { alerts: { nodes: readonly { readonly stopped: readonly unknown[] }[] } };
    }>(
      `query ($id: ID) { account(id: $id) { alerts(last: 1, kinds: [NEGATIVE_LIMIT_REACHED]) {
        nodes { crossedAt remaining stopped { id } } } } }`,
      { id: accountId },
    );

    // 40 x 1,000 x 1,000,000 an hour: 2 x 10^12 credits last 50 hours.
    const told = account.alerts.nodes.map((alert) => ({ ...alert, stopped: alert.stopped.length }));
    expect(told).toEqual([
      {
        crossedAt: '2026-03-03T02:00:00.000Z',
        remaining: '-1000000000000',
        stopped: 40,
      },
    ]);
    const resourceId = await aResource(accountId, 'Guardrail');
    expect(await record(accountId, resourceId, { credits: '1000000000000' })).toMatchObject({
      accepted: 1,
    });
    expect(await record(accountId, resourceId, { credits: '0.000001' })).toMatchObject({
      accepted: 0,
      results: [{ code: 'LIMIT_EXCEEDED' }],
    });
    await moveTo(accountId, '2030-03-01T00:00:00Z');
    expect(await balanceOf(accountId)).toEqual({ remaining: '-2000000000000', state: 'STOPPED' });
  });

  it('takes no hosting from the past that costs more than it can hold', async () => {
    const accountId = await anAccount();
    await allocate(accountId, '1000000000000');
    const id = await aResource(accountId, 'Guardrail');
    await moveTo(accountId, '2026-06-01T00:00:00Z');
    const deploy = (at: string): Record<string, unknown> => ({
      input: { id, hardware: 'h 1000000', replicas: 1_000, at },
    });

    // 10^9 an hour: a thousand hours are 41 days and 16 hours.
    const error = await refused(DEPLOY, deploy('2026-04-20T07:59:59.999Z'));
    expect(error?.message).toContain('and may cost at most 1000000000000.');
    expect(error?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', 'at'] });
    await ask(DEPLOY, deploy('2026-04-20T08:00:00Z'));
    expect(await balanceOf(accountId)).toEqual({ remaining: '0', state: 'STOPPED' });
  });

  it('records as many workflow runs as it can hold', async () => {
    const accountId = await anAccount();
    const resourceId = await aResource(accountId, 'Workflow');
    const runs = (quantity: number): Promise<unknown> =>
      record(accountId, resourceId, { type: 'WORKFLOW_RUN', quantity });

    // 10^12 + 1 is refused, 10^12 is taken; then no more.
    expect(await runs(1_000_000_000_001)).toMatchObject({ results: [{ code: 'LIMIT_EXCEEDED' }] });
    expect(await runs(1_000_000_000_000)).toMatchObject({ accepted: 1 });
    expect(await runs(1)).toMatchObject({ results: [{ code: 'LIMIT_EXCEEDED' }] });
    await moveTo(accountId, '2026-05-01T00:00:00Z');
  });

  it('is told of a percent of next to nothing that was allocated', async () => {
    const accountId = await anAccount();
    await allocate(accountId, '0.000001');
    const resourceId = await aResource(accountId, 'Guardrail');
    expect(await record(accountId, resourceId, { credits: '200000' })).toMatchObject({
      accepted: 1,
    });
    const { account } = await ask<{ account: { alerts: { nodes: readonly unknown[] } } }>(
      `query ($id: ID) { account(id: $id) { alerts(first: 1, kinds: [CREDIT_THRESHOLD]) { nodes { measured } } } }`,
      { id: accountId },
    );

    // 100 x 200,000 / 0.000001.
    expect(account.alerts.nodes).toEqual([{ measured: '20000000000000' }]);
  });
});
