// Operators list accounts by where their credits stand.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VIEW_KEPT_MS } from '../../src/credits/fleet.service.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  deployGuardrail,
  NO_THRESHOLDS,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AdjustCreditsDocument,
  FleetDocument,
  type FleetQueryVariables,
} from '@billing-gateway/client/operations';

const HOUR_MS = 3_600_000;
const PAGES = 3;

let gateway: TestGateway;
let other: TestGateway;
const ids = new Map<string, string>();
let adjustments = 0;

// At noon each has its credits and burns from then on; two hours later:
//   name      given  an hour  left  zero at  -10 at   state (10 and below is low)
//   Ähre         20       10     0  14:00    15:00    EXHAUSTED
//   bravo       100        1    98  16 Mar   16 Mar   OK, stops 110 h after noon
//   Charlie      30       10    10  15:00    16:00    LOW
//   delta        10       10   -10  -        -        STOPPED
//   Echo         50        0    50  never    never    OK
//   foxtrot       0        0     0  -        -        EXHAUSTED: never given anything
const ACCOUNTS = [
  { name: 'bravo', given: '100', burn: '1' },
  { name: 'Echo', given: '50', burn: null },
  { name: 'delta', given: '10', burn: '10' },
  { name: 'Ähre', given: '20', burn: '10' },
  { name: 'foxtrot', given: null, burn: null },
  { name: 'Charlie', given: '30', burn: '10' },
];

async function open(account: (typeof ACCOUNTS)[number]): Promise<string> {
  const id = await createAccount(gateway, {
    name: account.name,
    lowCredit: '10',
    negativeLimit: '-10',
    ...NO_THRESHOLDS,
  });
  if (account.given !== null) await allocate(gateway, id, account.given);
  if (account.burn !== null) await deployGuardrail(gateway, id, account.burn);
  return id;
}

async function adjust(name: string, amount: string): Promise<void> {
  adjustments += 1;
  await ask(gateway, AdjustCreditsDocument, {
    input: {
      accountId: ids.get(name) ?? '',
      amount,
      reason: 'r',
      idempotencyKey: `adjustment ${adjustments}`,
    },
  });
}

interface Page {
  readonly names: readonly string[];
  readonly asOf: string;
  readonly totals: { readonly accounts: number; readonly remaining: string };
  readonly info: Readonly<Record<'startCursor' | 'endCursor', string | null>> & {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
  };
}

async function list(variables: FleetQueryVariables, at = gateway): Promise<Page> {
  const { data, errors } = await at.query(FleetDocument, variables);
  if (errors !== undefined || data.accounts === null) throw new Error(JSON.stringify(errors));
  const { accounts } = data;
  return {
    names: accounts.edges.map(({ node }) => node.name),
    asOf: accounts.asOf,
    totals: accounts.totals,
    info: accounts.pageInfo,
  };
}

async function refusalOf(variables: FleetQueryVariables, key?: string): Promise<unknown> {
  const { errors } = await gateway.query(FleetDocument, variables, key);
  const [error] = errors ?? [];
  return [error?.extensions.code, error?.extensions.path, error?.message];
}

beforeAll(async () => {
  gateway = await startTestGateway({ now: '2026-03-10T12:00:00Z' });
  other = await startTestGateway({ beside: gateway });
  for (const rate of ['1', '10']) await createHardware(gateway, rate, rate);
  // Delta could not start at 10 credits: it begins with more, of which all but 10 are taken.
  for (const account of ACCOUNTS) {
    if (account.name !== 'delta') ids.set(account.name, await open(account));
  }
  ids.set('delta', await open({ name: 'delta', given: '1000', burn: '10' }));
  await adjust('delta', '-990');
  gateway.clock.moveBy(2 * HOUR_MS);
});

afterAll(async () => {
  await other.close();
  await gateway.close();
});

