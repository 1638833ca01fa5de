// What a new account has where createAccount leaves it out.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import { allocate, ask, createHardware, moveClock, registerGuardrail } from '../support/account.ts';
import { asOwner, startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { CreditsDocument, DeployDocument } from '@billing-gateway/client/operations';

const CREATE = `mutation ($input: CreateAccountInput!) { createAccount(input: $input) {
  id name creditPolicy { lowCredit negativeLimit fineTuningMinimum } thresholds { measure value } } }`;
const SHIPPED = { lowCredit: '10', negativeLimit: '-10', fineTuningMinimum: '0' };
const SHIPPED_THRESHOLDS = [
  'CREDITS_USED_PERCENT 50',
  'CREDITS_USED_PERCENT 70',
  'CREDITS_USED_PERCENT 80',
  'CREDITS_USED_PERCENT 90',
  'RUNS_USED_PERCENT 50',
  'RUNS_USED_PERCENT 70',
  'RUNS_USED_PERCENT 80',
  'RUNS_USED_PERCENT 90',
  'HOURS_TO_STOP 24',
];

let shipped: TestGateway;
let configured: TestGateway;

beforeAll(async () => {
  shipped = await startTestGateway({ accountDefaults: loadConfig({}).accountDefaults });
  const env = {
    DEFAULT_LOW_CREDIT: '2.5',
    DEFAULT_NEGATIVE_LIMIT: '-0.000001',
    DEFAULT_FINE_TUNING_MINIMUM: '-3',
    DEFAULT_USAGE_THRESHOLDS: '99.5',
    DEFAULT_HOURS_TO_STOP: 'none',
  };
  const { accountDefaults } = loadConfig(env);
  configured = await startTestGateway({ beside: shipped, accountDefaults });
});

afterAll(async () => {
  await configured.close();
  await shipped.close();
});

interface Created {
  readonly id: string;
  readonly name: string;
  readonly creditPolicy: Readonly<Record<string, string>>;
  readonly thresholds: readonly { readonly measure: string; readonly value: string }[];
}

async function create(
  gateway: TestGateway,
  input: Readonly<Record<string, unknown>>,
): Promise<Created> {
  const { data, errors } = await gateway.query<{ createAccount: Created }>(CREATE, {
    input: { name: 'Acme', testClock: TEST_NOW, ...input },
  });
  expect(errors).toBeUndefined();
  return data.createAccount;
}

function thresholdsOf({ thresholds }: Created): readonly string[] {
  return thresholds.map(({ measure, value }) => `${measure} ${value}`);
}

describe('a new account', () => {
  it('is refused at 10 credits and stopped at -10, as shipped', async () => {
    const account = await create(shipped, {});

    expect(account.creditPolicy).toEqual(SHIPPED);
    expect(thresholdsOf(account)).toEqual(SHIPPED_THRESHOLDS);
  });

  it('has what its gateway is configured with', async () => {
    const account = await create(configured, {});

    expect(account.creditPolicy).toEqual({
      lowCredit: '2.5',
      negativeLimit: '-0.000001',
      fineTuningMinimum: '-3',
    });
    expect(thresholdsOf(account)).toEqual(['CREDITS_USED_PERCENT 99.5', 'RUNS_USED_PERCENT 99.5']);
  });

  it('has what its request says, zero and empty lists too', async () => {
    const account = await create(configured, {
      lowCredit: '0',
      fineTuningMinimum: '1',
      usageThresholds: [],
      hoursToStop: ['2'],
    });

    expect(account.creditPolicy).toEqual({
      lowCredit: '0',
      negativeLimit: '-0.000001',
      fineTuningMinimum: '1',
    });
    expect(thresholdsOf(account)).toEqual(['HOURS_TO_STOP 2']);
  });

  // 30 credits at 60 an hour: 10 are left after 20 minutes, 0 after 30, -10 after 40.
  it('goes from refused into debt and to the stop, as shipped', async () => {
    const { id } = await create(shipped, { testClock: '2026-03-10T12:00:00Z' });
    await allocate(shipped, id, '30');
    await createHardware(shipped, 'sixty', '60');
    const deploy = async (resource: string): Promise<string> => {
      const input = { id: resource, hardware: 'sixty' };
      const { data, errors } = await shipped.query(DeployDocument, { input });
      return errors?.[0]?.extensions.code ?? data.deploy.status;
    };
    const at = async (to: string): Promise<unknown> => {
      await moveClock(shipped, id, to);
      const { account } = await ask(shipped, CreditsDocument, { accountId: id });
      const { credits } = account ?? {};
      return [credits?.state, credits?.remaining, credits?.burnRatePerHour];
    };
    const running = await registerGuardrail(shipped, id, 'running');
    const other = await registerGuardrail(shipped, id, 'other');

    expect(await deploy(running)).toBe('DEPLOYED');
    expect(await at('2026-03-10T12:19:00Z')).toEqual(['OK', '11', '60']);
    expect(await at('2026-03-10T12:20:00Z')).toEqual(['LOW', '10', '60']);
    expect(await deploy(other)).toBe('DEPLOYMENTS_DISABLED');
    expect(await at('2026-03-10T12:39:00Z')).toEqual(['EXHAUSTED', '-9', '60']);
    expect(await at('2026-03-10T12:41:00Z')).toEqual(['STOPPED', '-10', '0']);
  });
});

describe('createAccount that comes again', () => {
  it('is answered with the first account, whatever the configuration is by then', async () => {
    const input = { externalId: 'again', usageThresholds: ['10'] };
    const first = await create(shipped, input);

    const second = await create(configured, input);

    expect(second).toEqual(first);
    expect(second.creditPolicy).toEqual(SHIPPED);
  });

  it('is a conflict when it says what the first one left to the configuration', async () => {
    await create(shipped, { externalId: 'told' });

    const { errors } = await shipped.query(CREATE, {
      input: { name: 'Acme', testClock: TEST_NOW, externalId: 'told', lowCredit: '10' },
    });

    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'CONFLICT',
      path: ['input', 'externalId'],
    });
  });

  it('finds accounts that were created when the defaults were fixed', async () => {
    const input = { externalId: 'earlier', negativeLimit: '-5.0' };
    const { id } = await create(shipped, input);
    const kept = `update account set creation = creation - 'terms' || '{"policy": {"lowCredit": "0",
      "negativeLimit": "-5", "fineTuningMinimum": "0"}, "usageThresholds": ["50", "70", "80", "90"],
      "hoursToStop": ["24"]}' where external_id = 'earlier' returning account_id`;
    expect(await asOwner(shipped.databaseUrl, kept)).toHaveLength(1);

    expect((await create(shipped, input)).id).toBe(id);
    const other = { name: 'Acme', testClock: TEST_NOW, externalId: 'earlier' };
    expect((await shipped.query(CREATE, { input: other })).errors?.[0]?.extensions.code).toBe(
      'CONFLICT',
    );
  });
});
