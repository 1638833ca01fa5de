// The streams of packages/client, on real sockets: they go on after any loss, and end where going on is in vain.

import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import WebSocket from 'ws';
import {
  createGateway,
  type Gateway,
  GatewayError,
  type GatewayOptions,
} from '@billing-gateway/client';
import { RevokeApiKeyDocument } from '@billing-gateway/client/operations';
import { ask, createKey } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { alarm, originOf } from '../support/live.ts';

let gateway: TestGateway;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  stops.push(() => gateway.close());
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

function clientOf(
  key: GatewayOptions['key'],
  url = originOf(gateway),
  more: Partial<GatewayOptions> = {},
): Gateway {
  const client = createGateway({ url, key, webSocket: WebSocket, ...more });
  stops.push(() => client.close());
  return client;
}

/** Reads a stream into a list. @returns how it ended: null, or what it threw */
async function collect<T>(stream: AsyncIterable<T>, into: T[]): Promise<unknown> {
  try {
    for await (const one of stream) into.push(one);
    return null;
  } catch (error) {
    return error;
  }
}

describe('alerts', () => {
  it('come each once and in order, though the gateway is killed in the middle, twice', async () => {
    let other = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY);
    const port = new URL(other.origin).port;
    const account = await alarm(gateway, 'killed');
    const seen: number[] = [];
    const cursors: string[] = [];
    const client = clientOf(OPERATOR_KEY, other.origin);
    const stream = client.alerts({
      accountId: account.accountId,
      onCursor: (cursor) => {
        cursors.push(cursor);
      },
    });
    const reading = (async () => {
      for await (const { sequence } of stream) {
        seen.push(sequence);
        if (seen.length === 60) break;
      }
    })();
    await until(async () => {
      await account.raise();
      return seen.length > 0;
    }, 'the first alert');

    for (let kills = 0; kills < 2; kills += 1) {
      const before = seen.length;
      // Raised while the process is killed, while there is none, and while it comes back.
      const raising = (async () => {
        for (let count = 0; count < 10; count += 1) await account.raise();
      })();
      await until(() => seen.length > before, 'alerts before the kill');
      await other.kill();
      await raising;
      for (let count = 0; count < 5; count += 1) await account.raise();
      other = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY, { PORT: port });
      stops.push(other.kill);
    }
    while (account.raised < 80) await account.raise();
    await reading;

    const [first = 0] = seen;
    expect(seen).toEqual(Array.from({ length: 60 }, (_unused, index) => first + index));
    // The loop broke off at the last one, which nobody says is handled.
    expect(cursors).toHaveLength(59);
  });

  it('go on from a cursor in another process, and begin with the first one where asked', async () => {
    const account = await alarm(gateway, 'cursors');
    for (let count = 0; count < 4; count += 1) await account.raise();
    const { accountId } = account;
    const cursors: string[] = [];
    const all: number[] = [];
    const onCursor = (cursor: string): void => {
      cursors.push(cursor);
    };
    for await (const { sequence } of clientOf(OPERATOR_KEY).alerts({
      accountId,
      after: '',
      onCursor,
    })) {
      all.push(sequence);
      if (sequence === 3) break;
    }
    const rest: number[] = [];
    const after = cursors.at(-1) ?? null;
    for await (const { sequence } of clientOf(OPERATOR_KEY).alerts({ accountId, after })) {
      rest.push(sequence);
      if (sequence === 4) break;
    }

    expect(all).toEqual([1, 2, 3]);
    // The third was not said to be handled, so it comes again.
    expect(rest).toEqual([3, 4]);
  });

  it('that were raised before the first one was read are not missed, on an account without any', async () => {
    const account = await alarm(gateway, 'none yet');
    const seen: number[] = [];
    const end = new AbortController();
    const { accountId } = account;
    const reading = collect(
      (async function* () {
        const stream = clientOf(OPERATOR_KEY).alerts({ accountId, signal: end.signal });
        for await (const { sequence } of stream) yield sequence;
      })(),
      seen,
    );
    await until(async () => {
      await account.raise();
      return seen.length > 0;
    }, 'an alert');
    await until(() => seen.length === account.raised, 'all alerts');
    end.abort();

    expect(await reading).toBeNull();
    // From the first one after the start, without a gap.
    const [first = 0] = seen;
    expect(seen).toEqual(seen.map((_unused, index) => first + index));
  });

  it('end with UNAUTHENTICATED when the key is revoked', async () => {
    const account = await alarm(gateway, 'revoked');
    const { id, secret } = await createKey(gateway, account.accountId, ['READ_USAGE']);
    const seen: unknown[] = [];
    const reading = collect(clientOf(secret).balance(), seen);
    await until(() => seen.length > 0, 'the balance');
    await ask(gateway, RevokeApiKeyDocument, { id });

    const end = await reading;

    expect(end).toBeInstanceOf(GatewayError);
    expect(end).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('end with FORBIDDEN, and with BAD_USER_INPUT for a cursor of another account', async () => {
    const account = await alarm(gateway, 'forbidden');
    const { secret } = await createKey(gateway, account.accountId, ['INGEST']);
    const { accountId } = account;

    const forbidden = await collect(clientOf(secret).alerts({ after: '' }), []);
    const beyond = await collect(
      clientOf(OPERATOR_KEY).alerts({
        accountId,
        after: Buffer.from('[null,99]').toString('base64url'),
      }),
      [],
    );

    expect(forbidden).toMatchObject({ code: 'FORBIDDEN' });
    expect(beyond).toMatchObject({ code: 'BAD_USER_INPUT', path: ['after'] });
  });
});