describe('accounts by position', () => {
  it.each([
    ['NAME', 'ASC', ['bravo', 'Charlie', 'delta', 'Echo', 'foxtrot', 'Ähre']],
    ['NAME', 'DESC', ['Ähre', 'foxtrot', 'Echo', 'delta', 'Charlie', 'bravo']],
    ['CREATED_AT', 'ASC', ['bravo', 'Echo', 'Ähre', 'foxtrot', 'Charlie', 'delta']],
    ['STOPS_AT', 'ASC', ['Ähre', 'Charlie', 'bravo', 'Echo', 'foxtrot', 'delta']],
    ['STOPS_AT', 'DESC', ['bravo', 'Charlie', 'Ähre', 'Echo', 'foxtrot', 'delta']],
    ['REMAINING', 'ASC', ['delta', 'Ähre', 'foxtrot', 'Charlie', 'Echo', 'bravo']],
    ['REMAINING', 'DESC', ['bravo', 'Echo', 'Charlie', 'Ähre', 'foxtrot', 'delta']],
    ['BURN_RATE', 'DESC', ['Ähre', 'Charlie', 'bravo', 'Echo', 'foxtrot', 'delta']],
  ] as const)('are ordered by %s %s', async (field, direction, names) => {
    expect((await list({ orderBy: { field, direction } })).names).toEqual(names);
  });

  it.each([
    [{ states: ['OK'] }, ['bravo', 'Echo']],
    [{ states: ['EXHAUSTED', 'STOPPED'] }, ['Ähre', 'foxtrot', 'delta']],
    [{ states: [] }, ['bravo', 'Echo', 'Ähre', 'foxtrot', 'Charlie', 'delta']],
    [{ states: ['LOW'], search: 'CHAR' }, ['Charlie']],
    [{ stopsBefore: '2026-03-10T15:00:00.001Z' }, ['Ähre']],
    [{ stopsBefore: '2026-03-10T15:00:00Z' }, []],
    [{ stopsBefore: '2026-03-10T16:00:00.001Z' }, ['Ähre', 'Charlie']],
    [{ stopsBefore: '2026-12-31T00:00:00Z' }, ['bravo', 'Ähre', 'Charlie']],
    [{ stopsBefore: '2026-12-31T00:00:00Z', states: ['OK'] }, ['bravo']],
    [{ search: 'ÄHRE' }, ['Ähre']],
    [{ test: true }, []],
  ] as const)('are those that %j selects, by id', async (filter, names) => {
    expect((await list({ filter })).names).toEqual(names);
  });

  it('stand with their positions and add up', async () => {
    const { data } = await gateway.query(FleetDocument, {
      first: 2,
      orderBy: { field: 'STOPS_AT' },
    });
    const accounts = data.accounts;

    expect(accounts?.asOf).toBe('2026-03-10T14:00:00.000Z');
    expect(accounts?.totalCount).toBe(6);
    expect(accounts?.edges.map(({ position }) => position)).toEqual([
      {
        asOf: '2026-03-10T14:00:00.000Z',
        state: 'EXHAUSTED',
        remaining: '0',
        burnRatePerHour: '10',
        exhaustsAt: null,
        stopsAt: '2026-03-10T15:00:00.000Z',
      },
      {
        asOf: '2026-03-10T14:00:00.000Z',
        state: 'LOW',
        remaining: '10',
        burnRatePerHour: '10',
        exhaustsAt: '2026-03-10T15:00:00.000Z',
        stopsAt: '2026-03-10T16:00:00.000Z',
      },
    ]);
    expect(accounts?.totals).toEqual({
      accounts: 6,
      remaining: '148',
      owed: '10',
      burnRatePerHour: '21',
      burning: 3,
      byState: [
        { state: 'OK', accounts: 2, remaining: '148', burnRatePerHour: '1' },
        { state: 'LOW', accounts: 1, remaining: '10', burnRatePerHour: '10' },
        { state: 'EXHAUSTED', accounts: 2, remaining: '0', burnRatePerHour: '10' },
        { state: 'STOPPED', accounts: 1, remaining: '-10', burnRatePerHour: '0' },
      ],
    });
  });

  it('have the positions and totals by id too, as the accounts themselves say', async () => {
    const { accounts } = await ask<{
      accounts: {
        totals: { remaining: string };
        edges: { position: unknown; node: { credits: unknown } }[];
      };
    }>(
      gateway,
      `{ accounts { totals { remaining } edges { position { ...c } node { credits { ...c } } } } }
       fragment c on CreditBalance { asOf allocated used remaining percentUsed state burnRatePerHour exhaustsAt stopsAt }`,
    );

    expect(accounts.totals.remaining).toBe('148');
    expect(accounts.edges).toHaveLength(6);
    for (const { position, node } of accounts.edges) expect(position).toEqual(node.credits);
  });

  it('are an operator’s alone', async () => {
    const { secret } = await createKey(gateway, ids.get('bravo') ?? '', ['MANAGE']);

    for (const variables of [{}, { orderBy: { field: 'REMAINING' } }] as const) {
      expect((await refusalOf(variables, secret)) as unknown[]).toContain('FORBIDDEN');
    }
  });
});

