// Statements: what they say, worked out by hand, and that they prove themselves.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeId } from '../../src/core/identity.ts';
import type { SignedStatement } from '../../src/statements/document.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deployGuardrail,
  moveClock,
  numberOf,
  recordUsage,
  registerGuardrail,
  undeploy,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AdjustCreditsDocument,
  BillingCyclesDocument,
  RegisterModelDocument,
  StatementsDocument,
  type StatementsQuery,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '3.6');
});

afterAll(async () => {
  await gateway.close();
});

type Listed = NonNullable<StatementsQuery['account']>['statements']['nodes'][number];

async function statementsOf(accountId: string, key?: string): Promise<readonly Listed[]> {
  const { account } = await ask(gateway, StatementsDocument, { accountId, first: 100 }, key);
  return account?.statements.nodes ?? [];
}

async function signed(url: string): Promise<SignedStatement> {
  const answer = await gateway.http
    .get(url)
    .set('authorization', `Bearer ${gateway.operatorKey}`)
    .expect(200);
  return JSON.parse(answer.text) as SignedStatement;
}

/** Statements of an account as they are handed out, the oldest first. */
async function issued(accountId: string): Promise<readonly SignedStatement[]> {
  await gateway.app.issuing.issueAll();
  const listed = [...(await statementsOf(accountId))].reverse();
  return Promise.all(listed.map(({ url }) => signed(url)));
}

/** Four cycles from March to June 2026 in which everything happens; in July nothing has yet. */
async function fourCycles(externalId: string): Promise<string> {
  const id = await createAccount(gateway, { externalId, testClock: '2026-03-01T00:00:00Z' });
  await allocate(gateway, id, '100', { everyCycle: true, source: 'PLAN' });
  await allocate(gateway, id, '50', { source: 'TOP_UP', priority: 200 });
  const g = await deployGuardrail(gateway, id, 'gpu');
  await ask(gateway, RegisterModelDocument, {
    input: { accountId: id, externalId: 'm', name: 'Model', type: 'FINE_TUNED' },
  });
  await moveClock(gateway, id, '2026-03-01T10:00:00Z');
  await undeploy(gateway, g);
  const processing = { resourceKind: 'GUARDRAIL', resourceExternalId: 'g' } as const;
  const march = '2026-03-01T09:00:00Z';
  for (const eventId of ['a', 'b']) {
    await recordUsage(gateway, id, { ...processing, eventId, credits: '1.5', occurredAt: march });
  }
  await recordUsage(gateway, id, {
    ...{ type: 'FINE_TUNING', modelExternalId: 'm', credits: '4', occurredAt: march },
  });
  await takeBack(id, 'a');
  await ask(gateway, AdjustCreditsDocument, {
    input: { accountId: id, amount: '-2', reason: 'r', idempotencyKey: 'down' },
  });
  await moveClock(gateway, id, '2026-04-10T00:00:00Z');
  const april = '2026-04-10T00:00:00Z';
  await recordUsage(gateway, id, {
    ...{ ...processing, eventId: 'much', credits: '160', occurredAt: april },
  });
  // Both concern March, whose statement is closed.
  await takeBack(id, 'b');
  await recordUsage(gateway, id, {
    ...{ type: 'STORAGE', modelExternalId: 'm', credits: '2', occurredAt: march },
  });
  await moveClock(gateway, id, '2026-06-05T00:00:00Z');
  await takeBack(id, 'much');
  await moveClock(gateway, id, '2026-07-01T00:00:00Z');
  return id;
}

async function takeBack(accountId: string, eventId: string): Promise<void> {
  await ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId, reason: 'r' });
}

