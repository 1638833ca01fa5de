// packages/client against a gateway: what it answers, what it throws, and what it sends again. Where a call has to fail on the
// way, the client's own `fetch` fails it, before or after the gateway had it.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createGateway,
  type Gateway,
  GatewayError,
  type GatewayOptions,
  RecordError,
  type UsageEventInput,
} from '@billing-gateway/client';
import { allocate, createAccount, createKey, registerGuardrail } from '../support/account.ts';
import { startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

interface Own {
  readonly accountId: string;
  readonly key: string;
}

async function anAccount(): Promise<Own> {
  const accountId = await createAccount(gateway);
  await allocate(gateway, accountId, '1000');
  await registerGuardrail(gateway, accountId);
  const { secret } = await createKey(gateway, accountId, ['INGEST', 'MANAGE', 'READ_USAGE']);
  return { accountId, key: secret };
}

function clientOf(key: GatewayOptions['key'], more: Partial<GatewayOptions> = {}): Gateway {
  return createGateway({ url: originOf(gateway), key, ...more });
}

function events(count: number, from = 0): readonly UsageEventInput[] {
  return Array.from({ length: count }, (_unused, index) => ({
    source: 's',
    eventId: `e ${from + index}`,
    type: 'PROCESSING',
    occurredAt: TEST_NOW,
    resourceKind: 'GUARDRAIL',
    resourceExternalId: 'g',
    credits: '0.25',
  }));
}

async function errorOf(call: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GatewayError) return error;
  throw new Error(`no GatewayError: ${String(error)}`);
}

/** A fetch that fails in the ways given, one after the other, and then works. */
function failing(...ways: readonly ('ARRIVES' | 'LOST_BEFORE' | 'LOST_AFTER' | Response)[]): {
  readonly fetch: typeof fetch;
  readonly calls: () => number;
} {
  let calls = 0;
  return {
    calls: () => calls,
    fetch: async (input, init) => {
      const way = ways[calls];
      calls += 1;
      if (way instanceof Response) return way;
      if (way === 'LOST_BEFORE') throw new TypeError('fetch failed');
      const answer = await fetch(input, init);
      if (way !== 'LOST_AFTER') return answer;
      await answer.arrayBuffer();
      throw new TypeError('terminated');
    },
  };
}

describe('a method', () => {
  it('answers with the data of its operation', async () => {
    const { accountId, key } = await anAccount();

    const { account } = await clientOf(key).credits();
    const { hardwareProfiles } = await clientOf(gateway.operatorKey).hardwareProfiles({});

    expect(account).toMatchObject({ id: accountId, credits: { remaining: '1000' } });
    expect(hardwareProfiles).toEqual([]);
  });

  it('takes the address of the API as well', async () => {
    const { accountId, key } = await anAccount();

    const { account } = await clientOf(key, { url: `${originOf(gateway)}/graphql` }).account();

    expect(account?.id).toBe(accountId);
  });

  it('throws what the gateway refuses, with its code and the path of the argument', async () => {
    const { accountId } = await anAccount();

    const error = await errorOf(
      clientOf(gateway.operatorKey).allocate({
        input: { accountId, amount: '-1', idempotencyKey: 'less' },
      }),
    );

    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', 'amount'] });
    expect(error.message).toContain('amount');
  });

  it('throws FORBIDDEN for what the key may not do', async () => {
    const { accountId } = await anAccount();
    const { secret } = await createKey(gateway, accountId, ['INGEST']);

    expect(await errorOf(clientOf(secret).credits())).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('throws what is wrong with an answer that is not the gateway’s own', async () => {
    const page = new Response('<html>Welcome</html>', { status: 404 });
    const { fetch, calls } = failing(page);

    const error = await errorOf(clientOf('k', { fetch }).credits());

    expect(error).toMatchObject({ code: 'BAD_ANSWER', status: 404 });
    expect(error.message).toBe(
      'Status 404 without an answer of the gateway: <html>Welcome</html>.',
    );
    expect(calls()).toBe(1);
  });

  it('throws NETWORK, with the reason, where nothing listens', async () => {
    const client = createGateway({ url: 'http://127.0.0.1:1', key: 'k', attempts: 1 });

    const error = await errorOf(client.credits());

    expect(error.code).toBe('NETWORK');
    expect(error.message).toContain('Calling http://127.0.0.1:1/graphql failed');
  });

  it('refuses an address that is none', () => {
    expect(() => createGateway({ url: 'gateway.example.com', key: 'k' })).toThrow(
      'url is "gateway.example.com"; it must begin with http:// or https://.',
    );
  });
});

describe('a call that is ended', () => {
  /** Answers when the request is ended, and never before. */
  const hanging: typeof fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => {
        reject(new Error('ended'));
      });
    });

  it('by its time limit throws TIMEOUT', async () => {
    const client = clientOf('k', { fetch: hanging, timeoutMs: 20, attempts: 1 });

    expect(await errorOf(client.credits())).toMatchObject({ code: 'TIMEOUT' });
  });

  it('by its signal throws ABORTED', async () => {
    const abort = new AbortController();
    const call = errorOf(clientOf('k', { fetch: hanging }).credits({}, { signal: abort.signal }));
    abort.abort(new Error('not needed any more'));

    expect(await call).toMatchObject({
      code: 'ABORTED',
      cause: { message: 'not needed any more' },
    });
  });
});