describe('the pages of a list of accounts', () => {
  // Between two pages everything changes places: each account of the list's instant still comes once.
  it.each(['forwards', 'backwards'] as const)('show each account once, %s', async (way) => {
    const orderBy = { field: 'REMAINING', direction: 'DESC' } as const;
    const whole = await list({ orderBy });
    const step = (cursor: string | null): FleetQueryVariables =>
      way === 'forwards' ? { first: 2, after: cursor } : { last: 2, before: cursor };
    const pages: Page[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < PAGES; page += 1) {
      // Another gateway goes on with the list that this one began.
      const shown: Page = await list(
        { orderBy, ...step(cursor) },
        page % 2 === 0 ? gateway : other,
      );
      pages.push(shown);
      cursor = way === 'forwards' ? shown.info.endCursor : shown.info.startCursor;
      await adjust(whole.names[5 - page] ?? '', '1000');
      gateway.clock.moveBy(1_000);
    }

    const inOrder = way === 'forwards' ? pages : pages.toReversed();
    expect(inOrder.flatMap(({ names }) => names)).toEqual(whole.names);
    expect(new Set(pages.map(({ asOf }) => asOf))).toEqual(new Set([whole.asOf]));
    for (const { totals } of pages) expect(totals).toEqual(whole.totals);
    expect(inOrder.map(({ info }) => [info.hasPreviousPage, info.hasNextPage])).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect((await list({ orderBy })).totals.remaining).not.toBe(whole.totals.remaining);
  });

  it('go by id in both directions', async () => {
    const all = await list({});
    const [first, , third] = [await list({ first: 2 }), null, await list({ last: 2 })];
    const middle = await list({ first: 2, after: first.info.endCursor });
    const back = await list({ last: 2, before: third.info.startCursor });

    expect([...first.names, ...middle.names, ...third.names]).toEqual(all.names);
    expect(back.names).toEqual(middle.names);
    expect(third.info).toMatchObject({ hasPreviousPage: true, hasNextPage: false });
    expect(back.info).toMatchObject({ hasPreviousPage: true, hasNextPage: true });
  });

  it('are refused with a cursor of another order, filter, search or list', async () => {
    const orderBy = { field: 'REMAINING', direction: 'ASC' } as const;
    const { endCursor: after } = (await list({ first: 2, orderBy })).info;
    const { endCursor: byId } = (await list({ first: 2 })).info;
    const otherList = 'after is a cursor of another order or filter: begin again without it.';
    const noCursor =
      'after is not a cursor that this list gave for this order, filter and range: use a cursor of the page before, or begin again without it.';
    const refused = ['BAD_USER_INPUT', ['after']];

    expect(await refusalOf({ after, orderBy: { field: 'REMAINING', direction: 'DESC' } })).toEqual([
      ...refused,
      otherList,
    ]);
    expect(await refusalOf({ after, orderBy: { field: 'NAME' } })).toEqual([...refused, otherList]);
    expect(await refusalOf({ after, orderBy, filter: { states: ['OK'] } })).toEqual([
      ...refused,
      otherList,
    ]);
    expect(await refusalOf({ after })).toEqual([...refused, noCursor]);
    expect(await refusalOf({ after: byId, orderBy })).toEqual([...refused, noCursor]);
    expect(await refusalOf({ after: byId, filter: { search: 'a' } })).toEqual([
      ...refused,
      noCursor,
    ]);
    const second = (await list({ first: 2, orderBy })).info.endCursor;
    expect(await refusalOf({ after, before: second, orderBy })).toEqual([
      'BAD_USER_INPUT',
      ['before'],
      'before is a cursor of another list than after.',
    ]);
  });

  it('are kept for fifteen minutes', async () => {
    const orderBy = { field: 'NAME' } as const;
    const { endCursor: after } = (await list({ first: 2, orderBy })).info;

    gateway.clock.moveBy(VIEW_KEPT_MS);
    expect((await list({ first: 9, after, orderBy })).names).toHaveLength(4);
    gateway.clock.moveBy(1);
    expect(await refusalOf({ first: 9, after, orderBy })).toEqual([
      'BAD_USER_INPUT',
      ['after'],
      'after is a cursor of a list that is kept no longer; lists are kept for 15 minutes: begin again without it.',
    ]);
  });

  it('take search once', async () => {
    const { errors } = await gateway.query(
      '{ accounts(search: "a", filter: { search: "b" }) { totalCount } }',
    );

    expect(errors?.[0]?.extensions).toMatchObject({ path: ['filter', 'search'] });
  });
});
