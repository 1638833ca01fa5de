// How many sockets and streams callers may have, and how many operations on them.

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RateLimitedError } from '../../src/core/errors.ts';
import type { Actor } from '../../src/core/identity.ts';
import {
  LIVE_LIMITS,
  type LiveLimits,
  type LiveSession,
  LiveSessions,
} from '../../src/http/live-sessions.ts';
import { until } from '../support/eventually.ts';
import { initialised, type RawSocket, rawSocket } from '../support/live.ts';
import { post } from '../support/post.ts';
import {
  type SmallServer,
  type SmallServerOptions,
  startSmallServer,
} from '../support/small-server.ts';
import { wireTo } from '../support/wire.ts';

const NOTHING = 'subscription { nothing }';

const actor = (name: string, accountId: number | null): Actor => ({
  name,
  keyId: 1,
  accountId,
  scopes: new Set(),
});

/** Keys by their secrets: two of account 7, one each of accounts 8 and 9, and an operator's. */
const callers: Readonly<Record<string, Actor>> = {
  a1: actor('key:1', 7),
  a2: actor('portal:2', 7),
  b1: actor('jwt:b', 8),
  operator: actor('key:4', null),
  sameSubject: actor('jwt:b', 9),
};

let small: SmallServer;
let origin: string;
/** The keys among them that were revoked. */
let revoked: Set<string>;
/** The time that has passed for the server; null: as the machine measures it. */
let passedMs: number | null = null;
/** How many operations were run. */
let contexts = 0;
/** Whether nobody has points left. */
let isBroke = false;

async function start(limits: Partial<LiveLimits>, options: SmallServerOptions = {}): Promise<void> {
  revoked = new Set();
  contexts = 0;
  small = await startSmallServer({
    authenticate: (secret) => Promise.resolve(callers[secret] ?? null),
    takePoints: () =>
      isBroke ? Promise.reject(new RateLimitedError('No points are left.', 1)) : Promise.resolve(1),
    ...options,
    live: {
      limits,
      passedMs: () => passedMs ?? performance.now(),
      createContext: () => {
        contexts += 1;
        return { dispose: () => Promise.resolve() };
      },
      findEnded: (actors) =>
        Promise.resolve(new Set(actors.filter(({ name }) => revoked.has(name)))),
    },
  });
  const address = small.server.server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  origin = `http://127.0.0.1:${address.port}`;
}

afterEach(async () => {
  jest.useRealTimers();
  passedMs = null;
  await small.server.close();
});

interface Streamed {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The answer, when it is no stream. */
  readonly body: unknown;
  readonly stop: () => void;
}

async function stream(key: string, query = NOTHING): Promise<Streamed> {
  const abort = new AbortController();
  const { signal } = abort;
  const response = await post(origin, '/graphql/stream', { body: { query }, key, signal });
  const { status, headers } = response;
  return {
    status,
    retryAfter: headers.get('retry-after'),
    body: status === 200 ? null : await response.json(),
    stop: () => {
      abort.abort();
    },
  };
}

/** How a further socket is closed. */
async function refusedSocket(key: string): Promise<RawSocket['closed']> {
  const raw = await rawSocket(origin);
  raw.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } });
  await until(() => raw.closed !== null, 'the closing');
  return raw.closed;
}

/** Waits until there is room for one more connection, and takes it. */
async function untilRoom(key: string): Promise<Streamed> {
  let latest = await stream(key);
  await until(async () => {
    if (latest.status === 429) latest = await stream(key);
    return latest.status === 200;
  }, 'room');
  return latest;
}

function begin(raw: RawSocket, id: string, query = NOTHING): void {
  raw.send({ type: 'subscribe', id, payload: { query } });
}

const refusal = (message: string): unknown => ({
  status: 429,
  retryAfter: '10',
  body: { errors: [{ message, extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 10 } }] },
});

