// What an operation may ask for, over every transport. Each of these documents cost a gateway seconds or its life before
// its size was judged.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { QUERY_LIMITS } from '../../src/graphql/documents.ts';
import { createAccount } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf, type RawSocket } from '../support/live.ts';
import { post } from '../support/post.ts';

let gateway: TestGateway;
let accountId: string;
let raw: RawSocket;

beforeAll(async () => {
  gateway = await startTestGateway({ http: { queryCostMax: QUERY_LIMITS.cost } });
  accountId = await createAccount(gateway, { name: 'Limits' });
  raw = await initialised(originOf(gateway), gateway.operatorKey);
});

afterAll(async () => {
  raw.socket.close();
  await gateway.close();
});

const times = (count: number, of: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => of(index)).join(' ');
const account = (below: string): string => `{ account(id: "ACCOUNT") { ${below} } }`;
const doubling = `${account('usage { ...F0 }')} ${times(
  16,
  (i) =>
    `fragment F${i} on AccountUsage { a: previous { ...F${i + 1} } b: previous { ...F${i + 1} } }`,
)} fragment F16 on AccountUsage { credits { used } }`;

const ATTACKS = [
  ['fragments that double at each of 16 steps', doubling, 'depth'],
  [
    'previous nested 600 deep',
    account(`usage { ${'previous { '.repeat(600)} range { to } ${'} '.repeat(600)} }`),
    'depth',
  ],
  [
    'previous nested 2,000 deep',
    account(`usage { ${'previous { '.repeat(2_000)} range { to } ${'} '.repeat(2_000)} }`),
    'tokens',
  ],
  ['31 aliases of stopsAt', account(times(31, (i) => `a${i}: credits { stopsAt }`)), 'aliases'],
  [
    '30 quotes',
    `{ ${times(30, (i) => `a${i}: deploymentQuote(input: { accountId: "ACCOUNT", hardware: "h" }) { message }`)} }`,
    'rootFields',
  ],
  ['9,000 unknown fields', `{ ${times(9_000, (i) => `x${i}`)} }`, 'tokens'],
  ['1,000 unknown fields', `{ ${times(1_000, (i) => `x${i}`)} }`, 'rootFields'],
  ['a field 201 times', account(times(201, () => 'usage { range { to } }')), 'repeats'],
  [
    'fields again, in a fragment that nothing spreads',
    `{ __typename } fragment F on Account { ${times(201, () => 'usage { range { to } }')} }`,
    'repeats',
  ],
  [
    'fields again, by fragments',
    `${account(times(30, (i) => `...F${i}`))} ${times(30, (i) => `fragment F${i} on Account { ${times(7, () => 'usage { range { to } }')} }`)}`,
    'repeats',
  ],
  ['21 directives', `{ __typename ${'@skip(if: false) '.repeat(21)} }`, 'directives'],
  [
    'pages of 500 within pages of 500',
    account('ledger(first: 500) { nodes { charges(first: 500) { nodes { event { id } } } } }'),
    'cost',
  ],
  [
    'fragments that double at each of 60 steps, without an alias',
    `${account('...F0')} ${times(60, (i) => `fragment F${i} on Account { id ...F${i + 1} ...F${i + 1} }`)} fragment F60 on Account { id }`,
    'selections',
  ],
  [
    'resources of usage of resources, each of five types',
    `{ node(id: "x") { ... on HostedResource { ${'usage { resource { '.repeat(5)} id ${'} } '.repeat(5)} } } }`,
    'selections',
  ],
  [
    'types of lists of lists, 300 deep',
    `{ __type(name: "Account") { ${'ofType { '.repeat(300)} name ${'} '.repeat(300)} } }`,
    'introspectionDepth',
  ],
  [
    'types of fields of types',
    `{ __schema { types { ${'fields { type { '.repeat(8)} name ${'} } '.repeat(8)} } } }`,
    'cost',
  ],
] as const;

describe('an operation that is too large', () => {
  it.each(ATTACKS)('is refused by HTTP: %s', async (_what, query, limit) => {
    const { status, errors } = await gateway.query(query.replace('ACCOUNT', accountId));
    expect({ status, errors }).toEqual({
      status: 400,
      errors: [
        {
          message: expect.stringContaining(String(QUERY_LIMITS[limit])),
          extensions: {
            code: 'QUERY_TOO_COSTLY',
            limit: expect.objectContaining({ name: limit, bound: QUERY_LIMITS[limit] }),
          },
        },
      ],
    });
  });

  it.each(ATTACKS.map(([what, query]) => [what, query] as const))(
    'is refused by WebSocket in the same words: %s',
    async (what, query) => {
      const asked = query.replace('ACCOUNT', accountId);
      raw.send({ type: 'subscribe', id: what, payload: { query: asked } });
      await until(() => raw.messages.some(({ id }) => id === what), 'the refusal');

      const { errors } = await gateway.query(asked);
      expect(raw.messages.find(({ id }) => id === what)).toMatchObject({
        type: 'error',
        payload: errors,
      });
    },
  );

  it('is refused by Server-Sent Events in the same words', async () => {
    const query = doubling.replace('ACCOUNT', accountId);
    const key = gateway.operatorKey;
    const answer = await post(originOf(gateway), '/graphql/stream', { body: { query }, key });
    const { errors } = await gateway.query(query);
    expect(await answer.text()).toContain(JSON.stringify(errors));
  });
});

describe('a request that is too large', () => {
  it('is refused for the length of its document', async () => {
    const { status, errors } = await gateway.query(`{ __typename } # ${'x'.repeat(65_536)}`);
    expect(status).toBe(400);
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'QUERY_TOO_COSTLY',
      limit: { name: 'characters', bound: 65_536, asked: 65_553 },
    });
  });

  it('is refused for a list in a variable, before its items are looked at', async () => {
    const query = 'query ($filter: AccountFilter) { accounts(filter: $filter) { totalCount } }';
    const states = Array.from({ length: 10_001 }, () => 'OK');
    const { status, errors } = await gateway.query(query, { filter: { states } });
    expect(status).toBe(400);
    expect(errors).toEqual([
      {
        message: 'filter.states has 10001 items; a list can have at most 10000.',
        extensions: { code: 'BAD_USER_INPUT', path: ['filter', 'states'] },
      },
    ]);
  });
});

describe('an operation within the limits', () => {
  it('is told what it costs and may cost', async () => {
    // account 2, usage 2, guardrails 30, and a point for each of 25 rows.
    const answer = await gateway.http
      .post('/graphql')
      .set('authorization', `Bearer ${gateway.operatorKey}`)
      .send({
        query: account('usage { guardrails { nodes { credits } } }').replace('ACCOUNT', accountId),
      });
    expect(answer.body as unknown).toMatchObject({
      extensions: { cost: { asked: 2 + 2 + 30 + 25, allowed: 40_000 } },
    });
  });

  it('may be the introspection of the explorer', async () => {
    const { errors } = await gateway.query(
      getIntrospectionQuery({
        schemaDescription: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        inputValueDeprecation: true,
      }),
    );
    expect(errors).toBeUndefined();
  });

  it('with more than ten errors is told of ten', async () => {
    const { errors } = await gateway.query(
      account(times(50, (i) => `x${i}`)).replace('ACCOUNT', accountId),
    );
    expect(errors).toHaveLength(11);
    expect(errors?.at(-1)?.message).toContain('Too many validation errors');
  });
});
