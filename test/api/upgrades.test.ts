// Requests that offer to upgrade: a socket is opened where there is one, and nothing else changes.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../support/eventually.ts';
import { SMALL_SERVER_KEY, type SmallServer, startSmallServer } from '../support/small-server.ts';
import { type Wire, wireTo } from '../support/wire.ts';

const KEY = `authorization: Bearer ${SMALL_SERVER_KEY}\r\n`;
const WEBSOCKET =
  'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const HTTP_2 =
  'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n';
const BODY = JSON.stringify({ query: '{ hello }' });
const POST = `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n`;
const CLOSES_WITHIN_MS = 900;

let small: SmallServer;
let wires: Wire[];

beforeEach(async () => {
  small = await startSmallServer({ live: {} });
  wires = [];
});

afterEach(async () => {
  for (const { socket } of wires) socket.destroy();
  await small.server.close();
});

async function open(): Promise<Wire> {
  const wire = await wireTo(small.server);
  wires.push(wire);
  return wire;
}

function isWhole(answer: string): boolean {
  const [head = '', body] = answer.split('\r\n\r\n', 2);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1] ?? '0';
  return body !== undefined && Buffer.byteLength(body) >= Number(length);
}

/** The answer to a request, without its date and its id. */
async function answerOn(wire: Wire, line: string, headers: string, body = ''): Promise<string> {
  const before = wire.text().length;
  wire.socket.write(`${line} HTTP/1.1\r\nhost: x\r\n${headers}\r\n${body}`);
  const answer = (): string => wire.text().slice(before);
  await until(() => isWhole(answer()), 'an answer');
  return answer().replaceAll(/^(date|x-request-id): .*\r\n/gim, '');
}

describe('a request that offers to upgrade where there is no socket', () => {
  it.each<readonly [line: string, headers: string, body: string]>([
    ['POST /graphql', POST, BODY],
    ['POST /graphql', KEY + POST, BODY],
    ['POST /graphql/stream', POST, BODY],
    ['DELETE /graphql', '', ''],
    ['OPTIONS /graphql', 'origin: http://a.example\r\naccess-control-request-method: POST\r\n', ''],
    ['GET /nowhere', '', ''],
    ['GET /%ff', '', ''],
    ['GET /health/live', '', ''],
  ])('is answered as any other: %s %j', async (line, headers, body) => {
    const plain = await answerOn(await open(), line, headers, body);
    const wire = await open();
    const upgrading = await answerOn(wire, line, headers + WEBSOCKET, body);
    // The connection serves further requests.
    const next = await answerOn(wire, 'GET /health/live', HTTP_2);

    expect(upgrading).toBe(plain);
    expect(next).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is answered as any other where HTTP/2 is offered at the address of sockets', async () => {
    const withoutKey = await answerOn(await open(), 'GET /graphql?query={hello}', HTTP_2);
    const posted = await answerOn(await open(), 'POST /graphql', KEY + POST + HTTP_2, BODY);

    expect(withoutKey).toMatch(/^HTTP\/1\.1 401 /);
    expect(posted).toMatch(/^HTTP\/1\.1 200 .*"Hello, you\."/s);
  });
});

describe('an upgrade', () => {
  it('opens a socket', async () => {
    expect(await answerOn(await open(), 'GET /graphql?a=b', WEBSOCKET)).toMatch(/^HTTP\/1\.1 101 /);
  });

  it.each([
    ['of a page that may not call', `${WEBSOCKET}origin: http://a.example\r\n`, 403],
    ['that is none of the protocol', WEBSOCKET.replace('version: 13', 'version: 7'), 400],
  ])('%s is refused, and its connection ends', async (_which, headers, status) => {
    const wire = await open();
    const answer = await answerOn(wire, 'GET /graphql', headers);
    await until(() => wire.socket.readableEnded, 'the end of the connection');

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe('the end of a server', () => {
  it('waits for no connection whose upgrade was declined or refused', async () => {
    await answerOn(await open(), 'GET /nowhere', WEBSOCKET);
    await answerOn(await open(), 'GET /%ff', WEBSOCKET);
    await answerOn(await open(), 'OPTIONS /graphql', WEBSOCKET);
    await answerOn(await open(), 'GET /graphql', `${WEBSOCKET}origin: http://a.example\r\n`);
    const beganMs = performance.now();
    await small.server.close();

    expect(performance.now() - beganMs).toBeLessThan(CLOSES_WITHIN_MS);
  });

  it('refuses an upgrade that comes meanwhile, and does not wait for its connection', async () => {
    const late = await open();
    await answerOn(late, 'GET /health/live', '');
    // A request whose headers have begun is waited for.
    late.socket.write('GET /graphql HTTP/1.1\r\n');
    await answerOn(await open(), 'GET /health/live', '');
    const closing = small.server.close();
    const before = late.text().length;
    late.socket.write(`host: x\r\n${WEBSOCKET}\r\n`);
    await until(() => late.socket.readableEnded, 'the end of the late connection');
    await closing;

    expect(late.text().slice(before)).toMatch(/^HTTP\/1\.1 503 /);
  });
});