describe('sockets and streams', () => {
  it('are counted together for each key, whatever it is', async () => {
    await start({ connectionsPerKey: 2 });
    for (const key of ['a1', 'a2', 'b1', 'operator']) {
      await initialised(origin, key);
      await stream(key);
      const reason = 'This key has 2 sockets and streams, the most that are allowed: close one.';

      expect(await refusedSocket(key)).toEqual({ code: 4451, reason });
      expect(await stream(key)).toMatchObject(refusal(reason) as object);
    }
  });

  it('are counted for each account where subjects of JWTs have one name', async () => {
    await start({ connectionsPerKey: 1, operationsPerKey: 1 });
    begin(await initialised(origin, 'b1'), 'one');

    expect(await stream('b1')).toMatchObject({ status: 429 });
    expect(await stream('sameSubject')).toMatchObject({ status: 200 });
  });

  it('are counted together for all keys of an account', async () => {
    await start({ connectionsPerAccount: 2 });
    await initialised(origin, 'a1');
    await stream('a2');
    const reason = 'This account has 2 sockets and streams, the most that are allowed: close one.';

    expect(await refusedSocket('a1')).toEqual({ code: 4451, reason });
    expect(await stream('a2')).toMatchObject(refusal(reason) as object);
    await initialised(origin, 'b1');
    for (let more = 0; more < 3; more += 1) await initialised(origin, 'operator');
  });

  it('leave room for requests on a gateway', async () => {
    await start(
      {},
      { http: { connectionLimits: { maxConnections: 10, maxBodyBytesInFlight: 1_000_000 } } },
    );
    const sockets: RawSocket[] = [];
    for (let each = 0; each < 8; each += 1) sockets.push(await initialised(origin, 'operator'));
    const reason =
      'This gateway carries 8 sockets and streams, as many as it can: try again later.';

    expect(await refusedSocket('b1')).toEqual({ code: 4451, reason });
    expect(await stream('b1')).toMatchObject(refusal(reason) as object);
    expect((await fetch(`${origin}/health/live`)).status).toBe(200);
    sockets[0]?.socket.close();
    await untilRoom('b1');
  });

  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    'a socket is closed': async () => {
      (await initialised(origin, 'a1')).socket.close();
    },
    'a socket is gone': async () => {
      const raw = await initialised(origin, 'a1');
      begin(raw, '1');
      raw.socket.terminate();
    },
    'a socket is closed for what it sent': async () => {
      const raw = await initialised(origin, 'a1');
      begin(raw, '1');
      raw.socket.send('no JSON');
    },
    'a socket`s key is revoked': async () => {
      const raw = await initialised(origin, 'a1');
      revoked.add('key:1');
      await until(() => raw.closed !== null, 'the end');
      revoked.clear();
    },
    'a socket was refused': async () => {
      expect((await refusedSocket('wrong'))?.code).toBe(4403);
    },
    'a stream is gone': async () => {
      (await stream('a1')).stop();
    },
    'a stream completes': () => stream('a1', '{ hello }'),
    'a stream is refused': () => stream('a1', '{ nonsense }'),
    'a stream has no points left': async () => {
      isBroke = true;
      expect((await stream('a1')).status).toBe(429);
      isBroke = false;
    },
    'a stream is none of the protocol': async () => {
      const answer = await fetch(`${origin}/graphql/stream`, {
        headers: { authorization: 'Bearer a1', accept: 'text/event-stream' },
      });
      expect(answer.status).toBe(400);
      await answer.text();
    },
  };

  it.each(Object.entries(ways))('are counted no longer when %s', async (_way, end) => {
    await start({ connectionsPerKey: 1 });
    await end();
    await untilRoom('a1');

    expect((await stream('a1')).status).toBe(429);
  });

  it.each(['its key is looked up', 'its subscription begins'])(
    'are not counted, and carry nothing, when the client is gone while %s',
    async (when) => {
      let goOn = (): void => undefined;
      let holding = 0;
      const held = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const hold = async <T>(value: T): Promise<T> => {
        holding += 1;
        await held;
        return value;
      };
      const isAtKey = when === 'its key is looked up';
      const limits = { connectionsPerKey: isAtKey ? 1 : 2 };
      await start(limits, {
        authenticate: () =>
          isAtKey ? hold(callers['a1'] ?? null) : Promise.resolve(callers['a1'] ?? null),
        takePoints: () => (isAtKey ? Promise.resolve(1) : hold(1)),
      });
      const raw = await rawSocket(origin, { authorization: 'Bearer a1' });
      raw.send({ type: 'connection_init' });
      if (!isAtKey) {
        await until(() => raw.messages.length > 0, 'the ack');
        begin(raw, '1');
      }
      const wire = await wireTo(small.server);
      wire.socket.write(
        `GET /graphql/stream?query=${encodeURIComponent(NOTHING)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a1\r\naccept: text/event-stream\r\n\r\n`,
      );
      await until(() => holding === 2, 'both');
      raw.socket.terminate();
      wire.socket.destroy();
      await until(async () => (await connectionsOf(small)) === 0, 'the end of both');
      goOn();

      await untilRoom('a1');
      await until(() => small.waiting() === 1, 'the end of the others');
      expect((await stream('a1')).status).toBe(isAtKey ? 429 : 200);
    },
  );
});

