// What travels as bytes: only UTF-8 is taken, at every route; bodies come compressed or not, and answers go so.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRAPHQL_BODY_BYTES_MAX } from '../../src/http/server.ts';
import { createAccount, register } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway, TEST_QUERY_COST_MAX } from '../support/gateway.ts';
import { initialised, originOf, rawSocket } from '../support/live.ts';

const MIB = 1024 * 1024;
const SINGLE = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
const JSON_TYPE = 'application/json';

let gateway: TestGateway;
let accountId: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway, { externalId: 'a' });
  await register(gateway, accountId, { kind: 'BROWSER_POD', externalId: 'pod', name: 'P' });
});

afterAll(() => gateway.close());

interface Sent {
  readonly type?: string;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Received {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

// Without a library that would encode or decode anything by itself.
function send(path: string, { type, body, headers = {} }: Sent = {}): Promise<Received> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      `${originOf(gateway)}/`,
      {
        agent: false,
        method: body === undefined ? 'GET' : 'POST',
        path,
        headers: {
          authorization: `Bearer ${gateway.operatorKey}`,
          ...(type === undefined ? {} : { 'content-type': type }),
          ...(body === undefined ? {} : { 'content-length': body.length }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const { statusCode: status = 0, headers: received } = response;
          resolve({ status, headers: received, bytes, text: bytes.toString() });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function anEvent(id: string): object {
  return {
    specversion: '1.0',
    type: 'com.billing-gateway.processing',
    source: 'scheduler',
    id,
    subject: 'BROWSER_POD/pod',
    time: '2026-03-10T11:00:00Z',
    data: { credits: '5' },
  };
}

function recording(ids: readonly string[]): string {
  const events = ids.map((eventId) => ({
    source: 'scheduler',
    eventId,
    type: 'PROCESSING',
    resourceKind: 'BROWSER_POD',
    resourceExternalId: 'pod',
    occurredAt: '2026-03-10T11:00:00Z',
    credits: '5',
  }));
  const query = `mutation ($a: ID!, $events: [UsageEventInput!]!) { recordUsage(accountId: $a, events: $events) { accepted } }`;
  return JSON.stringify({ query, variables: { a: accountId, events } });
}

async function creditsUsed(): Promise<string> {
  const { data } = await gateway.query<{ account: { usage: { credits: { used: string } } } }>(
    'query ($a: ID!) { account(id: $a) { usage { credits { used } } } }',
    { a: accountId },
  );
  return data.account.usage.credits.used;
}

const ids = ['run-Müller', 'run-Möller'];
const routes: readonly (readonly [string, string, () => string])[] = [
  ['/graphql', JSON_TYPE, () => recording(ids)],
  ['/v1/events', BATCH, () => JSON.stringify(ids.map(anEvent))],
  ['/v1/events', SINGLE, () => JSON.stringify(anEvent('run-Müller'))],
  ['/graphql/stream', JSON_TYPE, () => recording(ids)],
];
const pathOf = (route: string): string =>
  route === '/v1/events' ? `${route}?accountId=${accountId}` : route;

describe('a body that is not UTF-8', () => {
  const wrong: readonly (readonly [string, (text: string) => Buffer])[] = [
    ['Windows-1252', (text) => Buffer.from(text, 'latin1')],
    ['UTF-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['half a surrogate pair', (text) => spliced(text, [0xed, 0xa0, 0xbd])],
    ['an overlong form', (text) => spliced(text, [0xc1, 0xbc])],
    ['a character cut short', (text) => spliced(text, [0xc3])],
  ];

  function spliced(text: string, bytes: readonly number[]): Buffer {
    const [head = '', ...tail] = text.split(/[üö]/);
    return Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail.join(''))]);
  }

  it.each(routes)('is refused at %s (%s)', async (route, type, textOf) => {
    for (const [, bytesOf] of wrong) {
      const body = bytesOf(textOf());
      const answer = await send(pathOf(route), { type, body, headers: { accept: '*/*' } });

      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text)).toMatchObject({
        errors: [
          {
            message: 'The body is not UTF-8: text is sent in no other encoding.',
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ],
      });
    }
    expect(await creditsUsed()).toBe('0');
  });

  it('is told from one that is, with a byte order mark or without: both runs are recorded', async () => {
    const marked = Buffer.from(`\ufeff${JSON.stringify(ids.map(anEvent))}`);

    const recorded = await send(pathOf('/v1/events'), { type: BATCH, body: marked });
    const again = await send('/graphql', { type: JSON_TYPE, body: Buffer.from(recording(ids)) });

    expect(JSON.parse(recorded.text)).toMatchObject({ accepted: 2 });
    expect(JSON.parse(again.text)).toMatchObject({ data: { recordUsage: { accepted: 0 } } });
    expect(await creditsUsed()).toBe('10');
  });
});

describe('an address that is not UTF-8', () => {
  const ask = (value: string): string =>
    `/graphql?query=${encodeURIComponent('query ($s: String) { accounts(search: $s) { totalCount } }')}&variables={%22s%22:%22${value}%22}`;
  const headers = { 'apollo-require-preflight': 'true' };

  it.each([
    [ask('M%FCller')],
    [ask('%ED%A0%BD')],
    ['/graphql/stream?query=%FF'],
    ['/v1/events?accountId=%C3'],
    ['/%FF'],
  ])('is refused: %s', async (path) => {
    const answer = await send(path, { headers });

    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({
      errors: [
        {
          message: 'The address holds percent-encoded bytes that are not UTF-8.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    });
  });

  it('is refused when its bytes are not percent-encoded', async () => {
    expect((await send(ask('M\u00fcller'), { headers })).status).toBe(400);
  });

  it('is told from one that is', async () => {
    const answer = await send(ask('M%C3%BCller%20100%25'), { headers });

    expect(JSON.parse(answer.text)).toMatchObject({ data: { accounts: { totalCount: 0 } } });
  });
});

// To some readers the query of an address ends there, to others it goes on.
describe('an address with a "#"', () => {
  it.each(['/graphql', '/graphql/stream', '/nowhere'])('is refused: %s', async (path) => {
    const query = encodeURIComponent('{ accounts { totalCount } }');
    const answer = await send(`${path}?query=${query}&x=#&variables={}`, {
      headers: { 'apollo-require-preflight': 'true' },
    });

    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({
      errors: [
        {
          message: 'The address holds a "#"; write it as %23.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    });
  });
});

describe('a frame that is not UTF-8', () => {
  const ping = Buffer.from('{"type":"ping","payload":{"name":"Müller"}}', 'latin1');

  it.each([
    ['text', false],
    ['binary', true],
  ])('closes its socket: %s', async (_kind, binary) => {
    const socket = await initialised(originOf(gateway), gateway.operatorKey);
    socket.socket.send(ping, { binary });

    await until(() => socket.closed !== null, 'the closing');

    expect(socket.closed?.code).toBe(1007);
  });

  it('is told from one that is', async () => {
    const socket = await rawSocket(originOf(gateway), {
      authorization: `Bearer ${gateway.operatorKey}`,
    });
    socket.socket.send(Buffer.from('{"type":"ping","payload":{"name":"Müller"}}'), {
      binary: true,
    });

    await until(() => socket.messages.length > 0, 'the pong');
    socket.socket.close();

    expect(socket.messages[0]?.type).toBe('pong');
  });
});

describe('a compressed body', () => {
  const encodings: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['gzip', (bytes) => zlib.gzipSync(bytes, { level: 1 })],
    ['GZIP', (bytes) => zlib.gzipSync(bytes, { level: 1 })],
    ['x-gzip', (bytes) => zlib.gzipSync(bytes, { level: 1 })],
    ['deflate', (bytes) => zlib.deflateSync(bytes, { level: 1 })],
    ['br', (bytes) => zlib.brotliCompressSync(bytes, quick)],
    ['identity', (bytes) => bytes],
  ];
  const quick = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };
  const post = (route: string, type: string, encoding: string, body: Buffer): Promise<Received> =>
    send(pathOf(route), { type, body, headers: { 'content-encoding': encoding } });

  it.each(encodings)('is taken in %s', async (encoding, compress) => {
    const events = compress(Buffer.from(JSON.stringify([anEvent(`c ${encoding} ü`)])));
    const operation = compress(Buffer.from(recording([`g ${encoding} ü`])));

    const posted = await post('/v1/events', BATCH, encoding, events);
    const asked = await post('/graphql', JSON_TYPE, encoding, operation);

    expect(JSON.parse(posted.text)).toMatchObject({ accepted: 1 });
    expect(JSON.parse(asked.text)).toMatchObject({ data: { recordUsage: { accepted: 1 } } });
  });

  it.each(encodings.filter(([encoding]) => ['gzip', 'deflate', 'br'].includes(encoding)))(
    'holds at most 16 MiB when it is out of its %s',
    async (encoding, compress) => {
      const [head, tail] = ['{"query":"{ __typename }","extensions":{"pad":"', '"}}'];
      // A tenth of it is as chance will have it: what holds 250 times what is sent is refused.
      const chance = randomBytes(GRAPHQL_BODY_BYTES_MAX / 20).toString('hex');
      const bodyOf = (bytes: number): Buffer =>
        compress(Buffer.from(head + chance.padEnd(bytes - head.length - tail.length, 'x') + tail));

      const fits = await post('/graphql', JSON_TYPE, encoding, bodyOf(GRAPHQL_BODY_BYTES_MAX));
      const tooLarge = [
        await post('/graphql', JSON_TYPE, encoding, bodyOf(GRAPHQL_BODY_BYTES_MAX + 1)),
        await post('/v1/events', BATCH, encoding, bodyOf(GRAPHQL_BODY_BYTES_MAX + 1)),
      ];

      expect(fits.status).toBe(200);
      for (const { status, text } of tooLarge) {
        expect(status).toBe(413);
        expect(text).toContain('larger than 16 MiB');
      }
    },
  );

  it('is refused at its limit, however much would come out', async () => {
    // Sixteen gigabytes: whoever inflated them all would not answer in time.
    const member = zlib.gzipSync(Buffer.alloc(GRAPHQL_BODY_BYTES_MAX));
    const bomb = Buffer.concat(Array.from({ length: 1_000 }, () => member));

    const answers = [
      await post('/graphql', JSON_TYPE, 'gzip', bomb),
      await post('/v1/events', BATCH, 'gzip', bomb),
    ];

    expect(answers.map(({ status }) => status)).toEqual([413, 413]);
  });

  it.each(['/graphql', '/v1/events'])(
    'holds at most 250 times what is sent, or two mebibytes: %s',
    async (door) => {
      const type = door === '/graphql' ? JSON_TYPE : BATCH;
      const spaces = async (bytes: number): Promise<Received> =>
        post(door, type, 'br', zlib.brotliCompressSync(Buffer.alloc(bytes, ' '), quick));
      const [fits, tooMuch] = [await spaces(2 * MIB), await spaces(2 * MIB + 1)];

      expect(fits.status).toBe(400);
      expect(tooMuch.status).toBe(413);
      expect(JSON.parse(tooMuch.text)).toMatchObject({
        errors: [
          {
            message: expect.stringContaining('more than 250 bytes for each that was sent'),
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ],
      });
    },
  );

  it.each(['zstd', 'compress', 'gzip, br', '\u00fc'])(
    'is refused in %s, which is named',
    async (encoding) => {
      for (const [route, type, textOf] of routes) {
        const answer = await post(route, type, encoding, Buffer.from(textOf()));

        expect(answer.status).toBe(415);
        expect(answer.headers['accept-encoding']).toBe('gzip, deflate, br');
        expect(JSON.parse(answer.text)).toMatchObject({
          errors: [
            {
              message: `The content encoding ${JSON.stringify(encoding)} is not accepted here; send gzip, deflate, br, or none.`,
              extensions: { code: 'BAD_USER_INPUT' },
            },
          ],
        });
      }
    },
  );

  it('is refused when it is not what it says, is cut short, or is not UTF-8 inside', async () => {
    const text = Buffer.from(recording(['x']));
    const latin = Buffer.from(recording(['run-Müller']), 'latin1');
    const bodies = [text, zlib.gzipSync(text).subarray(0, -9), Buffer.alloc(0)];

    const unpacked = await Promise.all(
      bodies.map((body) => post('/graphql', JSON_TYPE, 'gzip', body)),
    );
    const wrong = await post('/graphql', JSON_TYPE, 'gzip', zlib.gzipSync(latin));

    for (const { status, text: told } of unpacked) {
      expect(status).toBe(400);
      expect(told).toContain('The body is not gzip');
    }
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain('not UTF-8');
  });
});

// The answer to an operation without a name, but for the padding.
const EMPTY = `{"data":{"":"Query"},"extensions":{"cost":{"asked":0,"allowed":${TEST_QUERY_COST_MAX}}}}\n`;

describe('an answer', () => {
  const pad = (bytes: number): Buffer =>
    Buffer.from(
      JSON.stringify({
        query: `{ ${'a'.repeat(bytes - EMPTY.length)}: __typename }`,
      }),
    );
  const ask = (accepted: string | null, bytes = 1_024): Promise<Received> =>
    send('/graphql', {
      type: JSON_TYPE,
      body: pad(bytes),
      headers: accepted === null ? {} : { 'accept-encoding': accepted },
    });

  it.each([
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
  ])('to who takes %s comes in %s', async (accepted, encoding) => {
    const plain = await ask(null);
    const answer = await ask(accepted);

    const inflate = encoding === 'br' ? zlib.brotliDecompressSync : zlib.gunzipSync;
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers.vary).toBe('Origin, accept-encoding');
    expect(answer.headers['content-length']).toBe(String(answer.bytes.length));
    expect(inflate(answer.bytes).toString()).toBe(plain.text);
  });

  it.each([[null], ['identity'], ['deflate'], ['br;q=0, gzip;q=0']])(
    'to who takes %s comes as it is, and says that it might not',
    async (accepted) => {
      const answer = await ask(accepted);

      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(answer.headers.vary).toBe('Origin, accept-encoding');
      expect(answer.bytes).toHaveLength(1_024);
    },
  );

  it('below a KiB is not compressed', async () => {
    const answer = await ask('br', 1_023);

    expect(answer.bytes).toHaveLength(1_023);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers.vary).toBe('Origin');
  });

  it('that refuses is compressed like any other', async () => {
    const events = Array.from({ length: 50 }, () => 17);
    const answer = await send(pathOf('/v1/events'), {
      type: BATCH,
      body: Buffer.from(JSON.stringify(events)),
      headers: { 'accept-encoding': 'gzip' },
    });

    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(zlib.gunzipSync(answer.bytes).toString())).toMatchObject({ rejected: 50 });
  });

  it('is the same file of a page, compressed or not, under one weak tag', async () => {
    const page = (await send('/graphiql')).bytes.toString();
    const files = [...page.matchAll(/(?:src|href)="(\/usage\/assets\/[^"]+)"/g)];
    expect(files.length).toBeGreaterThan(2);
    for (const path of files.slice(0, 2).map(([, file]) => file ?? '')) {
      const plain = await send(path);
      const packed = await send(path, { headers: { 'accept-encoding': 'br' } });

      expect(packed.headers['content-encoding']).toBe('br');
      expect(packed.headers.etag).toBe(plain.headers.etag);
      expect(zlib.brotliDecompressSync(packed.bytes).equals(plain.bytes)).toBe(true);
    }
  });

  it('that is a stream of events is never compressed: each event arrives at once', async () => {
    const query = 'subscription ($a: ID!) { creditBalance(accountId: $a) { remaining } }';
    const body = Buffer.from(JSON.stringify({ query, variables: { a: accountId } }));

    const first = await new Promise<Received>((resolve, reject) => {
      const request = http.request(
        `${originOf(gateway)}/graphql/stream`,
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${gateway.operatorKey}`,
            'content-type': JSON_TYPE,
            accept: 'text/event-stream',
            'accept-encoding': 'br, gzip',
          },
        },
        (response) => {
          let bytes = Buffer.alloc(0);
          response.on('data', (chunk: Buffer) => {
            bytes = Buffer.concat([bytes, chunk]);
            const text = bytes.toString();
            if (!text.includes('event: next')) return;
            resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text });
            request.destroy();
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });

    expect(first.status).toBe(200);
    expect(first.headers['content-encoding']).toBe('none');
    expect(first.headers.vary).toBe('Origin');
    expect(first.text).toContain('"creditBalance"');
  });
});
