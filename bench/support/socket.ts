// Sockets that speak graphql-transport-ws, without a client's library: thousands of them in one process.

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import WebSocket from 'ws';

const CONNECT_ATTEMPTS = 60;
/** When a gateway that was too busy is asked again. */
export const RETRY_AFTER_MS = 1_000;

/** An acknowledged socket. A gateway that is too busy refuses it, or closes it unacknowledged, and is asked again. */
export async function openSocket(origin: string, key: string): Promise<WebSocket> {
  for (let attempt = 1; ; attempt += 1) {
    const socket = await connect(`${origin.replace('http', 'ws')}/graphql`);
    const acknowledged = once(socket, 'message').then(
      () => true,
      () => false,
    );
    const closed = once(socket, 'close').then(
      () => false,
      () => false,
    );
    const payload = { authorization: `Bearer ${key}` };
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    if (await Promise.race([acknowledged, closed])) return socket;
    if (attempt === CONNECT_ATTEMPTS) throw new Error('The gateway acknowledges no socket.');
    await pause(RETRY_AFTER_MS);
  }
}

async function connect(url: string): Promise<WebSocket> {
  for (let attempt = 1; ; attempt += 1) {
    const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
    try {
      await once(socket, 'open');
      return socket;
    } catch (error) {
      if (attempt === CONNECT_ATTEMPTS) throw error;
      await pause(RETRY_AFTER_MS);
    }
  }
}
