import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allocate,
  createAccount,
  createHardware,
  createKey,
  deployGuardrail,
  moveClock,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';
import { addThresholds, alarm, type Alarm } from '../support/live.ts';
import {
  PastAlertsDocument,
  type PastAlertsQuery,
  type PastAlertsQueryVariables,
  AlertsOfAccountsDocument,
} from '@billing-gateway/client/operations';
import { statementsOf } from '../support/statements.ts';

let gateway: TestGateway;
let account: Alarm;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '10');
  const { accountId } = await burning('stopped');
  account = await alarm(gateway, 'listed');
  for (let time = 0; time < 30; time += 1) await account.raise();
  await moveClock(gateway, accountId, '2026-03-02T00:00:00.000Z');
});

afterAll(async () => {
  await gateway.close();
});

type Connection = NonNullable<PastAlertsQuery['account']>['alerts'];

async function list(variables: PastAlertsQueryVariables): Promise<Connection> {
  const { data, errors } = await gateway.query(PastAlertsDocument, {
    accountId: account.accountId,
    ...variables,
  });
  expect(errors).toBeUndefined();
  if (data.account == null) throw new Error('no account');
  return data.account.alerts;
}

function sequences({ edges }: Connection): number[] {
  return edges.map(({ node }) => node.sequence);
}

function upTo(last: number, from = 1): number[] {
  return Array.from({ length: last - from + 1 }, (_, index) => from + index);
}

/** An account whose clock stands still: 100 credits, thresholds, and a guardrail that burns ten an hour. */
async function burning(name: string): Promise<Alarm> {
  const accountId = await createAccount(gateway, {
    name,
    lowCredit: '20',
    negativeLimit: '-5',
    usageThresholds: ['50'],
    hoursToStop: ['2'],
    testClock: '2026-03-01T00:00:00.000Z',
  });
  await allocate(gateway, accountId, '100');
  await deployGuardrail(gateway, accountId, 'gpu');
  return { accountId, raised: 0, raise: () => Promise.resolve() };
}

