// What sending alone takes: a plain `ws` server that sends the same bytes to as many operations, and computes nothing.

import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { portOf } from '../support/gateway.ts';
import type { PlainJob } from './sockets-job.ts';

const EVERY_MS = 500;

process.on('message', ({ payload }: PlainJob) => {
  void serve(payload);
});

async function serve(payload: string): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  const sends: (() => void)[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (frame: Buffer) => {
      const id = /"id":"(\d+)"/.exec(frame.toString())?.[1];
      if (id === undefined) {
        socket.send('{"type":"connection_ack"}');
        return;
      }
      const send = (): void => {
        socket.send(`{"id":"${id}","type":"next","payload":${payload}}`);
      };
      sends.push(send);
      send();
    });
  });
  await once(server, 'listening');
  setInterval(() => {
    for (const send of sends) send();
  }, EVERY_MS);
  process.send?.(`http://127.0.0.1:${portOf(server.address())}`);
}
