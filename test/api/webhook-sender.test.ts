// What reaches whom: the sender on its own, before canaries that must hear nothing.

import type http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ANSWER_BYTES_MAX, Sender, type SenderOptions } from '../../src/partners/sender.client.ts';
import type { Answer } from '../../src/partners/webhook.ts';
import { Receiver } from '../support/receiver.ts';
import { RECEIVER_CERTIFICATE, RECEIVER_KEY } from '../support/receiver-tls.ts';

const NOT_PUBLIC = { status: null, error: 'The address is not on the public internet.' };

async function post(url: string, options: Partial<SenderOptions> = {}): Promise<Answer> {
  const sender = new Sender({ allowLoopback: false, ...options });
  return sender.send({ url, headers: { 'webhook-id': 'msg_1' }, body: '{"type":"TEST"}' });
}

/** A name server that says the same of every name. */
function alwaysAt(...addresses: readonly string[]): LookupFunction {
  return (_hostname, options, callback) => {
    const found = addresses.map((address) => ({ address, family: net.isIP(address) }));
    if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
}

async function listening(server: net.Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

describe('a message to a private address', () => {
  let connections = 0;
  let bytes = 0;
  let port = 0;
  const canary = net.createServer((socket) => {
    connections += 1;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.on('error', () => undefined);
  });

  beforeAll(async () => {
    // On every address of this machine, of both families.
    port = await listening(canary, '::');
  });

  afterAll(() => {
    canary.close();
  });

  it('would be heard by the canary', async () => {
    const heard = new Promise<void>((resolve) => {
      canary.once('connection', (socket: net.Socket) => socket.once('end', resolve));
    });
    net.connect(port, '127.0.0.1').end('x');
    await heard;

    expect({ connections, bytes }).toEqual({ connections: 1, bytes: 1 });
    connections = 0;
    bytes = 0;
  });

  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '0.0.0.0',
    '0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.254',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::7f00:1]',
    '[fd00::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[ff02::1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    'localhost',
  ])('is not sent to %s', async (host) => {
    expect(await post(`https://${host}:${port}/`)).toEqual(NOT_PUBLIC);
    expect({ connections, bytes }).toEqual({ connections: 0, bytes: 0 });
  });

  it.each([
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['10.1.2.3'],
    ['169.254.169.254'],
    ['168.63.129.16'],
    ['0.0.0.0'],
    ['64:ff9b::7f00:1'],
    ['93.184.216.34', '127.0.0.1'],
  ])('is not sent to a name that leads to %s', async (...addresses) => {
    const answer = await post(`https://partner.example:${port}/`, {
      lookup: alwaysAt(...addresses),
    });

    expect(answer).toEqual(NOT_PUBLIC);
    expect({ connections, bytes }).toEqual({ connections: 0, bytes: 0 });
  });

  it('is not sent to a name that turned round since it was looked up first', async () => {
    let looked = 0;
    const turning: LookupFunction = (hostname, options, callback) => {
      looked += 1;
      alwaysAt(looked === 1 ? '192.0.2.1' : '127.0.0.1')(hostname, options, callback);
    };
    const sender = new Sender({ allowLoopback: false, lookup: turning, timeoutMs: 500 });
    const message = { url: `https://partner.example:${port}/`, headers: {}, body: '{}' };

    await sender.send(message);
    const second = await sender.send(message);

    expect(second).toEqual(NOT_PUBLIC);
    expect(looked).toBe(2);
    expect({ connections, bytes }).toEqual({ connections: 0, bytes: 0 });
  });

  it.each([0, 22, 25])('is not sent to port %i', async (atPort) => {
    const answer = await post(`https://partner.example:${atPort}/`, {
      lookup: () => {
        throw new Error('the name is looked up');
      },
    });

    expect(answer).toEqual({ status: null, error: 'Nothing is sent to this port.' });
  });

  it('is not sent by http', async () => {
    expect(await post(`http://93.184.216.34:${port}/`)).toEqual({
      status: null,
      error: 'Only https is sent to.',
    });
  });

  it('is sent to this machine, and nowhere else, where that is allowed', async () => {
    const receiver = await Receiver.listen();

    const here = await post(receiver.url(), { allowLoopback: true });
    const named = await post(`http://localhost:${receiver.port}/`, { allowLoopback: true });
    const others = await Promise.all(
      ['127.0.0.2', '10.0.0.1', '169.254.169.254', '[fd00::1]', '0.0.0.0'].map((host) =>
        post(`https://${host}:${port}/`, { allowLoopback: true }),
      ),
    );
    await receiver.close();

    expect(here).toEqual({ status: 204, retryAfter: null });
    expect(named).toEqual({ status: 204, retryAfter: null });
    expect(others).toEqual(others.map(() => NOT_PUBLIC));
    expect(connections).toBe(0);
  });
});

