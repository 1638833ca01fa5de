// Points of cost a minute, for each key and each account.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RateLimitedError } from '../../src/core/errors.ts';
import type { Actor } from '../../src/core/identity.ts';
import { pointRates } from '../../src/http/rates.ts';
import { allocate, createAccount, createKey } from '../support/account.ts';
import { eventually, until } from '../support/eventually.ts';
import { startTestGateway, TEST_QUERY_COST_MAX, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';
import { post } from '../support/post.ts';

const PER_KEY = 12;
const PER_ACCOUNT = 18;
/** Costs two points. */
const QUERY = '{ account { id } }';
/** Costs eight. */
const DEAR = '{ a: account { id } b: account { id } c: account { id } d: account { id } }';

let gateway: TestGateway;
let accountId: string;
let key: string;
let accounts = 0;

beforeAll(async () => {
  gateway = await startTestGateway({
    http: { pointRates: { perKey: PER_KEY, perAccount: PER_ACCOUNT } },
  });
});

afterAll(() => gateway.close());

// An account and its keys are made past the limited server.
beforeEach(async () => {
  const maker = await startTestGateway({ beside: gateway });
  accounts += 1;
  accountId = await createAccount(maker, { name: `Rates ${accounts}`, externalId: `r${accounts}` });
  ({ secret: key } = await createKey(maker, accountId, ['READ_USAGE']));
  await maker.close();
});

function ask(path: string, query: string, secret = key): Promise<Response> {
  return post(originOf(gateway), path, { body: { query }, key: secret });
}

async function costOf(query: string, secret = key): Promise<unknown> {
  const response = await ask('/graphql', query, secret);
  const body = (await response.json()) as { extensions?: { cost?: unknown } };
  return body.extensions?.cost;
}

describe('a key', () => {
  it('is told what is left, and refused beyond it, but for what it can still pay', async () => {
    expect(await costOf(QUERY)).toEqual({ asked: 2, allowed: TEST_QUERY_COST_MAX, left: 10 });
    expect(await costOf(DEAR)).toEqual({ asked: 8, allowed: TEST_QUERY_COST_MAX, left: 2 });

    const refused = await ask('/graphql', DEAR);
    const seconds = Number(refused.headers.get('retry-after'));

    expect(refused.status).toBe(429);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await refused.json()).toEqual({
      errors: [
        {
          message:
            'The operation costs 8 points, more than are left in this minute; 12 a minute are allowed for this key.',
          extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds },
        },
      ],
    });
    expect(await costOf(QUERY)).toEqual({ asked: 2, allowed: TEST_QUERY_COST_MAX, left: 0 });
  });

  it('has the same points by every transport', async () => {
    const socket = await initialised(originOf(gateway), key);
    socket.send({ type: 'subscribe', id: 'one', payload: { query: DEAR } });
    await until(() => socket.messages.some(({ type }) => type === 'complete'), 'an answer');
    socket.send({ type: 'subscribe', id: 'two', payload: { query: DEAR } });
    await until(() => socket.messages.some(({ type }) => type === 'error'), 'a refusal');
    const stream = await ask('/graphql/stream', DEAR);
    socket.socket.close();

    expect(socket.messages.at(-1)).toMatchObject({
      type: 'error',
      id: 'two',
      payload: [{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) } }],
    });
    expect(stream.status).toBe(429);
    expect(Number(stream.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await costOf(QUERY)).toMatchObject({ left: 2 });
  });
});

describe('an answer by a socket or a stream', () => {
  const cost = { asked: 2, allowed: TEST_QUERY_COST_MAX, left: PER_KEY - 2 };

  it('says what its operation cost', async () => {
    const socket = await initialised(originOf(gateway), key);
    socket.send({ type: 'subscribe', id: 'one', payload: { query: QUERY } });
    await until(() => socket.messages.some(({ type }) => type === 'complete'), 'an answer');
    const stream = await ask('/graphql/stream', QUERY);
    const text = await stream.text();
    socket.socket.close();

    expect(socket.messages).toContainEqual(
      expect.objectContaining({
        type: 'next',
        payload: { data: { account: { id: accountId } }, extensions: { cost } },
      }),
    );
    const [, next = ''] = /event: next\ndata: (.*)\n/.exec(text) ?? [];
    expect(JSON.parse(next)).toEqual({
      data: { account: { id: accountId } },
      extensions: { cost: { ...cost, left: PER_KEY - 4 } },
    });
  });

  it('to a subscription says it once, with the first event', async () => {
    const open = await startTestGateway({ beside: gateway });
    const socket = await initialised(originOf(open), key);
    const query = `subscription { creditBalance(accountId: "${accountId}", everySeconds: 1) { remaining } }`;
    const ids = ['one', 'two'];
    for (const id of ids) socket.send({ type: 'subscribe', id, payload: { query } });
    const costsOf = (id: string): readonly unknown[] =>
      socket.messages
        .filter((message) => message.type === 'next' && message.id === id)
        .map(({ payload }) => (payload as { extensions?: { cost?: unknown } }).extensions?.cost);
    const haveSeen = (events: number) => () => ids.every((id) => costsOf(id).length >= events);
    await until(haveSeen(1), 'the first events');
    await allocate(open, accountId, '5');
    await until(haveSeen(2), 'the next events');
    socket.socket.close();
    await open.close();

    for (const [first, ...later] of ids.map(costsOf)) {
      expect(first).toEqual({ asked: expect.any(Number), allowed: TEST_QUERY_COST_MAX });
      expect(later.every((one) => one === undefined)).toBe(true);
    }
  });
});