describe('sending again', () => {
  it('answers a question whose answer was lost', async () => {
    const { accountId, key } = await anAccount();
    const { fetch, calls } = failing(
      'LOST_BEFORE',
      'LOST_AFTER',
      new Response('', { status: 503 }),
    );

    const { account } = await clientOf(key, { fetch }).account();

    expect(account?.id).toBe(accountId);
    expect(calls()).toBe(4);
  });

  it('grants once, under the key of the call', async () => {
    const { accountId } = await anAccount();
    const { fetch, calls } = failing('LOST_AFTER');
    const client = clientOf(gateway.operatorKey, { fetch });

    await client.allocate({ input: { accountId, amount: '7', idempotencyKey: 'seven' } });

    expect(calls()).toBe(2);
    const { account } = await client.credits({ accountId });
    expect(account?.credits.remaining).toBe('1007');
  });

  it('is not done with what would be done twice', async () => {
    const { key } = await anAccount();
    const { fetch, calls } = failing('LOST_AFTER');

    const call = clientOf(key, { fetch }).createWebhookEndpoint({
      input: { url: 'http://127.0.0.1:1024/hooks', events: ['ALERT_RAISED'] },
    });

    expect(await errorOf(call)).toMatchObject({ code: 'NETWORK' });
    expect(calls()).toBe(1);
  });

  it('is done with anything that was refused for its rate, after the time that the gateway says', async () => {
    const { key } = await anAccount();
    const limited = { errors: [{ message: 'Too many.', extensions: { code: 'RATE_LIMITED' } }] };
    const { fetch, calls } = failing(
      new Response(JSON.stringify(limited), { status: 429, headers: { 'retry-after': '1' } }),
    );
    const beganMs = performance.now();

    await clientOf(key, { fetch }).createPortalToken({});

    expect(calls()).toBe(2);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(990);
  });

  it('ends after the attempts that were asked for', async () => {
    const { fetch, calls } = failing('LOST_BEFORE', 'LOST_BEFORE', 'LOST_BEFORE');

    expect(await errorOf(clientOf('k', { fetch, attempts: 2 }).credits())).toMatchObject({
      code: 'NETWORK',
    });
    expect(calls()).toBe(2);
  });

  it('asks for another key once, when the gateway does not take the first', async () => {
    const { accountId, key } = await anAccount();
    const given = ['an-old-token', key];
    const { account } = await clientOf(() => given.shift() ?? '').account();
    const always = await errorOf(clientOf(() => 'an-old-token').account());

    expect(account?.id).toBe(accountId);
    expect(given).toEqual([]);
    expect(always.code).toBe('UNAUTHENTICATED');
  });
});

