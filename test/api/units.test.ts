// Quantities by unit: reports and panels, whatever is folded of them, and by whichever release.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RollupCheckService } from '../../src/rollups/check.service.ts';
import {
  ask,
  createAccount,
  createHardware,
  deploy,
  fund,
  numberOf,
  recordUsage,
  register,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  HostedPanelDocument,
  ReportDocument,
  UpdateAccountDocument,
  VoidUsageDocument,
  type ReportQueryVariables,
} from '@billing-gateway/client/operations';

// The clock stands at TEST_NOW, 2026-03-10T12:00.
const range = { fromDay: '2026-03-01', toDay: '2026-03-31' };

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '1');
});

afterAll(async () => {
  await gateway.close();
});

/** What the OCR deployment of an account processed: event id, quantity, unit and credits. */
type Processed = readonly [eventId: string, quantity: number, unit: string | null, credits: string];

const PROCESSED: readonly Processed[] = [
  ['a', 12, 'pages', '0.6'],
  ['b', 30, 'pages', '1.5'],
  ['c', 4_000, 'tokens', '0.8'],
  ['d', 7, null, '0.07'],
];

async function anAccount(events: readonly Processed[] = PROCESSED): Promise<string> {
  const accountId = await createAccount(gateway, { timeZone: 'UTC' });
  await fund(gateway, accountId);
  await register(
    gateway,
    accountId,
    { kind: 'OCR_DEPLOYMENT', externalId: 'ocr', name: 'OCR', ocrModel: 'm' },
    { kind: 'WORKFLOW', externalId: 'flow', name: 'Flow' },
  );
  await process(accountId, events);
  return accountId;
}

/** Records events an hour apart, the first on 3 March at 21:07:30. */
async function process(accountId: string, events: readonly Processed[]): Promise<void> {
  for (const [index, [eventId, quantity, unit, credits]] of events.entries()) {
    const occurredAt = new Date(Date.UTC(2026, 2, 3, 21 + index, 7, 30)).toISOString();
    const of = { resourceKind: 'OCR_DEPLOYMENT', resourceExternalId: 'ocr' } as const;
    const event = { ...of, eventId, occurredAt, quantity, unit, credits };
    await recordUsage(gateway, accountId, event);
  }
}

async function takeBack(accountId: string, eventId: string): Promise<void> {
  await ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId, reason: 'mistake' });
}

/** Rows of a report by unit: unit, quantity, credits. */
async function units(
  accountId: string,
  asked: Partial<ReportQueryVariables> = {},
): Promise<readonly unknown[]> {
  const variables = { accountId, range, groupBy: ['UNIT' as const], ...asked };
  const { account } = await ask(gateway, ReportDocument, variables);
  return (account?.usage.report.nodes ?? []).map(({ unit, quantity, credits }) => [
    unit,
    quantity,
    credits,
  ]);
}

/** What differs between the account's rollups and its events. */
async function differences(accountId: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  const check = new RollupCheckService(gateway.database).check([numberOf(accountId)]);
  for await (const checked of check) found.push(...checked.differences);
  return found;
}

