// Subscribers in a process of their own: many operations on each of many sockets.

import { RETRY_AFTER_MS, openSocket } from '../support/socket.ts';
import type { Received, SocketsAnswer, SocketsAsk, SocketsJob } from './sockets-job.ts';

const CONNECTING_AT_ONCE = 20;
const PAYLOAD = '"payload":';
let received: Received = { messages: 0, payload: '', closed: 0 };

process.on('message', (ask: SocketsAsk) => {
  if (ask === 'report') {
    answer(received);
    return;
  }
  subscribeAll(ask.subscribe).then(
    () => {
      answer('subscribed');
    },
    (error: unknown) => {
      answer({ error: String(error) });
    },
  );
});

function answer(value: SocketsAnswer): void {
  process.send?.(value);
}

async function subscribeAll(job: SocketsJob): Promise<void> {
  const waiting = job.keys.flatMap((key) => Array<string>(job.socketsPerKey).fill(key));
  const work = async (): Promise<void> => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      await subscribe(job, key);
    }
  };
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, work));
}

/** Begins the operations of one socket. Fulfilled when each has sent its first answer. */
async function subscribe(job: SocketsJob, key: string): Promise<void> {
  const socket = await openSocket(job.origin, key);
  socket.on('close', () => {
    received = { ...received, closed: received.closed + 1 };
  });
  const waiting = new Set(Array.from({ length: job.operationsPerSocket }, (_, id) => `${id}`));
  const begin = (id: string): void => {
    socket.send(JSON.stringify({ type: 'subscribe', id, payload: { query: job.query } }));
  };
  await new Promise<void>((resolve, reject) => {
    socket.on('message', (frame: Buffer) => {
      const text = frame.toString();
      if (!text.includes('"type":"next"')) {
        const id = /"id":"(\d+)"/.exec(text)?.[1];
        if (id !== undefined && text.includes('"UNAVAILABLE"'))
          setTimeout(begin, RETRY_AFTER_MS, id);
        else reject(new Error(text));
        return;
      }
      const payload = text.slice(text.indexOf(PAYLOAD) + PAYLOAD.length, -1);
      received = { ...received, messages: received.messages + 1, payload };
      if (waiting.size === 0) return;
      waiting.delete(/"id":"(\d+)"/.exec(text)?.[1] ?? '');
      if (waiting.size === 0) resolve();
    });
    for (const id of waiting) begin(id);
  });
}
