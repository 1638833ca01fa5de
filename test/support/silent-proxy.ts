// A link to a database that can fall silent: its connections stay open, and nothing passes any more.

import net from 'node:net';
import { once } from 'node:events';

export interface SilentProxy {
  /** The database's address through the proxy. */
  readonly url: string;
  /** From now on nothing passes on the connections that are open, nor on new ones with `alsoNew`. */
  readonly silence: (alsoNew: boolean) => void;
  /** New connections pass again; what fell silent stays so. */
  readonly comeBack: () => void;
  readonly close: () => Promise<void>;
}

export async function openSilentProxy(databaseUrl: string): Promise<SilentProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  const isSilent = new WeakSet<net.Socket>();
  let isAlsoNewSilent = false;
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      if (isAlsoNewSilent) isSilent.add(from);
      from.on('data', (chunk) => {
        if (!isSilent.has(from)) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (!isSilent.has(from)) to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(databaseUrl);
  url.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: url.href,
    silence: (alsoNew) => {
      for (const socket of sockets) isSilent.add(socket);
      isAlsoNewSilent = alsoNew;
    },
    comeBack: () => {
      isAlsoNewSilent = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