describe('a report by UNIT', () => {
  it('has a row for each unit and one for what has none: runs, hosting and events without', async () => {
    const accountId = await anAccount();
    const occurredAt = '2026-03-05T00:00:00Z';
    await recordUsage(gateway, accountId, {
      ...{ type: 'WORKFLOW_RUN', occurredAt, quantity: 3 },
      ...{ resourceKind: 'WORKFLOW', resourceExternalId: 'flow' },
    });
    const [guardrail = ''] = await register(gateway, accountId, {
      ...{ kind: 'GUARDRAIL', externalId: 'g', name: 'G' },
    });
    // Two hours until now at a credit an hour.
    await deploy(gateway, guardrail, 'gpu', { at: '2026-03-10T10:00:00Z' });

    const { account } = await ask(gateway, ReportDocument, { accountId, range, groupBy: ['UNIT'] });
    const { nodes = [], totals } = account?.usage.report ?? {};

    expect(nodes.map((row) => [row.unit, row.quantity, row.credits, row.runs, row.time])).toEqual([
      ['pages', 42, '2.1', 0, 'PT0S'],
      [null, 7, '2.07', 3, 'PT2H'],
      ['tokens', 4000, '0.8', 0, 'PT0S'],
    ]);
    // 2.1 + 2.07 + 0.8
    expect(totals).toMatchObject({ credits: '4.97', runs: 3, hostingTime: 'PT2H' });
  });

  it('says the same before and after folding, and of what is taken back before and after', async () => {
    const accountId = await anAccount();
    const all = [
      ['pages', 42, '2.1'],
      ['tokens', 4000, '0.8'],
      [null, 7, '0.07'],
    ];
    expect(await units(accountId)).toEqual(all);
    await gateway.fold();
    expect(await units(accountId)).toEqual(all);

    await takeBack(accountId, 'a');
    const without = [['pages', 30, '1.5'], ...all.slice(1)];
    expect(await units(accountId)).toEqual(without);
    await process(accountId, [['e', 1, 'calls', '0.01']]);
    await takeBack(accountId, 'e');
    expect(await units(accountId)).toEqual(without);
    await gateway.fold();
    expect(await units(accountId)).toEqual(without);
    await takeBack(accountId, 'b');
    await gateway.fold();
    expect(await units(accountId)).toEqual(without.slice(1));
    expect(await differences(accountId)).toEqual([]);
  });

  it('is cut by any range and bucket, and by other dimensions', async () => {
    const accountId = await anAccount();
    await gateway.fold();
    // From the second event to just before the third.
    const cut = { from: '2026-03-03T22:07:30.000Z', to: '2026-03-03T23:07:30.000Z' };
    expect(await units(accountId, { range: cut })).toEqual([['pages', 30, '1.5']]);
    // Three events on the 3rd, and the last a quarter past midnight.
    expect(await units(accountId, { granularity: 'DAY' })).toEqual([
      ['pages', 42, '2.1'],
      ['tokens', 4000, '0.8'],
      [null, 7, '0.07'],
    ]);
    const { account } = await ask(gateway, ReportDocument, {
      ...{ accountId, range, granularity: 'DAY', groupBy: ['RESOURCE', 'COMPONENT', 'UNIT'] },
    });
    expect(
      account?.usage.report.nodes.map((row) => [
        ...[row.from, row.resource?.externalId, row.component, row.unit],
      ]),
    ).toEqual([
      ['2026-03-03T00:00:00.000Z', 'ocr', 'PROCESSING', 'pages'],
      ['2026-03-03T00:00:00.000Z', 'ocr', 'PROCESSING', 'tokens'],
      ['2026-03-04T00:00:00.000Z', 'ocr', 'PROCESSING', null],
    ]);
    expect(await units(accountId, { groupBy: ['COMPONENT'] })).toEqual([[null, 4049, '2.97']]);
  });

  it('of an account without units is one row', async () => {
    const accountId = await anAccount([['a', 5, null, '1']]);
    await gateway.fold();
    expect(await units(accountId)).toEqual([[null, 5, '1']]);
  });

  it('shows on later pages the view of the first, whatever is recorded, voided and folded between', async () => {
    const folds = [[], ['first'], ['second'], ['first', 'second']];
    for (const fold of folds) {
      const accountId = await anAccount();
      if (fold.includes('first')) await gateway.fold();
      await takeBack(accountId, 'b');
      const query = { accountId, range, groupBy: ['UNIT' as const], first: 1 };
      const first = (await ask(gateway, ReportDocument, query)).account?.usage.report;
      expect(first?.nodes).toMatchObject([{ unit: 'tokens', quantity: 4000 }]);

      await process(accountId, [['f', 100, 'pages', '0.5']]);
      await takeBack(accountId, 'a');
      if (fold.includes('second')) await gateway.fold();

      const after = first?.pageInfo.endCursor ?? null;
      expect(await units(accountId, { first: 5, after })).toEqual([
        ['pages', 12, '0.6'],
        [null, 7, '0.07'],
      ]);
    }
  });
});

describe('the sums by unit of an account that moves', () => {
  it('are right, whatever was voided and folded before', async () => {
    const accountId = await anAccount();
    expect(await units(accountId)).toEqual([
      ['pages', 42, '2.1'],
      ['tokens', 4000, '0.8'],
      [null, 7, '0.07'],
    ]);

    await gateway.fold();
    await takeBack(accountId, 'c');
    // The last of them are on the 4th, but on the 3rd where the account moves to.
    const calls = Array.from({ length: 6 }, (_, index): Processed => [
      ...([`g${index}`, 1, 'calls', '0.01'] as const),
    ]);
    await process(accountId, calls);
    await ask(gateway, UpdateAccountDocument, {
      input: { accountId, timeZone: 'America/New_York' },
    });
    const expected = [
      ['pages', 42, '2.1'],
      [null, 7, '0.07'],
      ['calls', 6, '0.06'],
    ];
    expect(await units(accountId)).toEqual(expected);
    await gateway.fold();
    expect(await units(accountId)).toEqual(expected);
    expect(await differences(accountId)).toEqual([]);
  });
});

describe('the panel of a hosted resource', () => {
  it('has what was processed by unit, most credits first', async () => {
    const accountId = await anAccount();
    const panel = async (): Promise<unknown> => {
      const of = { kind: 'OCR_DEPLOYMENT', externalId: 'ocr' } as const;
      const { resource } = await ask(gateway, HostedPanelDocument, { accountId, range, ...of });
      return resource?.__typename === 'OcrDeployment' ? resource.usage.quantities : null;
    };
    const expected = [
      { unit: 'pages', quantity: 42, credits: '2.1' },
      { unit: 'tokens', quantity: 4000, credits: '0.8' },
      { unit: null, quantity: 7, credits: '0.07' },
    ];
    expect(await panel()).toEqual(expected);
    await gateway.fold();
    expect(await panel()).toEqual(expected);
  });
});