describe('Account.alerts', () => {
  it('has the last 25 unless asked otherwise, ascending', async () => {
    const { edges, pageInfo, totalCount } = await list({});

    expect(edges.map(({ node }) => node.sequence)).toEqual(upTo(30, 6));
    expect(pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: false });
    expect(edges.every(({ cursor, node }) => cursor === node.cursor)).toBe(true);
    expect(totalCount).toBe(30);
  });

  it('is paged forwards and backwards, without gaps or repetitions', async () => {
    const forwards: number[] = [];
    let page = await list({ first: 7 });
    forwards.push(...sequences(page));
    while (page.pageInfo.hasNextPage) {
      page = await list({ first: 7, after: page.pageInfo.endCursor ?? null });
      forwards.push(...sequences(page));
    }
    const backwards: number[] = [];
    page = await list({ last: 7 });
    backwards.unshift(...sequences(page));
    while (page.pageInfo.hasPreviousPage) {
      page = await list({ last: 7, before: page.pageInfo.startCursor ?? null });
      backwards.unshift(...sequences(page));
    }

    expect(forwards).toEqual(upTo(30));
    expect(backwards).toEqual(upTo(30));
  });

  it('can be cut to some kinds and between two cursors', async () => {
    const resolved = await list({ kinds: ['RESOLVED'], first: 3 });
    const from = resolved.edges[0]?.cursor ?? '';
    const to = resolved.edges[2]?.cursor ?? '';

    expect(sequences(resolved)).toEqual([2, 4, 6]);
    expect(resolved.totalCount).toBe(15);
    expect(sequences(await list({ after: from, before: to }))).toEqual([3, 4, 5]);
    expect(sequences(await list({ first: 2, after: from, before: to }))).toEqual([3, 4]);
    // An empty list is no condition.
    expect((await list({ kinds: [] })).totalCount).toBe((await list({})).totalCount);
    expect(sequences(await list({ first: 0 }))).toEqual([]);
  });

  it.each([
    [{ first: 1, last: 1 }, 'last'],
    [{ first: 501 }, 'first'],
    [{ last: -1 }, 'last'],
    [{ before: 'nonsense' }, 'before'],
    [{ after: Buffer.from('["name",3]').toString('base64url') }, 'after'],
  ])('refuses %j', async (variables, argument) => {
    const { errors } = await gateway.query(PastAlertsDocument, {
      accountId: account.accountId,
      ...variables,
    });

    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', path: [argument] } }]);
  });

  it('has what an alert resolves, and its account', async () => {
    const { edges } = await list({ last: 2 });

    expect(edges.map(({ node }) => [node.kind, node.resolves?.sequence ?? null])).toEqual(
      [
        ['LOW_CREDITS', null],
        ['RESOLVED', 29],
      ].slice(0, 2),
    );
    expect(edges[0]?.node.account.id).toBe(account.accountId);
  });

  it('tells each crossing of a burning account at its instant, in words', async () => {
    const { accountId } = await burning('burning');
    await moveClock(gateway, accountId, '2026-03-01T12:00:00.000Z');
    const { data } = await gateway.query(PastAlertsDocument, { accountId });
    const told = data.account?.alerts.edges.map(({ node }) => node) ?? [];

    // 100 credits at ten an hour: half after 5 h, 20 left after 8 h, two hours before the stop (10.5 h) after 8.5 h.
    expect(
      told.map(({ kind, crossedAt, remaining, percentUsed, measured, message }) => [
        kind,
        crossedAt.slice(11, 16),
        remaining,
        percentUsed,
        measured,
        message,
      ]),
    ).toEqual([
      [
        'CREDIT_THRESHOLD',
        '05:00',
        '50',
        50,
        '50',
        'Credits used are 50 % (50 of 100), at or above the threshold of 50 %; 50 remain.',
      ],
      [
        'LOW_CREDITS',
        '08:00',
        '20',
        80,
        null,
        'Credits remaining are 20, at or below the low-credit level of 20: new deployments are refused.',
      ],
      [
        'STOP_EXPECTED',
        '08:30',
        '15',
        85,
        '2',
        'Running deployments will be stopped in 2 hours, at 2026-03-01T10:30:00.000Z, within the threshold of 2 hours; 15 credits remain.',
      ],
      [
        'CREDITS_EXHAUSTED',
        '10:00',
        '0',
        100,
        null,
        'Credits are used up: the balance is 0, and new deployments are refused.',
      ],
      [
        'NEGATIVE_LIMIT_REACHED',
        '10:30',
        '-5',
        105,
        null,
        'The balance is -5 credits, at or below the negative limit of -5: 1 deployment was stopped.',
      ],
    ]);
    expect(told.map(({ threshold }) => threshold?.value ?? null)).toEqual([
      '50',
      null,
      '2',
      null,
      null,
    ]);
    expect(told.at(-1)?.stopped).toMatchObject([{ name: 'g', status: 'UNDEPLOYED' }]);
  });

  it('keeps the alerts of a threshold that was deleted', async () => {
    const one = await alarm(gateway, 'deleted threshold');
    await addThresholds(gateway, one, 1);
    const before = await gateway.query(PastAlertsDocument, { accountId: one.accountId });
    const id = before.data.account?.alerts.edges[0]?.node.threshold?.id ?? '';
    await gateway.query('mutation ($id: ID!) { deleteThreshold(id: $id) }', { id });
    const { data } = await gateway.query(PastAlertsDocument, { accountId: one.accountId });

    expect(id).not.toBe('');
    expect(data.account?.alerts.edges[0]?.node).toMatchObject({ sequence: 1, threshold: null });
  });

  it('is found by node, and only by who may read it', async () => {
    const other = await alarm(gateway, 'other');
    const stranger = await createKey(gateway, other.accountId, ['READ_USAGE']);
    const owner = await createKey(gateway, account.accountId, ['READ_USAGE']);
    const { edges } = await list({ first: 1 });
    const id = edges[0]?.node.id ?? '';
    const ask = 'query ($id: ID!) { node(id: $id) { ... on Alert { sequence kind } } }';
    const found = await gateway.query<{ node: unknown }>(ask, { id }, owner.secret);
    const hidden = await gateway.query(ask, { id }, stranger.secret);

    expect(found.data.node).toEqual({ sequence: 1, kind: 'LOW_CREDITS' });
    expect(hidden.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  });

  // On distributed tables each account is asked about apart.
  itOnOneServer('takes the same number of statements for many accounts as for one', async () => {
    for (let index = 0; index < 12; index += 1) {
      const one = await alarm(gateway, `many ${index}`);
      await one.raise();
      await one.raise();
    }
    const alertsOf = async (first: number): Promise<number> => {
      const { data, errors } = await gateway.query(AlertsOfAccountsDocument, { first });
      expect(errors).toBeUndefined();
      return data.accounts?.nodes.flatMap(({ alerts }) => alerts.nodes).length ?? 0;
    };
    // The first two have everything that an alert can have: something stopped, and something resolved.
    const ofTwo = await statementsOf(gateway.database, () => alertsOf(2));
    let alerts = 0;
    const ofAll = await statementsOf(gateway.database, async () => {
      alerts = await alertsOf(100);
    });

    expect(alerts).toBeGreaterThan(40);
    expect(ofAll).toEqual(ofTwo);
  });
});
