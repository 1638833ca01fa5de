// What sending alone takes: a plain `ws` server that sends the same bytes as often to as many, and computes nothing.

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { portOf } from '../support/gateway.ts';
import type { PlainJob } from './job.ts';

process.once('message', (job: PlainJob) => {
  void serve(job);
});

async function serve(job: PlainJob): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  const sends: (() => void)[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (frame: Buffer) => {
      if (!frame.includes('"subscribe"')) socket.send('{"type":"connection_ack"}');
      else {
        socket.send(job.message);
        sends.push(() => {
          socket.send(job.message);
        });
      }
    });
  });
  await once(server, 'listening');
  process.once('message', () => {
    void sendAll(job, sends).then(() => process.send?.('done'));
  });
  process.send?.(`http://127.0.0.1:${portOf(server.address())}`);
}

async function sendAll(
  { receivers, perSecond, seconds }: PlainJob,
  sends: readonly (() => void)[],
): Promise<void> {
  const beganMs = performance.now();
  for (let sent = 0; sent < seconds * perSecond; sent += 1) {
    const dueMs = beganMs + (sent * 1_000) / perSecond;
    if (dueMs > performance.now()) await pause(dueMs - performance.now());
    for (let each = 0; each < receivers; each += 1) {
      sends[(sent * receivers + each) % sends.length]?.();
    }
  }
}