describe('a stream', () => {
  it('asks for a new key when the old one has ended, and goes on', async () => {
    const account = await alarm(gateway, 'renewed');
    const first = await createKey(gateway, account.accountId, ['READ_USAGE']);
    const second = await createKey(gateway, account.accountId, ['READ_USAGE']);
    let key = first.secret;
    const seen: number[] = [];
    const end = new AbortController();
    let losses = 0;
    const client = clientOf(() => key, originOf(gateway), {
      onConnection: (state) => {
        if (state === 'interrupted') losses += 1;
      },
    });
    const stream = client.creditAlerts({ after: '' }, { signal: end.signal });
    const reading = collect(
      (async function* () {
        for await (const { creditAlerts } of stream) yield creditAlerts.sequence;
      })(),
      seen,
    );
    await account.raise();
    await until(() => seen.length === 1, 'the first alert');
    key = second.secret;
    await ask(gateway, RevokeApiKeyDocument, { id: first.id });
    await until(() => losses > 0, 'the end of the socket of the old key');
    await account.raise();
    await until(() => seen.length === 2, 'the second alert');
    end.abort();

    expect(seen).toEqual([1, 2]);
    expect(await reading).toBeNull();
  });

  it('ends by return(), also while it waits for an event', async () => {
    const account = await alarm(gateway, 'returned');
    const stream = clientOf(OPERATOR_KEY).alerts({ accountId: account.accountId, after: '' });
    const waiting = stream.next();

    await stream.return?.();

    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('ends when the client is closed', async () => {
    const account = await alarm(gateway, 'closed');
    const client = clientOf(OPERATOR_KEY);
    const seen: unknown[] = [];
    const reading = collect(client.balance({ accountId: account.accountId }), seen);
    await until(() => seen.length > 0, 'the balance');

    await client.close();

    expect(await reading).toBeNull();
  });

  it('connects again after ten seconds without an answer', async () => {
    const silent = net.createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as net.AddressInfo;
    const sockets: net.Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    const client = clientOf(OPERATOR_KEY, `http://127.0.0.1:${port}`);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    try {
      const opened = once(silent, 'connection');
      const stream = client.balance({ accountId: 'any' });
      const first = stream.next();
      await opened;
      let isAgain = false;
      const again = once(silent, 'connection').then(() => (isAgain = true));
      await jest.advanceTimersByTimeAsync(9_999);
      expect(isAgain).toBe(false);
      // Given up, which must not end the process, and after a short wait tried again.
      await jest.advanceTimersByTimeAsync(1_000);
      await again;
      // It does not wait for the silent one either.
      await client.close();
      expect(await first).toEqual({ done: true, value: undefined });
    } finally {
      jest.useRealTimers();
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  it('says what is missing where there are no WebSockets', async () => {
    const { WebSocket: own } = globalThis as { WebSocket?: unknown };
    const client = createGateway({ url: originOf(gateway), key: OPERATOR_KEY });
    const stream = client.balance({ accountId: (await alarm(gateway, 'none')).accountId });

    const end = own === undefined ? await collect(stream, []) : new TypeError('webSocket');

    expect(String(end)).toContain('webSocket');
    await stream.return?.();
  });
});
