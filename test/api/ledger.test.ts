// The ledger of an account over three cycles: every figure is worked out by hand.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deployGuardrail,
  moveClock,
  recordUsage,
  undeploy,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AdjustCreditsDocument,
  BillingCyclesDocument,
  type BillingCyclesQuery,
  LedgerDocument,
  type LedgerQueryVariables,
} from '@billing-gateway/client/operations';

let gateway: TestGateway;
let accountId = '';
let cycles: readonly Cycle[] = [];

type Cycle = NonNullable<BillingCyclesQuery['account']>['billingCycles']['nodes'][number];

/** One micro-credit a millisecond: 86.4 credits a day. */
const RATE = '3.6';

async function use(eventId: string, credits: string, occurredAt: string): Promise<void> {
  await recordUsage(gateway, accountId, {
    eventId,
    occurredAt,
    resourceKind: 'GUARDRAIL',
    resourceExternalId: 'g',
    credits,
  });
}

/** A test account that stands at the begin of March. */
async function anAccount(): Promise<string> {
  return createAccount(gateway, { testClock: '2026-03-01T00:00:00Z' });
}

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'h', RATE);
  accountId = await anAccount();
  await allocate(gateway, accountId, '3000', { everyCycle: true });
  await allocate(gateway, accountId, '5000');
  const id = await deployGuardrail(gateway, accountId, 'h');
  // March: 31 days of 86.4 credits. The plan's 3,000 are spent first; what is left of them expires.
  await moveClock(gateway, accountId, '2026-04-11T00:00:00Z');
  // April: ten days, then an event and an adjustment.
  await undeploy(gateway, id);
  await use('a', '100', '2026-04-11T00:00:00Z');
  await ask(gateway, AdjustCreditsDocument, {
    input: { accountId, amount: '-36', reason: 'r', idempotencyKey: 'down' },
  });
  await moveClock(gateway, accountId, '2026-05-01T00:00:00Z');
  // At the very instant at which May begins.
  await use('b', '7', '2026-05-01T00:00:00Z');
  cycles = await cyclesOf(accountId);
});

afterAll(async () => {
  await gateway.close();
});

/** The cycles of an account, oldest first. */
async function cyclesOf(id: string): Promise<readonly Cycle[]> {
  const { account } = await ask(gateway, BillingCyclesDocument, { accountId: id });
  return [...(account?.billingCycles.nodes ?? [])].reverse();
}

async function ledger(
  variables: Omit<LedgerQueryVariables, 'accountId'> = {},
): Promise<NonNullable<Awaited<ReturnType<typeof ledgerOrErrors>>['data']['account']>['ledger']> {
  const { data, errors } = await ledgerOrErrors(variables);
  if (errors !== undefined || data.account === null) throw new Error(JSON.stringify(errors));
  return data.account.ledger;
}

const ledgerOrErrors = (variables: Omit<LedgerQueryVariables, 'accountId'>) =>
  gateway.query(LedgerDocument, { accountId, ...variables });

const micro = (credits: string): number => Math.round(Number(credits) * 1_000_000);

/** Sequence, kind and amount of each entry. */
function briefly(page: Awaited<ReturnType<typeof ledger>>): readonly unknown[] {
  return page.nodes.map(({ sequence, kind, amount }) => [sequence, kind, amount]);
}

const sequences = (page: Awaited<ReturnType<typeof ledger>>): readonly number[] =>
  page.nodes.map(({ sequence }) => sequence);

const MARCH = [
  [1, 'ALLOCATION', '3000'],
  [2, 'ALLOCATION', '5000'],
  // 31 x 86.4.
  [3, 'USAGE', '-2678.4'],
  [4, 'EXPIRY', '-321.6'],
  [5, 'CARRY_OVER', '0'],
];
const APRIL = [
  [6, 'ALLOCATION', '3000'],
  // 10 x 86.4.
  [7, 'USAGE', '-864'],
  [8, 'USAGE', '-100'],
  [9, 'ADJUSTMENT', '-36'],
  // 3,000 - 864 - 100 - 36.
  [10, 'EXPIRY', '-2000'],
  [11, 'CARRY_OVER', '0'],
];
const MAY = [
  [12, 'ALLOCATION', '3000'],
  [13, 'USAGE', '-7'],
];

