// The FOCUS export of an account that did everything: checked against the rules of the specification, and against what GraphQL
// says of the same range.

import {
  AdjustCreditsDocument,
  RecordHostingDocument,
  ScaleDocument,
  SetCreditPriceDocument,
  SetHardwareRateDocument,
  StatementsDocument,
  UndeployDocument,
  VoidAllocationDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  deploy,
  deployGuardrail,
  moveClock,
  recordUsage,
  register,
  undeploy,
} from '../support/account.ts';
import { type Cells, problemsOf, readFocus } from '../support/focus-validator.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';

// The account's day is that of Berlin: UTC+1 until 29 March, then UTC+2. Its cycles begin on the first.
const MARCH = '2026-02-28T23:00:00Z';
const APRIL = '2026-03-31T22:00:00Z';
const MAY = '2026-04-30T22:00:00Z';
const NOW = '2026-04-10T12:00:00Z';
const RATE_CHANGE = '2026-03-20T09:30:00.000Z';
const PRICE_CHANGE = '2026-03-25T10:30:00.000Z';
const EURO = { currency: 'EUR', listPerCredit: '0.02', contractedPerCredit: '0.015' };
const DOLLAR = { currency: 'USD', listPerCredit: '0.03', contractedPerCredit: '0.02' };
const PYTHON = { language: 'Python', languageVersion: '3.13' };
/** Segments that one row adds up, each rounded down: its cost differs from quantity times price by less than so much. */
const TOLERANCE = { ofPricing: '0.000010' };

let gateway: TestGateway;
let accountId: string;
let key: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway, {
    name: 'Acme, "Berlin"',
    timeZone: 'Europe/Berlin',
    createdAt: '2026-01-05T00:00:00Z',
    negativeLimit: '-100000',
  });
  ({ secret: key } = await createKey(gateway, accountId, ['READ_USAGE']));
  await createHardware(gateway, 'gpu', '3.6', { vcpus: 8, memoryGb: 64.5, gpus: 2 });
  await createHardware(gateway, 'cpu', '0.123457', { kind: 'CPU', gpus: 0 });
  await live();
});

afterAll(() => gateway.close());

function goTo(instant: string): void {
  gateway.clock.moveTo(Date.parse(instant));
}

