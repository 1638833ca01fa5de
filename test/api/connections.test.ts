// What holds for every caller before any key is looked at: connections, bodies, headers of answers, and who reads the metrics.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { post } from '../support/post.ts';
import { SMALL_SERVER_KEY, type SmallServer, startSmallServer } from '../support/small-server.ts';
import { type Wire, wireTo } from '../support/wire.ts';

const MIB = 1024 * 1024;
const TOKEN = 'a-token-of-the-metrics-0123';

describe('metrics at a port of their own', () => {
  async function freePort(): Promise<number> {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }

  it('are there alone, for who has the token, until the gateway closes', async () => {
    const port = await freePort();
    const small = await startSmallServer({
      http: { metrics: { token: TOKEN, listen: { port, host: '127.0.0.1' } } },
    });
    const get = async (path: string, authorization = `Bearer ${TOKEN}`): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization } });
    await small.ask('{ hello }');
    const text = await (await get('/metrics')).text();
    const refused = await get('/metrics', '');
    const elsewhere = await get('/graphql');
    const { status } = await small.http.get('/metrics').set('authorization', `Bearer ${TOKEN}`);
    await small.server.close();

    expect(text).toMatch(/http_request_duration_seconds_count\{.*route="\/graphql".*\} 1/);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect([elsewhere.status, status]).toEqual([404, 404]);
    await expect(get('/metrics')).rejects.toThrow('fetch failed');
  });

  it('keep the gateway from starting when the port is taken, and say so', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    const start = startSmallServer({
      http: { metrics: { token: null, listen: { port, host: '127.0.0.1' } } },
    });

    await expect(start).rejects.toThrow(
      `Port ${port} is taken by another program; set METRICS_PORT to a free one.`,
    );
    taken.close();
  });
});

describe('a stream', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway();
  });

  afterAll(() => gateway.close());

  it.each([
    ['a subscription', 'subscription { creditAlerts(accountId: "ACCOUNT") { sequence } }'],
    ['a query', '{ account(id: "ACCOUNT") { id } }'],
    ['a refused operation', '{ nothing }'],
  ])('of %s has the headers of every answer', async (_what, text) => {
    const accountId = await createAccount(gateway);
    const abort = new AbortController();
    const { status, headers } = await post(originOf(gateway), '/graphql/stream', {
      body: { query: text.replace('ACCOUNT', accountId) },
      key: gateway.operatorKey,
      headers: { 'x-request-id': 'stream-1', 'x-forwarded-proto': 'https' },
      signal: abort.signal,
    });
    abort.abort();

    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'strict-transport-security': 'max-age=31536000',
      'x-request-id': 'stream-1',
    });
  });
});

describe('a server', () => {
  let small: SmallServer;

  beforeAll(async () => {
    small = await startSmallServer({
      http: {
        connectionLimits: { maxConnections: 20, maxBodyBytesInFlight: 4 * MIB },
        metrics: { token: TOKEN, listen: null },
      },
    });
  });

  afterAll(async () => {
    small.server.server.closeAllConnections();
    await small.server.close();
  });

  /** A body that was begun and does not end. */
  async function begin(bytes: number): Promise<Wire> {
    const wire = await wireTo(small.server);
    wire.socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${SMALL_SERVER_KEY}\r\n` +
        `content-type: application/json\r\ncontent-length: ${16 * MIB}\r\n\r\n`,
    );
    wire.socket.write(Buffer.alloc(bytes, ' '));
    return wire;
  }

  it('refuses the body that passes the bound over all, and takes small ones meanwhile', async () => {
    const begun = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => begin(MIB)));
    const answered = (): readonly Wire[] => begun.filter(({ text }) => text() !== '');
    await until(() => answered().length >= 4, 'the refusals');

    const small200 = await small.ask('{ hello }');

    expect(small200.body).toMatchObject({ data: { hello: expect.any(String) } });
    expect(answered().length).toBeLessThan(8);
    for (const { text } of answered()) {
      expect(text()).toMatch(/^HTTP\/1\.1 503 /);
      expect(text()).toContain('retry-after: 1');
      expect(text()).toContain('"code":"UNAVAILABLE"');
    }
    for (const { socket } of begun) socket.destroy();
  });

  it('counts a body no longer when its caller is gone, or when it has been read', async () => {
    const large = JSON.stringify({ query: '{ hello }', variables: { x: 'x'.repeat(3 * MIB) } });
    const send = async (): Promise<number> => {
      const { status } = await small.http
        .post('/graphql')
        .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
        .set('content-type', 'application/json')
        .send(large);
      return status;
    };
    await until(async () => (await send()) === 200, 'the abandoned bodies are forgotten');

    const statuses: number[] = [];
    for (let sent = 0; sent < 5; sent += 1) statuses.push(await send());
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
  });

  it('counts a body as it is decompressed', async () => {
    const send = async (bytes: number): Promise<number> => {
      const x = randomBytes(bytes / 2).toString('hex');
      const { status } = await small.http
        .post('/graphql')
        .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
        .set('content-type', 'application/json')
        .set('content-encoding', 'gzip')
        .serialize((body: unknown) => body as string)
        .send(gzipSync(JSON.stringify({ query: '{ hello }', variables: { x } })));
      return status;
    };
    // Half of it is sent.
    expect(await send(5 * MIB)).toBe(503);
    expect([await send(3 * MIB), await send(3 * MIB), await send(3 * MIB)]).toEqual([
      200, 200, 200,
    ]);
  });

  it('refuses connections beyond its bound, and takes new ones once others end', async () => {
    const wires = await Promise.all(Array.from({ length: 30 }, () => wireTo(small.server)));
    const open = (): readonly Wire[] => wires.filter(({ socket }) => !socket.destroyed);
    await until(() => open().length <= 20, 'the refusal of those beyond');

    expect(open().length).toBeGreaterThan(10);
    for (const { socket } of wires) socket.destroy();
    await until(async () => (await small.ask('{ hello }').catch(() => null)) !== null, 'room');
  });

  it('ends a connection whose headers do not arrive', async () => {
    const wire = await wireTo(small.server);
    const beganMs = performance.now();
    wire.socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: ');
    await until(() => wire.socket.destroyed || wire.socket.readableEnded, 'the end');

    expect(wire.text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - beganMs).toBeLessThan(60_000);
  });

  it('keeps its answers out of caches, whatever they are', async () => {
    const answers = [
      await small.ask('{ hello }'),
      await small.http.post('/graphql').send({}),
      await small.http.get('/nowhere'),
      await small.http.get('/health/live'),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      expect(headers).not.toHaveProperty('strict-transport-security');
    }
  });

  it('asks browsers to come by TLS alone when they came by TLS', async () => {
    const { headers } = await small.http.get('/').set('x-forwarded-proto', 'https, http');

    expect(headers['strict-transport-security']).toBe('max-age=31536000');
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('shows its metrics to who has the token alone', async () => {
    const get = async (authorization: string): Promise<number> =>
      (await small.http.get('/metrics').set('authorization', authorization)).status;

    expect(await get('')).toBe(401);
    expect(await get(`Bearer ${TOKEN}x`)).toBe(401);
    expect(await get(`Bearer ${SMALL_SERVER_KEY}`)).toBe(401);
    expect(await get(`Bearer ${TOKEN}`)).toBe(200);
    expect(await get(`bearer ${TOKEN}`)).toBe(200);
  });
});