describe('the entries of a cycle', () => {
  it('are those that count in it, what was booked at its end included', async () => {
    const [march, april, may] = cycles;
    const pages = await Promise.all(
      [march, april, may].map((cycle) => ledger({ cycleId: cycle?.id ?? '' })),
    );

    expect(pages.map(briefly)).toEqual([MARCH, APRIL, MAY]);
    expect(pages.map(({ totalCount }) => totalCount)).toEqual([5, 6, 2]);
    for (const [index, page] of pages.entries()) {
      expect(page.nodes.map(({ cycle }) => cycle.id)).toEqual(
        page.nodes.map(() => cycles[index]?.id),
      );
    }
  });

  it('and what it carried over add up to its closing, which the next one carries over', async () => {
    expect(cycles).toMatchObject([
      {
        carriedOver: '0',
        allocated: '8000',
        used: '2678.4',
        expired: '321.6',
        adjusted: '0',
        closing: '5000',
      },
      {
        carriedOver: '5000',
        allocated: '3000',
        used: '964',
        expired: '2000',
        adjusted: '-36',
        closing: '5000',
      },
      {
        carriedOver: '5000',
        allocated: '3000',
        used: '7',
        expired: '0',
        adjusted: '0',
        closing: '7993',
      },
    ]);
    for (const cycle of cycles) {
      const { nodes } = await ledger({ cycleId: cycle.id });
      const sum = nodes.reduce((total, { amount }) => total + micro(amount), 0);
      expect(micro(cycle.carriedOver) + sum).toBe(micro(cycle.closing));
    }
  });

  it('are looked up for all entries of a page at once, and for one entry', async () => {
    const page = await ledger();
    const entry = page.nodes[3];
    const { node } = await ask<{ node: unknown }>(
      gateway,
      'query ($id: ID!) { node(id: $id) { ... on LedgerEntry { kind bookedAt cycle { startsAt endsAt closing } } } }',
      { id: entry?.id },
    );

    expect(briefly(page)).toEqual([...MARCH, ...APRIL, ...MAY]);
    expect(node).toEqual({
      kind: 'EXPIRY',
      bookedAt: '2026-04-01T00:00:00.000Z',
      cycle: {
        startsAt: '2026-03-01T00:00:00.000Z',
        endsAt: '2026-04-01T00:00:00.000Z',
        closing: '5000',
      },
    });
  });

  it('of a range go by bookedAt, as the statement of a stretch of time', async () => {
    const page = await ledger({ range: { preset: 'PREVIOUS_CYCLE' } });

    // All that was booked from the first instant of April to before the first of May.
    expect(sequences(page)).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  it('are none for the id of another account, of something else, or of no cycle', async () => {
    const [march] = cycles;
    const [ofAnother] = await cyclesOf(await anAccount());
    const beyond = Buffer.from(
      Buffer.from(march?.id ?? '', 'base64url')
        .toString()
        .replace(/1$/, '9'),
    ).toString('base64url');

    for (const cycleId of [ofAnother?.id ?? '', accountId, beyond, 'x']) {
      const { errors } = await ledgerOrErrors({ cycleId });
      expect(errors?.[0]).toMatchObject({ extensions: { code: 'NOT_FOUND', path: ['cycleId'] } });
    }
  });
});

describe('a page of the ledger', () => {
  it('holds the kinds that are asked for, and all when none is named', async () => {
    const [, april] = cycles;
    const usage = await ledger({ kinds: ['USAGE', 'ADJUSTMENT'] });
    const inApril = await ledger({ kinds: ['USAGE'], cycleId: april?.id ?? '' });
    const all = await ledger({ kinds: [] });

    expect([sequences(usage), usage.totalCount]).toEqual([[3, 7, 8, 9, 13], 5]);
    expect([sequences(inApril), inApril.totalCount]).toEqual([[7, 8], 2]);
    expect(all.totalCount).toBe(13);
  });

  it('goes backwards from the end by last and before', async () => {
    const [, april] = cycles;
    const cycleId = april?.id ?? '';
    const newest = await ledger({ cycleId, last: 4 });
    const before = newest.pageInfo.startCursor;
    const oldest = await ledger({ cycleId, last: 4, before });

    expect(sequences(newest)).toEqual([8, 9, 10, 11]);
    expect(newest.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(sequences(oldest)).toEqual([6, 7]);
    expect(oldest.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });

  it('goes forwards from the beginning by first and after', async () => {
    const walked: number[] = [];
    let after: string | null = null;
    for (let pages = 0; pages < 5; pages += 1) {
      const page: Awaited<ReturnType<typeof ledger>> = await ledger({ first: 3, after });
      walked.push(...sequences(page));
      expect(page.pageInfo.hasNextPage).toBe(pages < 4);
      after = page.pageInfo.endCursor;
    }

    expect(walked).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it.each([
    [{ first: 1, last: 1 }, 'last', 'not for both'],
    [{ last: 501 }, 'last', 'last is 501; it must be from 0 to 500.'],
    [{ before: 'x' }, 'before', 'before is not a cursor'],
  ])('is refused with %j', async (variables, field, message) => {
    const { errors } = await ledgerOrErrors(variables);

    expect(errors?.[0]?.message).toContain(message);
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', path: [field] } });
  });
});
