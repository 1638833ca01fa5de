// A connection without a client's care: what is sent and when is up to the test.

import { once } from 'node:events';
import net from 'node:net';
import type { FastifyInstance } from 'fastify';

export interface Wire {
  readonly socket: net.Socket;
  /** What came so far. */
  readonly text: () => string;
}

/** Connects to a server that listens. */
export async function wireTo(server: FastifyInstance): Promise<Wire> {
  const { port } = server.server.address() as net.AddressInfo;
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, text: () => text };
}