/** From 10 March to 10 April. */
async function live(): Promise<void> {
  const [live = '', guard = '', script = ''] = await register(
    gateway,
    accountId,
    {
      ...{ kind: 'MODEL_DEPLOYMENT', externalId: 'live', name: 'Summaries', owner: 'ana' },
      ...{ modelExternalId: 'm', modelName: 'Summariser', modelType: 'FINE_TUNED' },
    },
    { kind: 'GUARDRAIL', externalId: 'guard', name: '=Faces' },
    { kind: 'CUSTOM_SCRIPT', externalId: 'script', name: 'Nightly', ...PYTHON },
    { kind: 'WORKFLOW', externalId: 'w', name: 'Letters' },
  );
  await setPrice({ effectiveFrom: '2026-01-01T00:00:00Z' });
  // History: before the account's credits began.
  await allocate(gateway, accountId, '500', {
    ...{ source: 'PLAN', effectiveAt: '2026-01-05T00:00:00Z', expiresAt: '2026-02-01T00:00:00Z' },
  });
  await allocate(gateway, accountId, '300', { source: 'PLAN', everyCycle: true });
  await allocate(gateway, accountId, '50', { source: 'PROMOTION' });
  await allocate(gateway, accountId, '100', { unit: 'WORKFLOW_RUNS' });
  const bought = await allocate(gateway, accountId, '2000', { source: 'TOP_UP', priority: 200 });
  await deploy(gateway, live, 'gpu');
  await deploy(gateway, guard, 'cpu', { replicas: 3 });
  const event = (eventId: string, more: object): Promise<void> =>
    recordUsage(gateway, accountId, { eventId, occurredAt: '2026-03-10T11:00:00Z', ...more });
  await event('tuning', { type: 'FINE_TUNING', modelExternalId: 'm', credits: '14.200001' });
  const ofGuard = { resourceKind: 'GUARDRAIL', resourceExternalId: 'guard' };
  await event('pages', { ...ofGuard, credits: '2.5', quantity: 1250, unit: 'pages' });
  await event('storing', { ...ofGuard, credits: '1', quantity: 4, unit: 'GB-days' });
  await event('unitless', { ...ofGuard, credits: '0.000001', quantity: 2 });
  await event('old', { ...ofGuard, credits: '7', occurredAt: '2026-01-20T00:00:00Z' });
  await event('run', { type: 'WORKFLOW_RUN', resourceKind: 'WORKFLOW', resourceExternalId: 'w' });
  await event('voided at once', { ...ofGuard, credits: '5' });
  await event('voided later', { ...ofGuard, credits: '6' });
  await voidEvent('voided at once');
  goTo('2026-03-20T09:00:00Z');
  await ask(gateway, SetHardwareRateDocument, {
    input: { hardware: 'cpu', creditsPerHour: '0.2', effectiveFrom: RATE_CHANGE },
  });
  goTo('2026-03-21T00:00:00Z');
  await ask(gateway, ScaleDocument, { input: { id: guard, replicas: 2 } });
  await setPrice({ ...DOLLAR, effectiveFrom: PRICE_CHANGE });
  await ask(gateway, VoidAllocationDocument, { id: bought, reason: 'returned' });
  for (const [amount, reason] of [
    ['12.5', 'goodwill'],
    ['-3', 'counted twice'],
  ] as const) {
    await ask(gateway, AdjustCreditsDocument, {
      input: { accountId, amount, reason, idempotencyKey: reason },
    });
  }
  await ask(gateway, RecordHostingDocument, {
    accountId,
    periods: [
      {
        ...{ source: 's', eventId: 'period', resourceId: script, hardware: 'cpu', replicas: 2 },
        ...{ from: '2026-03-20T08:00:00.123Z', to: '2026-03-20T11:00:00.456Z' },
      },
    ],
  });
  goTo('2026-04-02T00:00:00Z');
  await undeploy(gateway, live);
  goTo(NOW);
  await voidEvent('voided later');
  await ask(gateway, UndeployDocument, { id: guard, at: '2026-03-31T12:00:00Z' });
}

async function setPrice(input: object): Promise<void> {
  await ask(gateway, SetCreditPriceDocument, {
    input: {
      ...{ accountId, ...EURO, ...input },
    },
  });
}

async function voidEvent(eventId: string): Promise<void> {
  await ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId, reason: 'an error' });
}

function get(query: string, secret = key): Promise<Response> {
  return fetch(`${originOf(gateway)}/v1/exports/focus?${query}`, {
    headers: { authorization: `Bearer ${secret}` },
  });
}

