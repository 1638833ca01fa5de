// What an account cannot hold is refused when it is set; at the bounds its clock passes every instant.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { allocate, ask, createAccount, deploy, moveClock } from '../support/account.ts';
import { type AnswerError, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  CreateAccountDocument,
  type CreateAccountInput,
  CreateHardwareProfileDocument,
  type CreateHardwareProfileInput,
  CreditsDocument,
  DeployDocument,
  type DeployInput,
  RecordUsageDocument,
  type RecordUsageMutation,
  RegisterResourcesDocument,
  SetCreditPolicyDocument,
  type UsageEventInput,
  type Operation,
} from '@billing-gateway/client/operations';

let gateway: TestGateway;
let made = 0;

/** Stopped at zero, and warned of percents alone. */
const PLAIN = { lowCredit: '0', negativeLimit: '0', hoursToStop: [] };
/** A rate alone, in credits an hour. */
const profile = (creditsPerHour: string): { readonly input: CreateHardwareProfileInput } => ({
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
  await ask(gateway, CreateHardwareProfileDocument, profile('1000000'));
});

afterAll(async () => {
  await gateway.close();
});

async function refused<TData, TVariables>(
  document: Operation<TData, TVariables>,
  variables: TVariables,
): Promise<AnswerError | undefined> {
  return (await gateway.query(document, variables)).errors?.[0];
}

async function anAccount(input: Partial<CreateAccountInput> = {}): Promise<string> {
  return createAccount(gateway, { testClock: '2026-03-01T00:00:00Z', ...PLAIN, ...input });
}

async function aResource(accountId: string, kind: 'GUARDRAIL' | 'WORKFLOW'): Promise<string> {
  made += 1;
  const { registerResources } = await ask(gateway, RegisterResourcesDocument, {
    accountId,
    resources: [{ kind, externalId: `r ${made}`, name: 'R' }],
  });
  return registerResources[0] ?? '';
}

async function balanceOf(accountId: string): Promise<unknown> {
  const { account } = await ask(gateway, CreditsDocument, { accountId });
  return { remaining: account?.credits.remaining, state: account?.credits.state };
}

async function record(
  accountId: string,
  resourceId: string,
  event: Partial<UsageEventInput>,
): Promise<RecordUsageMutation['recordUsage']> {
  made += 1;
  const { account } = await ask(gateway, CreditsDocument, { accountId });
  const { recordUsage } = await ask(gateway, RecordUsageDocument, {
    accountId,
    events: [
      {
        source: 's',
        eventId: `e ${made}`,
        resourceId,
        type: 'PROCESSING',
        occurredAt: account?.credits.asOf ?? '',
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
    const ofPolicy = await refused(SetCreditPolicyDocument, {
      input: { accountId, [field]: value },
    });
    const ofAccount = await refused(CreateAccountDocument, {
      input: { name: 'B', [field]: value },
    });

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
    const error = await refused(CreateHardwareProfileDocument, profile('1000000.000001'));

    expect(error?.message).toContain('it must be from 0 to 1000000.');
    expect(error?.extensions.path).toEqual(['input', 'creditsPerHour']);
  });
});

describe('an account at the bounds', () => {
  it('is stopped at the exact instant, and goes on for decades', async () => {
    const accountId = await anAccount({ negativeLimit: '-1000000000000' });
    await allocate(gateway, accountId, '1000000000000');
    for (let count = 0; count < 40; count += 1) {
      const id = await aResource(accountId, 'GUARDRAIL');
      await deploy(gateway, id, 'h 1000000', { replicas: 1_000 });
    }
    await moveClock(gateway, accountId, '2028-03-01T00:00:00Z');
    const { account } = await ask<{
      account: { alerts: { nodes: readonly { readonly stopped: readonly unknown[] }[] } };
    }>(
      gateway,
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
    const resourceId = await aResource(accountId, 'GUARDRAIL');
    expect(await record(accountId, resourceId, { credits: '1000000000000' })).toMatchObject({
      accepted: 1,
    });
    expect(await record(accountId, resourceId, { credits: '0.000001' })).toMatchObject({
      accepted: 0,
      results: [{ code: 'LIMIT_EXCEEDED' }],
    });
    await moveClock(gateway, accountId, '2030-03-01T00:00:00Z');
    expect(await balanceOf(accountId)).toEqual({ remaining: '-2000000000000', state: 'STOPPED' });
  });

  it('takes no hosting from the past that costs more than it can hold', async () => {
    const accountId = await anAccount();
    await allocate(gateway, accountId, '1000000000000');
    const id = await aResource(accountId, 'GUARDRAIL');
    await moveClock(gateway, accountId, '2026-06-01T00:00:00Z');
    const from = (at: string): { readonly input: DeployInput } => ({
      input: { id, hardware: 'h 1000000', replicas: 1_000, at },
    });

    // 10^9 an hour: a thousand hours are 41 days and 16 hours.
    const error = await refused(DeployDocument, from('2026-04-20T07:59:59.999Z'));
    expect(error?.message).toContain('and may cost at most 1000000000000.');
    expect(error?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', 'at'] });
    await ask(gateway, DeployDocument, from('2026-04-20T08:00:00Z'));
    expect(await balanceOf(accountId)).toEqual({ remaining: '0', state: 'STOPPED' });
  });

  it('records as many workflow runs as it can hold', async () => {
    const accountId = await anAccount();
    const resourceId = await aResource(accountId, 'WORKFLOW');
    const runs = (quantity: number): Promise<unknown> =>
      record(accountId, resourceId, { type: 'WORKFLOW_RUN', quantity });

    // 10^12 + 1 is refused, 10^12 is taken; then no more.
    expect(await runs(1_000_000_000_001)).toMatchObject({ results: [{ code: 'LIMIT_EXCEEDED' }] });
    expect(await runs(1_000_000_000_000)).toMatchObject({ accepted: 1 });
    expect(await runs(1)).toMatchObject({ results: [{ code: 'LIMIT_EXCEEDED' }] });
    await moveClock(gateway, accountId, '2026-05-01T00:00:00Z');
  });

  it('is told of a percent of next to nothing that was allocated', async () => {
    const accountId = await anAccount();
    await allocate(gateway, accountId, '0.000001');
    const resourceId = await aResource(accountId, 'GUARDRAIL');
    expect(await record(accountId, resourceId, { credits: '200000' })).toMatchObject({
      accepted: 1,
    });
    const { account } = await ask<{ account: { alerts: { nodes: readonly unknown[] } } }>(
      gateway,
      `query ($id: ID) { account(id: $id) { alerts(first: 1, kinds: [CREDIT_THRESHOLD]) { nodes { measured } } } }`,
      { id: accountId },
    );

    // 100 x 200,000 / 0.000001.
    expect(account.alerts.nodes).toEqual([{ measured: '20000000000000' }]);
  });
});