describe('pages', () => {
  it('reads a list to its end', async () => {
    const { key } = await anAccount();
    const client = clientOf(key);
    await client.record(events(7));

    const read: string[] = [];
    const sizes: number[] = [];
    for await (const { nodes } of client.pages(
      client.usageEvents,
      { first: 3 },
      ({ account }) => account?.usageEvents,
    )) {
      sizes.push(nodes.length);
      read.push(...nodes.map(({ eventId }) => eventId));
    }

    expect(sizes).toEqual([3, 3, 1]);
    expect(read.sort()).toEqual(events(7).map(({ eventId }) => eventId));
  });

  it('throws where the account is not there', async () => {
    const list = clientOf(gateway.operatorKey);
    const read = list.pages(
      list.ledger,
      { accountId: 'QWNjb3VudC45OS45OQ' },
      ({ account }) => account?.ledger,
    );

    expect(await errorOf(read.next())).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('record', () => {
  it('sends a stream in chunks, and counts what became of it', async () => {
    const { key } = await anAccount();
    const { fetch, calls } = failing();
    const client = clientOf(key, { fetch });
    async function* stream(): AsyncGenerator<UsageEventInput> {
      for (const event of events(25)) yield await Promise.resolve(event);
    }

    const first = await client.record(stream(), { chunk: 10, concurrency: 3 });
    const again = await client.record(events(30), { chunk: 10 });

    expect(first).toEqual({ accepted: 25, duplicates: 0, conflicts: 0, rejected: 0, refusals: [] });
    expect(again).toMatchObject({ accepted: 5, duplicates: 25 });
    // 25 in tens are three calls, and 30 are three.
    expect(calls()).toBe(6);
    // 1000 - 30 x 0.25.
    expect((await client.credits()).account?.credits.remaining).toBe('992.5');
  });

  it('charges no event twice, whose answer was lost', async () => {
    const { key } = await anAccount();
    const { fetch } = failing('LOST_AFTER', 'LOST_BEFORE');
    const client = clientOf(key, { fetch });

    const recorded = await client.record(events(4));

    // What was committed before the answer was lost is a duplicate when it is sent again.
    expect(recorded).toMatchObject({ accepted: 0, duplicates: 4, refusals: [] });
    expect((await client.credits()).account?.credits.remaining).toBe('999');
  });

  it('names each event that was not recorded, by its place among all, and records the others', async () => {
    const { key } = await anAccount();
    const client = clientOf(key);
    await client.record(events(1));
    const [first, second, third, fourth, fifth] = events(5);
    if (!first || !second || !third || !fourth || !fifth) throw new Error('five were made');
    const sent = [
      { ...first, credits: '9' },
      second,
      { ...third, credits: '0.0000001' },
      { ...fourth, resourceExternalId: 'nobody' },
      { ...fifth, credits: 'much' },
    ];

    const { accepted, conflicts, rejected, refusals } = await client.record(sent, { chunk: 3 });

    expect({ accepted, conflicts, rejected }).toEqual({ accepted: 1, conflicts: 1, rejected: 3 });
    expect(refusals.map(({ index, outcome, code }) => ({ index, outcome, code }))).toEqual([
      { index: 0, outcome: 'CONFLICT', code: 'CONFLICT' },
      { index: 2, outcome: 'REJECTED', code: 'BAD_USER_INPUT' },
      { index: 3, outcome: 'REJECTED', code: 'UNKNOWN_RESOURCE' },
      { index: 4, outcome: 'REJECTED', code: 'BAD_USER_INPUT' },
    ]);
    expect(refusals[2]?.event).toEqual(sent[3]);
  });

  it('tells what was recorded when a call fails for good, and completes it when all is recorded again', async () => {
    const { key } = await anAccount();
    const { fetch } = failing('ARRIVES', new Response('{"data":null}', { status: 200 }));
    const client = clientOf(key, { fetch });

    const error = await errorOf(client.record(events(5), { chunk: 2, concurrency: 1 }));

    expect(error).toBeInstanceOf(RecordError);
    expect(error).toMatchObject({ code: 'BAD_ANSWER', recorded: { accepted: 2 } });
    const { accepted, duplicates } = await clientOf(key).record(events(5), { chunk: 2 });
    expect({ accepted, duplicates }).toEqual({ accepted: 3, duplicates: 2 });
  });

  it('names an event that was refused also when the others of its call then fail', async () => {
    const { key } = await anAccount();
    const { fetch } = failing('ARRIVES', new Response('{"data":null}', { status: 200 }));
    const [first, second] = events(2);
    if (!first || !second) throw new Error('two were made');

    const error = await errorOf(
      clientOf(key, { fetch }).record([first, { ...second, credits: 'much' }]),
    );

    expect(error).toMatchObject({
      code: 'BAD_ANSWER',
      recorded: { accepted: 0, rejected: 1, refusals: [{ index: 1, outcome: 'REJECTED' }] },
    });
  });

  it('refuses as a whole what no event is to blame for', async () => {
    const { fetch, calls } = failing();
    const client = clientOf(gateway.operatorKey, { fetch });

    const error = await errorOf(client.record(events(3), { accountId: 'QWNjb3VudC45OS45OQ' }));

    expect(error).toMatchObject({ code: 'NOT_FOUND', recorded: { accepted: 0 } });
    expect(calls()).toBe(1);
  });

  it('hands on what reading the events throws', async () => {
    const { key } = await anAccount();
    function* broken(): Generator<UsageEventInput> {
      yield* events(1);
      throw new RangeError('line 2 is broken');
    }

    await expect(clientOf(key).record(broken())).rejects.toThrow(
      new RangeError('line 2 is broken'),
    );
  });
});