async function focus(query: string): Promise<string> {
  const response = await get(`format=csv&${query}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return text;
}

async function rowsOf(query: string): Promise<readonly Cells[]> {
  return readFocus(await focus(query)).rows;
}

/** Exact, in units of 10^-12. */
function pico(decimal: string | null | undefined): bigint {
  const [whole = '', fraction = ''] = (decimal ?? '').replace('-', '').split('.');
  const value = BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, '0'));
  return decimal?.startsWith('-') === true ? -value : value;
}

function sum(rows: readonly Cells[], column: string): bigint {
  return rows.reduce((total, row) => total + pico(row[column]), 0n);
}

/** What GraphQL says was used, in units of 10^-12 credits. */
async function used(from: string, to: string): Promise<bigint> {
  const data = await ask<{ account: { usage: { credits: { used: string } } } }>(
    gateway,
    'query($id: ID, $range: DateRangeInput) { account(id: $id) { usage(range: $range) { credits { used } } } }',
    { id: accountId, range: { from, to } },
  );
  return pico(data.account.usage.credits.used);
}

/** Some columns of rows. */
function columnsOf(rows: readonly Cells[], ...columns: readonly string[]): readonly unknown[] {
  return rows.map((row) => columns.map((column) => row[column]));
}

const ALL = `from=2026-01-01T00:00:00Z&to=${MAY}`;
const isUsage = (row: Cells): boolean => row['ChargeCategory'] === 'Usage';

describe('a FOCUS export', () => {
  it.each(['1.2', '1.3'] as const)('keeps the rules of version %s', async (version) => {
    for (const width of ['HOUR', 'DAY', 'WEEK', 'MONTH', 'NONE']) {
      const csv = await focus(`${ALL}&version=${version}&granularity=${width}`);

      expect(problemsOf(csv, version, TOLERANCE)).toEqual([]);
      expect(readFocus(csv).rows.length).toBeGreaterThan(20);
    }
  });

  it('is of version 1.2 unless another is asked for, which has two columns more', async () => {
    const plain = readFocus(await focus(ALL));
    const later = readFocus(await focus(`${ALL}&version=1.3`));

    expect(later.columns.filter((column) => !plain.columns.includes(column))).toEqual([
      'HostProviderName',
      'ServiceProviderName',
    ]);
    expect(plain.columns).toHaveLength(later.columns.length - 2);
  });

  it.each([
    ['of a cycle', MARCH, APRIL],
    ['of the running cycle', APRIL, NOW],
    ['with history', '2026-01-01T00:00:00Z', MAY],
    ['that cuts everything', '2026-03-20T08:30:00.500Z', '2026-03-25T11:11:11.111Z'],
  ])('adds up to the credits of the view %s, at any width', async (_, from, to) => {
    const credits = await used(from, to);

    expect(credits).toBeGreaterThan(0n);
    for (const width of ['HOUR', 'DAY', 'WEEK', 'MONTH', 'AUTO', 'NONE']) {
      const rows = await rowsOf(`from=${from}&to=${to}&granularity=${width}`);
      expect(sum(rows, 'PricingCurrencyEffectiveCost')).toBe(credits);
      // 0.015 EUR a credit before the change of the price, 0.02 USD after it.
      for (const [currency, factor] of [
        ['EUR', 15n],
        ['USD', 20n],
      ] as const) {
        const ofCurrency = rows.filter((row) => row['BillingCurrency'] === currency);
        const creditsOf = sum(ofCurrency, 'PricingCurrencyEffectiveCost');
        expect(sum(ofCurrency, 'EffectiveCost') * 1000n).toBe(creditsOf * factor);
      }
    }
  });

  it('costs what the credits cost at their time', async () => {
    const rows = await rowsOf(ALL);
    const of = (currency: string): readonly Cells[] =>
      rows.filter((row) => isUsage(row) && row['BillingCurrency'] === currency);
    const before = await used('2026-01-01T00:00:00Z', PRICE_CHANGE);
    const after = await used(PRICE_CHANGE, MAY);

    expect(sum(of('EUR'), 'EffectiveCost') * 1000n).toBe(before * 15n);
    expect(sum(of('EUR'), 'ListCost') * 1000n).toBe(before * 20n);
    expect(sum(of('USD'), 'EffectiveCost') * 1000n).toBe(after * 20n);
    expect(sum(of('USD'), 'ListCost') * 1000n).toBe(after * 30n);
    expect(rows.filter(isUsage).every((row) => row['BilledCost'] === '0')).toBe(true);
  });

  it('ends a row where the rate of its hardware changes', async () => {
    const rows = await rowsOf('fromDay=2026-03-20&toDay=2026-03-20');
    const ofCpu = rows.filter((row) => row['SkuId'] === 'cpu');
    const columns = [
      ...['ResourceName', 'ChargePeriodStart', 'ChargePeriodEnd', 'SkuPriceId'],
      ...['PricingCurrencyListUnitPrice', 'PricingQuantity', 'PricingCurrencyEffectiveCost'],
      'EffectiveCost',
    ];
    const [start, change, end] = [
      '2026-03-19T23:00:00Z',
      '2026-03-20T09:30:00Z',
      '2026-03-20T23:00:00Z',
    ];
    const [early, late] = ['cpu@1970-01-01T00:00:00Z', `cpu@${change}`];

    expect(columnsOf(ofCpu, ...columns)).toEqual([
      // 3 replicas x 10.5 h x 0.123457: since 12:00 on the 10th 84.074217 after 227 h, 87.963112 (and a half) after 237.5 h.
      ["'=Faces", start, change, early, '0.123457', '31.5', '3.888895', '0.058333425'],
      // 3 replicas x 13.5 h x 0.2.
      ["'=Faces", change, end, late, '0.2', '40.5', '8.1', '0.1215'],
      // 2 replicas x 5,399,877 ms: 2.9999316666… hours, and 370362.56… micro-credits.
      ['Nightly', start, change, early, '0.123457', '2.999931666667', '0.370362', '0.00555543'],
      // 2 replicas x 5,400,456 ms: 3.0002533333… hours, and 600050.6… micro-credits.
      ['Nightly', change, end, late, '0.2', '3.000253333333', '0.60005', '0.00900075'],
    ]);
  });

  it('ends a row where the price of a credit changes', async () => {
    const rows = await rowsOf('fromDay=2026-03-25&toDay=2026-03-25');
    const columns = [
      ...['ChargePeriodStart', 'ChargePeriodEnd', 'BillingCurrency'],
      ...['PricingCurrencyEffectiveCost', 'EffectiveCost', 'ListCost', 'ListUnitPrice'],
    ];
    const [start, change, end] = [
      '2026-03-24T23:00:00Z',
      '2026-03-25T10:30:00Z',
      '2026-03-25T23:00:00Z',
    ];

    expect(columnsOf(rows, ...columns)).toEqual([
      // 11.5 h x 3.6, and 2 replicas x 11.5 h x 0.2, at 0.015 EUR (list: 0.02).
      [start, change, 'EUR', '41.4', '0.621', '0.828', '0.072'],
      [start, change, 'EUR', '4.6', '0.069', '0.092', '0.004'],
      // 12.5 h x 3.6, and 2 replicas x 12.5 h x 0.2, at 0.02 USD (list: 0.03).
      [change, end, 'USD', '45', '0.9', '1.35', '0.108'],
      [change, end, 'USD', '5', '0.1', '0.15', '0.006'],
    ]);
  });

  it('ends a row where a billing cycle ends', async () => {
    // The week from Monday, 30 March; the cycle ends after its second day.
    const rows = await rowsOf(`from=2026-03-29T22:00:00Z&to=2026-04-05T22:00:00Z&granularity=WEEK`);
    const ofGpu = rows.filter((row) => row['SkuId'] === 'gpu');
    const columns = [
      ...['ChargePeriodStart', 'ChargePeriodEnd', 'BillingPeriodStart', 'BillingPeriodEnd'],
      'PricingQuantity',
    ];
    const cycleEnd = '2026-03-31T22:00:00Z';

    expect(columnsOf(ofGpu, ...columns)).toEqual([
      ['2026-03-29T22:00:00Z', cycleEnd, '2026-02-28T23:00:00Z', cycleEnd, '48'],
      // Undeployed at midnight UTC of 2 April, after 26 hours.
      [cycleEnd, '2026-04-05T22:00:00Z', cycleEnd, '2026-04-30T22:00:00Z', '26'],
    ]);
  });

  it('tells what was used of events by what they count', async () => {
    const rows = await rowsOf('fromDay=2026-03-10&toDay=2026-03-10');
    const ofEvents = rows.filter((row) => isUsage(row) && row['x_Component'] !== 'HOSTING');
    const columns = [
      ...['ResourceType', 'SkuId', 'ConsumedQuantity', 'ConsumedUnit', 'PricingUnit'],
      ...['PricingQuantity', 'PricingCurrencyListUnitPrice', 'EffectiveCost'],
    ];

    expect(columnsOf(ofEvents, ...columns)).toEqual([
      ['MODEL', 'FINE_TUNING', '1', 'Units', 'Credits', '14.200001', '1', '0.213000015'],
      ['GUARDRAIL', 'PROCESSING', '1250', 'Pages', 'Credits', '2.5', '1', '0.0375'],
      ['GUARDRAIL', 'PROCESSING', '4', 'GB-Days', 'Credits', '1', '1', '0.015'],
      ['GUARDRAIL', 'PROCESSING', '2', 'Units', 'Credits', '0.000001', '1', '0.000000015'],
    ]);
  });

  it('has what was bought, given, taken back and corrected, with a price for what was bought alone', async () => {
    const rows = await rowsOf(ALL);
    const columns = [
      ...['ChargeCategory', 'ChargeClass', 'ChargeFrequency', 'ChargeDescription'],
      ...['PricingQuantity', 'PricingCurrency', 'BilledCost', 'ListCost', 'ListUnitPrice'],
      'ChargePeriodStart',
    ];
    const [one, more] = ['One-Time', 'Recurring'];
    const day = '2026-03-09T23:00:00Z';
    const later = '2026-03-20T23:00:00Z';
    const last = '2026-04-09T22:00:00Z';
    const bought = 'Credits bought';
    const plan = 'Credits of a plan';
    const free = ['0', '0', null] as const;

    expect(
      columnsOf(
        rows.filter((row) => !isUsage(row)),
        ...columns,
      ),
    ).toEqual([
      // Of history: 500 x 0.015.
      ['Purchase', null, one, plan, '500', 'EUR', '7.5', '10', '0.02', '2026-01-04T23:00:00Z'],
      ['Purchase', null, more, plan, '300', 'EUR', '4.5', '6', '0.02', day],
      ['Credit', null, one, 'Credits of a promotion', '50', 'Credits', ...free, day],
      ['Purchase', null, one, bought, '2000', 'EUR', '30', '40', '0.02', day],
      ['Adjustment', null, one, 'Usage taken back', '5', 'Credits', ...free, day],
      // What is left of 2,350 on the 21st: 907.2 + 87.963112 + 8.7 of hosting and 23.700002 of events were used.
      ['Adjustment', null, one, 'Allocation voided', '-1322.436886', 'Credits', ...free, later],
      ['Adjustment', null, one, 'Adjustment: goodwill', '12.5', 'Credits', ...free, later],
      ['Adjustment', null, one, 'Adjustment: counted twice', '-3', 'Credits', ...free, later],
      // At the price since 25 March: 300 x 0.02.
      ['Purchase', null, more, plan, '300', 'USD', '6', '9', '0.03', '2026-03-31T22:00:00Z'],
      // Used in March, and voided when the cycle of March was over.
      ['Adjustment', 'Correction', one, 'Usage taken back', '6', 'Credits', ...free, last],
      // 2 replicas x 240 h x 0.2: the end was reported after the cycle.
      [
        ...['Adjustment', 'Correction', one, 'Hosting that ended earlier', '96', 'Credits'],
        ...[...free, last],
      ],
    ]);
  });

  it('names the entries of the ledger and their allocations', async () => {
    const rows = await rowsOf(ALL);
    const { account } = await ask<{
      account: {
        ledger: {
          nodes: readonly {
            kind: string;
            sequence: number;
            amount: string;
            allocation: { id: string } | null;
          }[];
        };
      };
    }>(
      gateway,
      'query($id: ID) { account(id: $id) { ledger(first: 500) { nodes { kind sequence amount allocation { id } } } } }',
      { id: accountId },
    );
    const entries = account.ledger.nodes
      .filter(({ kind }) => !['USAGE', 'EXPIRY', 'CARRY_OVER'].includes(kind))
      .sort((a, b) => a.sequence - b.sequence);

    expect(
      columnsOf(
        rows.filter((row) => row['x_LedgerSequence'] !== null),
        ...['x_LedgerSequence', 'PricingQuantity', 'ResourceId'],
      ),
    ).toEqual(
      entries.map(({ sequence, amount, allocation }) => [
        String(sequence),
        amount,
        allocation?.id ?? null,
      ]),
    );
  });

  it('names the statement of the cycle, once it is issued', async () => {
    await gateway.app.issuing.issueAll();
    const { account } = await ask(gateway, StatementsDocument, { accountId, first: 10 });
    const [statement] = account?.statements.nodes ?? [];
    const rows = await rowsOf(ALL);
    const ofCycle = (start: string): ReadonlySet<unknown> =>
      new Set(
        rows.filter((row) => row['BillingPeriodStart'] === start).map((row) => row['InvoiceId']),
      );

    expect(account?.statements.nodes).toHaveLength(1);
    expect(ofCycle('2026-02-28T23:00:00Z')).toEqual(new Set([statement?.id]));
    // History has none, and the running cycle has none yet.
    expect(ofCycle('2025-12-31T23:00:00Z')).toEqual(new Set([null]));
    expect(ofCycle('2026-03-31T22:00:00Z')).toEqual(new Set([null]));
  });

  it('says what it came to', async () => {
    const response = await get(`${ALL}&format=csv`);
    const rows = readFocus(await response.text()).rows.length;
    const id = response.headers.get('x-export-id') ?? '';
    const run = await gateway.http
      .get(`/v1/exports/runs/${id}`)
      .set('authorization', `Bearer ${key}`)
      .expect(200);
    const credits = await used('2026-01-01T00:00:00Z', MAY);

    expect(response.headers.get('content-disposition')).toContain(
      'focus-2026-01-01-2026-04-30.csv',
    );
    expect(run.body).toMatchObject({
      ...{ export: 'focus', state: 'COMPLETE', rows },
      creditsMicro: String(credits / 10n ** 6n),
    });
  });
});

it('has the rate that a test account was charged at, which it may keep for longer than others', async () => {
  const other = await startTestGateway();
  const id = await createAccount(other, { testClock: '2026-03-01T00:00:00Z' });
  await allocate(other, id, '1000');
  await createHardware(other, 'h', '1');
  await deployGuardrail(other, id, 'h');
  await moveClock(other, id, '2026-03-12T00:00:00Z');
  // The account has passed this instant, so it has the new rate from its own now on.
  const effectiveFrom = '2026-03-10T13:00:00.000Z';
  await ask(other, SetHardwareRateDocument, {
    input: { hardware: 'h', creditsPerHour: '2', effectiveFrom },
  });
  await moveClock(other, id, '2026-03-12T06:00:00Z');
  await ask(other, SetCreditPriceDocument, {
    input: { accountId: id, ...EURO, effectiveFrom: '2026-03-01T00:00:00Z' },
  });
  const { secret } = await createKey(other, id, ['READ_USAGE']);
  const csv = await other.http
    .get('/v1/exports/focus?from=2026-03-10T00:00:00Z&to=2026-03-13T00:00:00Z&format=csv')
    .set('authorization', `Bearer ${secret}`)
    .expect(200);
  await other.close();
  const columns = [
    'ChargePeriodStart',
    'PricingCurrencyListUnitPrice',
    'PricingQuantity',
    'SkuPriceId',
  ];

  expect(problemsOf(csv.text, '1.2')).toEqual([]);
  expect(columnsOf(readFocus(csv.text).rows, ...columns)).toEqual([
    ['2026-03-10T00:00:00Z', '1', '13', 'h@1970-01-01T00:00:00Z'],
    ['2026-03-10T13:00:00Z', '1', '11', 'h@1970-01-01T00:00:00Z'],
    ['2026-03-11T00:00:00Z', '1', '24', 'h@1970-01-01T00:00:00Z'],
    ['2026-03-12T00:00:00Z', '2', '6', 'h@2026-03-10T13:00:00Z'],
  ]);
});

describe('a FOCUS export is refused', () => {
  async function refusal(query: string, secret = key): Promise<unknown> {
    const response = await get(query, secret);
    const { errors } = (await response.json()) as {
      errors: [{ message: string; extensions: object }];
    };
    return { status: response.status, message: errors[0].message, ...errors[0].extensions };
  }

  it('without a credit price, with how to set it', async () => {
    const other = await createAccount(gateway, { name: 'B' });
    const { secret } = await createKey(gateway, other, ['READ_USAGE']);

    expect(await refusal(`from=${APRIL}&to=${NOW}`, secret)).toMatchObject({
      status: 409,
      code: 'CONFLICT',
      message:
        'The account has no credit price, and FOCUS gives costs in money. An operator sets it with setCreditPrice (currency, listPerCredit, contractedPerCredit, effectiveFrom), from 2026-03-31T22:00:00.000Z or earlier for this range.',
    });
  });

  it('for a range that begins before the first price, with that instant', async () => {
    expect(await refusal(`from=2025-12-31T23:59:59.999Z&to=${NOW}`)).toMatchObject({
      status: 400,
      code: 'BAD_USER_INPUT',
      path: ['from'],
      message:
        'The range begins at 2025-12-31T23:59:59.999Z, but the first credit price of the account holds from 2026-01-01T00:00:00.000Z. An operator sets it with setCreditPrice (currency, listPerCredit, contractedPerCredit, effectiveFrom) from 2025-12-31T23:59:59.999Z or earlier, or begin the range at 2026-01-01T00:00:00.000Z.',
    });
  });

  it.each([
    ['version=1.1', 'version is "1.1"; it must be one of 1.2, 1.3.', ['version']],
    ['groupBy=RESOURCE', 'This export has no parameter "groupBy"', ['groupBy']],
  ])('with %s', async (parameter, message, path) => {
    expect(await refusal(`from=${APRIL}&to=${NOW}&${parameter}`)).toMatchObject({
      ...{ status: 400, code: 'BAD_USER_INPUT', path },
      message: expect.stringContaining(message),
    });
  });
});

it('of more rows than an export may have is refused before the first one, with where to split it', async () => {
  const small = await startTestGateway({ beside: gateway, app: { exportLimits: { rows: 60 } } });
  const asked = (query: string): Promise<Response> =>
    fetch(`${originOf(small)}/v1/exports/focus?${query}`, {
      headers: { authorization: `Bearer ${key}` },
    });
  const [whole, part] = [
    await asked(`${ALL}&granularity=DAY`),
    await asked(`${ALL}&granularity=MONTH`),
  ];
  const refused: unknown = await whole.json();
  const rows = readFocus(await part.text()).rows.length;
  await small.close();

  expect(whole.status).toBe(413);
  expect(refused).toMatchObject({
    errors: [{ message: expect.stringContaining('more than 60 rows') }],
  });
  expect(part.status).toBe(200);
  expect(rows).toBeLessThanOrEqual(60);
});

// The last one: it changes the account.
it('goes on from any row with the same rows, whatever is recorded, voided or priced meanwhile', async () => {
  type Line = Readonly<Record<string, unknown>>;
  const lines = async (more: string): Promise<readonly Line[]> => {
    const text = await (await get(`${ALL}&format=ndjson&${more}`)).text();
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
  };
  const widths = ['DAY', 'MONTH'].map((width) => `granularity=${width}`);
  const answers = await Promise.all(widths.map(lines));
  goTo('2026-04-10T13:00:00Z');
  await recordUsage(gateway, accountId, {
    ...{ occurredAt: '2026-03-15T00:00:00Z', credits: '3', eventId: 'late' },
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'guard' },
  });
  await voidEvent('pages');
  await allocate(gateway, accountId, '1');
  // It would cut the bucket of April.
  await setPrice({ effectiveFrom: '2026-04-15T00:00:00Z' });

  for (const [index, width] of widths.entries()) {
    const [start = {}, ...others] = answers[index] ?? [];
    const [rows, end] = [others.slice(0, -1), others.at(-1)];
    const asOf = encodeURIComponent(String(start['asOf']));
    expect(start).toMatchObject({ export: 'focus', version: '1.2' });
    expect(end).toMatchObject({ type: 'end', rows: rows.length });
    // Each of the first and the last rows, and some between.
    const isTried = (row: number): boolean => row < 8 || row > rows.length - 14 || row % 9 === 0;
    for (const row of rows.keys()) {
      if (!isTried(row)) continue;
      const after = encodeURIComponent(String(rows[row]?.['cursor']));
      const [, ...rest] = await lines(`${width}&after=${after}&asOf=${asOf}`);
      expect(rest.slice(0, -1)).toEqual(rows.slice(row + 1));
      expect(rest.at(-1)).toMatchObject({ type: 'end', rows: rows.length - row - 1 });
    }
  }
});