function connectionsOf({ server }: SmallServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

describe('operations', () => {
  it('are counted together for each key, over its sockets and streams', async () => {
    await start({ operationsPerKey: 4 });
    const [one, two] = [await initialised(origin, 'a1'), await initialised(origin, 'a1')];
    for (const id of ['1', '2']) begin(one, id);
    begin(two, '1');
    const streamed = await stream('a1');
    await initialised(origin, 'a1');
    begin(two, '2');
    await until(() => two.messages.some(({ type }) => type === 'error'), 'the refusal');
    const message =
      'This key has 4 operations on its sockets and streams, the most that are allowed: complete one.';

    expect(streamed.status).toBe(200);
    expect(two.messages.at(-1)).toEqual({
      type: 'error',
      id: '2',
      payload: [{ message, extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 10 } }],
    });
    expect(await stream('a1')).toMatchObject(refusal(message) as object);
    expect((await stream('a2')).status).toBe(200);

    one.send({ type: 'complete', id: '1' });
    const another = await untilRoom('a1');
    streamed.stop();
    await untilRoom('a1');
    another.stop();
    one.socket.terminate();
    await untilRoom('a1');
    await untilRoom('a1');
    begin(two, '3');
    await until(() => two.messages.filter(({ type }) => type === 'error').length === 2, 'refusal');
    expect(two.closed).toBeNull();
  });

  it('make room when they complete by themselves', async () => {
    await start({ operationsPerKey: 1 });
    const raw = await initialised(origin, 'a1');
    for (const id of ['1', '2', '3']) {
      begin(raw, id, '{ hello }');
      await until(
        () => raw.messages.some((message) => message.type === 'complete' && message.id === id),
        'its end',
      );
    }
    begin(raw, '4', '{ nonsense }');
    await until(() => raw.messages.at(-1)?.id === '4', 'the refusal');
    begin(raw, '5');
    await until(async () => (await stream('a1')).status === 429, 'the next one counts');

    expect(raw.messages.filter(({ type }) => type === 'error')).toMatchObject([
      { id: '4', payload: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    ]);
  });
});

describe('a socket without an operation', () => {
  it('is closed, and one that carries any is not until it completes', async () => {
    await start({ idleMs: 100 });
    const [idle, busy] = [await initialised(origin, 'a1'), await initialised(origin, 'a1')];
    begin(busy, '1');
    const streamed = await stream('a1');
    idle.send({ type: 'ping' });
    await until(() => idle.closed !== null, 'the closing');
    const reason = 'The socket carried no operation for a minute: connect again when you need it.';

    expect(idle.closed).toEqual({ code: 4452, reason });
    expect(busy.closed).toBeNull();
    busy.send({ type: 'complete', id: '1' });
    await until(() => busy.closed !== null, 'the other closing');
    expect(busy.closed).toEqual({ code: 4452, reason });
    expect(small.waiting()).toBe(1);
    streamed.stop();
  });

  it('has a minute, from when it was opened and from its last operation', () => {
    jest.useFakeTimers();
    const sessions = new LiveSessions({
      limits: { ...LIVE_LIMITS, connectionsOfAll: 10 },
      passedMs: () => performance.now(),
      findEnded: () => Promise.resolve(new Set()),
      onError: () => undefined,
    });
    sessions.start();
    const ended: string[] = [];
    const open = (name: string): { session: LiveSession; running: number } => {
      const one = {
        running: 0,
        session: {
          actor: actor(name, null),
          operations: () => one.running,
          end: (why: string) => {
            ended.push(`${name} ${why}`);
            sessions.delete(one.session);
          },
          checkAlive: () => undefined,
        },
      };
      sessions.add(one.session);
      return one;
    };
    open('idle');
    const [asking, subscribing] = [open('asking'), open('subscribing')];
    subscribing.running = 1;
    jest.advanceTimersByTime(59_000);
    // It begins and ends between two looks.
    sessions.requireRoomOn(asking.session);
    expect(ended).toEqual([]);

    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual(['idle IDLE']);
    jest.advanceTimersByTime(59_000);
    expect(ended).toEqual(['idle IDLE']);
    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual(['idle IDLE', 'asking IDLE']);
    subscribing.running = 0;
    jest.advanceTimersByTime(60_000);
    expect(ended).toHaveLength(2);
    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual(['idle IDLE', 'asking IDLE', 'subscribing IDLE']);
    sessions.stop();
  });
});

describe('what a socket sends', () => {
  const closing = {
    code: 4451,
    reason: 'More than 10 messages a second came on this socket: send fewer.',
  };

  it('may come in a burst, such as to begin all its operations and to begin others', async () => {
    passedMs = 0;
    await start({});
    const raw = await initialised(origin, 'a1');
    const ids = Array.from({ length: 20 }, (_, index) => String(index));
    for (const id of ids) begin(raw, id);
    await until(() => small.waiting() === 20, 'all');
    passedMs = 2_100;
    for (const id of ids) raw.send({ type: 'complete', id });
    for (const id of ids) begin(raw, `next ${id}`);
    await until(() => small.waiting() === 20 && raw.messages.length === 1, 'the others');

    expect(raw.closed).toBeNull();
  });

  const kinds: Readonly<Record<string, (raw: RawSocket) => void>> = {
    'messages that ping': (raw) => {
      raw.send({ type: 'ping' });
    },
    'messages that pong': (raw) => {
      raw.send({ type: 'pong' });
    },
    completions: (raw) => {
      raw.send({ type: 'complete', id: 'x' });
    },
    operations: (raw) => {
      begin(raw, String(performance.now()), '{ hello }');
    },
    'frames that ping': (raw) => {
      raw.socket.ping();
    },
    'frames that pong': (raw) => {
      raw.socket.pong();
    },
  };

  it.each(Object.entries(kinds))('is bounded to ten a second then: %s', async (_kind, sendOn) => {
    passedMs = 0;
    await start({});
    const raw = await initialised(origin, 'a1');
    const [peer] = small.server.websocketServer.clients;
    let [sent, heard] = [0, 0];
    for (const event of ['message', 'ping', 'pong']) peer?.on(event, () => (heard += 1));
    const sendOne = (): void => {
      sendOn(raw);
      sent += 1;
    };
    // Two less than may come: the answers to the server's own pings count too.
    while (sent < 37) sendOne();
    for (let tenths = 0; tenths < 20; tenths += 1) {
      await until(() => heard >= sent, 'all of it is heard');
      passedMs += 100;
      sendOne();
    }
    await until(() => heard >= sent, 'the last is heard');
    expect(raw.closed).toBeNull();

    for (let more = 0; more < 3; more += 1) sendOne();
    await until(() => raw.closed !== null, 'the closing');
    expect(raw.closed).toEqual(closing);
  });

  it('is not heard any more once it was too much, and the socket ends whatever comes', async () => {
    await start({});
    const raw = await initialised(origin, 'a1');
    raw.socket.pause();
    let sent = 0;
    const flood = setInterval(() => {
      for (let each = 0; each < 50; each += 1) begin(raw, String((sent += 1)), '{ hello }');
    }, 5);
    await until(() => small.server.websocketServer.clients.size === 0, 'the end');
    clearInterval(flood);
    raw.socket.terminate();

    expect(contexts).toBeLessThanOrEqual(39);
  });
});