describe('an answer', () => {
  let receiver: Receiver;

  beforeAll(async () => {
    receiver = await Receiver.listen();
  });

  afterAll(async () => {
    await receiver.close();
  });

  function sent(options: Partial<SenderOptions> = {}): Promise<Answer> {
    return post(receiver.url(), { allowLoopback: true, timeoutMs: 300, ...options });
  }

  it('that redirects is not followed', async () => {
    const elsewhere = await Receiver.listen();
    receiver.replies.push({ status: 302, headers: { location: elsewhere.url() } });

    const answer = await sent();
    const { connections } = elsewhere;
    await elsewhere.close();

    expect(answer).toEqual({ status: 302, retryAfter: null });
    expect(connections).toBe(0);
  });

  it('that does not come is waited for until the time is over', async () => {
    receiver.replies.push(() => undefined);

    expect(await sent()).toEqual({ status: null, error: 'No answer within 0.3 seconds.' });
  });

  it('whose head drips is waited for no longer', async () => {
    receiver.replies.push((response) => {
      const { socket } = response;
      socket?.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket?.write('x-drip: 1\r\n'), 20);
      socket?.on('close', () => {
        clearInterval(drip);
      });
    });

    expect(await sent()).toEqual({ status: null, error: 'No answer within 0.3 seconds.' });
  });

  it('whose body does not end counts by its status', async () => {
    receiver.replies.push((response) => response.writeHead(200).write('and'));

    expect(await sent()).toEqual({ status: 200, retryAfter: null });
  });

  it('that is endless is read no further than 64 KiB', async () => {
    let written = 0;
    let open = true;
    let noticeClosed = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      noticeClosed = resolve;
    });
    receiver.replies.push((response) => {
      response.writeHead(200);
      response.on('close', () => {
        open = false;
        noticeClosed();
      });
      const pour = (): void => {
        do written += 16_384;
        while (open && response.write(Buffer.alloc(16_384)));
      };
      response.on('drain', pour);
      pour();
    });

    const answer = await sent({ timeoutMs: 10_000 });
    await closed;

    expect(answer).toEqual({ status: 200, retryAfter: null });
    // What the two sockets held on its way comes on top.
    expect(written).toBeLessThan(ANSWER_BYTES_MAX + 8 * 1_048_576);
  });

  it('that is a reset says so', async () => {
    receiver.replies.push((response) => response.socket?.resetAndDestroy());

    expect(await sent()).toEqual({
      status: null,
      error: 'The message could not be sent (ECONNRESET).',
    });
  });

  it('that is an end without a word says so', async () => {
    receiver.replies.push((response) => response.socket?.end());

    expect(await sent()).toEqual({
      status: null,
      error: 'The message could not be sent (ECONNRESET).',
    });
  });

  it('that changes the protocol is none', async () => {
    receiver.replies.push({ status: 101, headers: { upgrade: 'x', connection: 'upgrade' } });

    expect(await sent()).toMatchObject({ status: null });
  });

  it('of nobody says so', async () => {
    const gone = await Receiver.listen();
    const url = gone.url();
    await gone.close();

    expect(await post(url, { allowLoopback: true })).toEqual({
      status: null,
      error: 'The message could not be sent (ECONNREFUSED).',
    });
  });
});

describe('a message by https', () => {
  let port = 0;
  let bodies: string[] = [];
  const server: http.Server = https.createServer(
    { cert: RECEIVER_CERTIFICATE, key: RECEIVER_KEY },
    (request, response) => {
      request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
      request.on('end', () => response.writeHead(200).end());
    },
  );
  const lookup = alwaysAt('127.0.0.1');

  beforeAll(async () => {
    port = await listening(server, '127.0.0.1');
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('arrives', async () => {
    const ca = RECEIVER_CERTIFICATE;

    const answer = await post(`https://receiver.test:${port}/`, {
      allowLoopback: true,
      lookup,
      ca,
    });

    expect(answer).toEqual({ status: 200, retryAfter: null });
    expect(bodies).toEqual(['{"type":"TEST"}']);
  });

  it('is not sent to one whose certificate nobody vouches for, or is of another name', async () => {
    bodies = [];

    const unknown = await post(`https://receiver.test:${port}/`, { allowLoopback: true, lookup });
    const other = await post(`https://other.test:${port}/`, {
      allowLoopback: true,
      lookup,
      ca: RECEIVER_CERTIFICATE,
    });

    expect(unknown).toMatchObject({ status: null, error: expect.stringContaining('SELF_SIGNED') });
    expect(other).toMatchObject({ status: null, error: expect.stringContaining('ALTNAME') });
    expect(bodies).toEqual([]);
  });
});