describe('a statement', () => {
  it('closes the books of its cycle by what was booked in it', async () => {
    const id = await fourCycles('books');
    const statements = await issued(id);
    const books = statements.map(({ document: { number, cycle, credits } }) => ({
      number,
      from: cycle.from.slice(0, 10),
      to: cycle.to.slice(0, 10),
      ...credits,
    }));

    expect(books).toEqual([
      {
        ...{ number: 1, from: '2026-03-01', to: '2026-04-01', opening: '0', allocated: '150' },
        // 10 h at 3.6, two events of 1.5 of which one was taken back, and 4: 36 + 1.5 + 4. They came from the plan, as did the
        // adjustment: 100 - 41.5 - 2 expired.
        ...{ used: '41.5', expired: '56.5', adjusted: '-2', closing: '50' },
      },
      {
        // 160 + 2 - 1.5, of which 10.5 are debt.
        ...{ number: 2, from: '2026-04-01', to: '2026-05-01', opening: '50', allocated: '100' },
        ...{ used: '160.5', expired: '0', adjusted: '0', closing: '-10.5' },
      },
      {
        ...{ number: 3, from: '2026-05-01', to: '2026-06-01', opening: '-10.5', allocated: '100' },
        ...{ used: '0', expired: '89.5', adjusted: '0', closing: '0' },
      },
      {
        // 160 were given back: 50 to the top-up, the rest as a lot of its own, as the plan had spent nothing.
        ...{ number: 4, from: '2026-06-01', to: '2026-07-01', opening: '0', allocated: '100' },
        ...{ used: '-160', expired: '100', adjusted: '0', closing: '160' },
      },
    ]);
  });

  it('says what was used, of which category, component, hardware and resource', async () => {
    const id = await fourCycles('use');
    const [march, april, may] = (await issued(id)).map(({ document }) => document.used);
    const g = { kind: 'GUARDRAIL', name: 'g', externalId: 'g' };
    const m = { kind: 'MODEL', name: 'Model', externalId: 'm' };

    expect(march).toEqual({
      byCategory: [
        { category: 'MODELS', credits: '4' },
        { category: 'GUARDRAILS', credits: '37.5' },
      ],
      byComponent: [
        { component: 'HOSTING', credits: '36' },
        { component: 'FINE_TUNING', credits: '4' },
        { component: 'PROCESSING', credits: '1.5' },
      ],
      byHardware: [{ hardware: 'gpu', credits: '36' }],
      byResource: [
        expect.objectContaining({ ...g, credits: '37.5' }),
        expect.objectContaining({ ...m, credits: '4' }),
      ],
    });
    expect(april).toEqual({
      byCategory: [
        { category: 'MODELS', credits: '2' },
        { category: 'GUARDRAILS', credits: '158.5' },
      ],
      byComponent: [
        { component: 'STORAGE', credits: '2' },
        { component: 'PROCESSING', credits: '158.5' },
      ],
      byHardware: [],
      byResource: [
        expect.objectContaining({ ...g, credits: '158.5' }),
        expect.objectContaining({ ...m, credits: '2' }),
      ],
    });
    expect(may).toEqual({ byCategory: [], byComponent: [], byHardware: [], byResource: [] });
  });

  it('says what was left of each allocation', async () => {
    const id = await fourCycles('lots');
    const lots = (await issued(id)).map(({ document }) =>
      document.lots.map(({ source, amount, remaining }) => [source, amount, remaining]),
    );

    expect(lots).toEqual([
      [
        ['PLAN', '100', '0'],
        ['TOP_UP', '50', '50'],
      ],
      [
        ['PLAN', '100', '0'],
        ['TOP_UP', '50', '0'],
      ],
      [['PLAN', '100', '0']],
      [
        ['PLAN', '100', '0'],
        ['ADJUSTMENT', '110', '110'],
        ['TOP_UP', '50', '50'],
      ],
    ]);
  });

  it('has the figures of its billing cycle, and its place in the ledger', async () => {
    const id = await fourCycles('cycles');
    const statements = await issued(id);
    const { account } = await ask(gateway, BillingCyclesDocument, { accountId: id });
    const [, ...ended] = account?.billingCycles.nodes ?? [];
    const ranges = statements.map(({ document: { ledger } }) => ledger);

    expect(
      statements.map(({ document: { credits } }) => [credits.opening, credits.closing]),
    ).toEqual([...ended].reverse().map(({ carriedOver, closing }) => [carriedOver, closing]));
    expect(ranges[0]?.firstSequence).toBe(1);
    for (const [index, { firstSequence }] of ranges.slice(1).entries()) {
      expect(firstSequence).toBe((ranges[index]?.lastSequence ?? 0) + 1);
    }
  });

  it('names its account and itself', async () => {
    const id = await createAccount(gateway, {
      ...{ externalId: 'named', name: 'Näme', timeZone: 'Europe/Berlin' },
      testClock: '2026-03-01T00:00:00Z',
    });
    await registerGuardrail(gateway, id);
    await moveClock(gateway, id, '2026-04-02T00:00:00Z');
    const [first, ...others] = await issued(id);

    expect(others).toEqual([]);
    expect(first?.document).toMatchObject({
      type: 'billing-statement',
      version: 1,
      id: encodeId('Statement', numberOf(id), 1),
      issuer: 'Billing Gateway',
      account: { id, externalId: 'named', name: 'Näme', timeZone: 'Europe/Berlin' },
      // March in Berlin.
      cycle: { number: 1, from: '2026-02-28T23:00:00.000Z', to: '2026-03-31T22:00:00.000Z' },
      // The real time: the test account's clock is its own.
      issuedAt: '2026-03-10T12:00:00.000Z',
      lots: [],
      previousSha256: null,
    });
  });
});
