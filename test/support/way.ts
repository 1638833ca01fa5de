// The way from a client to gateways, as a proxy before them is: a test cuts it, and leads it to another gateway.

import net from 'node:net';
import { joinSockets } from './link.ts';
import { once } from 'node:events';

export interface Way {
  /** "http://127.0.0.1:41234" */
  readonly origin: string;
  /** Breaks all connections. From now on new ones come to another gateway. */
  readonly lead: (origin: string) => void;
  /** Breaks each connection after so many bytes of answers, as often as there are numbers. */
  readonly cutAfter: (...bytes: number[]) => void;
  /** Calls back once, after so many bytes of answers. */
  readonly after: (bytes: number, call: () => void) => void;
  readonly close: () => Promise<void>;
}

/** Opens a way to a gateway. */
export async function openWay(origin: string): Promise<Way> {
  let target = new URL(origin);
  let cuts: number[] = [];
  let awaited: { bytes: number; call: () => void } | null = null;
  const sockets = new Set<net.Socket>();
  const count = (left: number, near: net.Socket): void => {
    if (awaited !== null && (awaited.bytes -= left) <= 0) {
      const { call } = awaited;
      awaited = null;
      call();
    }
    const [next] = cuts;
    if (next === undefined) return;
    if (next > left) {
      cuts[0] = next - left;
      return;
    }
    cuts = cuts.slice(1);
    near.resetAndDestroy();
  };
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    joinSockets(near, far, sockets);
    far.on('data', (chunk: Buffer) => {
      count(chunk.length, near);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`,
    lead: (other) => {
      target = new URL(other);
      for (const socket of sockets) socket.destroy();
    },
    cutAfter: (...bytes) => {
      cuts = bytes;
    },
    after: (bytes, call) => {
      awaited = { bytes, call };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