describe('a document that is refused', () => {
  const ILL = '{ no }';
  /** As many tokens as it has words and signs: 11. */
  const ILL_OF_11 = '{ account { a b c d e f } }';

  /** An answer's code, if it is a refusal. */
  async function codeOf(response: Response): Promise<unknown> {
    const { errors } = (await response.json()) as {
      errors?: { extensions: Record<string, unknown> }[];
    };
    return errors?.[0]?.extensions['code'];
  }

  it.each([
    ['is not valid', ILL, 'GRAPHQL_VALIDATION_FAILED', 0],
    ['is not valid, and has more tokens', ILL_OF_11, 'GRAPHQL_VALIDATION_FAILED', null],
    ['cannot be parsed', '{ a b c d e f g h i j ) k l', 'GRAPHQL_PARSE_FAILED', null],
    ['is too large', `{ a } #${'x'.repeat(65_536)}`, 'QUERY_TOO_COSTLY', 0],
  ])('since it %s takes points too', async (_what, query, code, left) => {
    expect(await codeOf(await ask('/graphql', query))).toBe(code);
    // Of ten taken, two are left: what the next one costs. Of eleven, it is refused.
    const cost = left === null ? undefined : { asked: 2, allowed: TEST_QUERY_COST_MAX, left };
    expect(await costOf(QUERY)).toEqual(cost);
  });

  it('takes more than are left, and nothing is read when none are', async () => {
    const first = await ask('/graphql', ILL);
    const second = await ask('/graphql', ILL);
    const third = await ask('/graphql', ILL);
    const seconds = Number(third.headers.get('retry-after'));

    expect([first.status, second.status, third.status]).toEqual([400, 400, 429]);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await third.json()).toEqual({
      errors: [
        {
          message: 'No points are left in this minute; 12 a minute are allowed for this key.',
          extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds },
        },
      ],
    });
  });

  it('takes the points of its account too', async () => {
    const maker = await startTestGateway({ beside: gateway });
    const { secret: second } = await createKey(maker, accountId, ['READ_USAGE']);
    await maker.close();
    await ask('/graphql', ILL);
    await ask('/graphql', ILL);

    expect(await (await ask('/graphql', ILL, second)).json()).toMatchObject({
      errors: [{ message: expect.stringContaining('for all keys of this account together') }],
    });
  });

  it('takes the same by every transport', async () => {
    const socket = await initialised(originOf(gateway), key);
    const refusedBy = async (id: string): Promise<unknown> => {
      socket.send({ type: 'subscribe', id, payload: { query: ILL } });
      await until(() => socket.messages.some((message) => message.id === id), 'a refusal');
      const [error] = socket.messages.at(-1)?.payload as { extensions: { code: unknown } }[];
      return error?.extensions.code;
    };
    const bySocket = await refusedBy('one');
    const byStream = await ask('/graphql/stream', ILL);
    const later = [await ask('/graphql/stream', ILL), await ask('/graphql', ILL)];
    const laterBySocket = await refusedBy('two');
    socket.socket.close();

    expect(bySocket).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(byStream.status).toBe(200);
    expect(later.map(({ status }) => status)).toEqual([429, 429]);
    expect(later.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true);
    expect(laterBySocket).toBe('RATE_LIMITED');
  });
});

describe('the counter', () => {
  const actor = (name: string, account: number | null): Actor => ({
    name,
    keyId: 1,
    accountId: account,
    scopes: new Set(),
  });

  it('counts all keys of an account together, and what the account refuses is not taken from the key', async () => {
    const { take } = pointRates({ perKey: PER_KEY, perAccount: PER_ACCOUNT });

    expect(await take(actor('key:1', 7), 12)).toBe(0);
    await expect(take(actor('key:2', 7), 8)).rejects.toThrow(RateLimitedError);
    expect(await take(actor('key:2', 7), 6)).toBe(0);
    expect(await take(actor('key:3', 8), 12)).toBe(0);
    expect(await take(actor('key:4', null), 12)).toBe(0);
  });

  it('counts JWTs of one subject, or of none, for each account', async () => {
    const { take } = pointRates({ perKey: PER_KEY, perAccount: PER_ACCOUNT });
    await take(actor('jwt:', 7), PER_KEY);

    expect(await take(actor('jwt:', 8), PER_KEY)).toBe(0);
    await expect(take(actor('jwt:', 7), 1)).rejects.toThrow('for this key');
  });

  it('is refused by HTTP what all keys of its account have used up', async () => {
    const maker = await startTestGateway({ beside: gateway });
    const { secret: second } = await createKey(maker, accountId, ['READ_USAGE']);
    await maker.close();
    await costOf(DEAR);
    await costOf(QUERY);

    expect(await costOf(DEAR, second)).toMatchObject({ left: 0 });
    const refused = await ask('/graphql', QUERY, second);

    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      errors: [
        {
          message: expect.stringContaining(
            '18 a minute are allowed for all keys of this account together',
          ),
          extensions: { code: 'RATE_LIMITED' },
        },
      ],
    });
  });

  it('begins anew after its time', async () => {
    const { take } = pointRates({ perKey: 2, perAccount: 2, seconds: 0.1 });
    await take(actor('key:1', 7), 2);

    await expect(take(actor('key:1', 7), 2)).rejects.toMatchObject({ retryAfterSeconds: 1 });
    await eventually(() => take(actor('key:1', 7), 2));
  });
});
