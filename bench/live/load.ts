// Subscribers in a process of their own: plain sockets that speak graphql-transport-ws, one subscription each.

import { SystemClock } from '../../src/core/clock.ts';
import { openSocket, RETRY_AFTER_MS } from '../support/socket.ts';
import type { Answer, Ask, Delivery, Job, Subscriber } from './job.ts';

const CONNECTING_AT_ONCE = 16;
const FROM_THE_BEGINNING = Buffer.from('[null,0]').toString('base64url');
const clock = new SystemClock();
const deliveries: Delivery[] = [];
let message = '';
let closed = 0;

process.on('message', (ask: Ask) => {
  if (ask === 'report') {
    answer({ deliveries, message, closed });
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

function answer(value: Answer): void {
  process.send?.(value);
}

async function subscribeAll({ origin, subscribers }: Job): Promise<void> {
  const waiting = [...subscribers];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      await subscribe(origin, next);
    }
  };
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, work));
}

/** Fulfilled when each of its subscriptions has begun: an account's first alert, which is there already, comes at once. */
async function subscribe(
  origin: string,
  { accountId, key, operations }: Subscriber,
): Promise<void> {
  const socket = await openSocket(origin, key);
  socket.on('close', () => {
    closed += 1;
  });
  const query = `subscription ($id: ID, $after: String) { creditAlerts(accountId: $id, after: $after) {
    id sequence cursor kind crossedAt raisedAt remaining percentUsed message } }`;
  const variables = { id: accountId, after: FROM_THE_BEGINNING };
  const begin = (id: string): void => {
    socket.send(JSON.stringify({ type: 'subscribe', id, payload: { query, variables } }));
  };
  await new Promise<void>((resolve) => {
    let begun = 0;
    socket.on('message', (frame: Buffer) => {
      const text = frame.toString();
      const sequence = Number(/"sequence":(\d+)/.exec(text)?.[1] ?? 0);
      if (begun < operations && sequence > 0) {
        begun += 1;
        if (begun === operations) resolve();
        return;
      }
      if (sequence > 0) {
        deliveries.push([accountId, sequence, clock.nowMs()]);
        message = text;
        return;
      }
      const refused = text.includes('"UNAVAILABLE"') ? /"id":"(\d+)"/.exec(text)?.[1] : undefined;
      if (refused !== undefined) setTimeout(begin, RETRY_AFTER_MS, refused);
    });
    for (let id = 1; id <= operations; id += 1) begin(String(id));
  });
}
