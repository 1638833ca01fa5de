// A TCP proxy before a gateway or its database that is faulty on demand.

import net from 'node:net';
import { once } from 'node:events';

/** What the server says when a transaction was committed. */
const COMMITTED = Buffer.from('COMMIT\0');

/** How connections are carried. PASS: as they are. */
export type Carriage =
  | { readonly how: 'PASS' }
  /** All open ones break, and new ones too. */
  | { readonly how: 'CUT' }
  /** They stay open, and nothing passes. */
  | { readonly how: 'SILENT' }
  /** Each piece passes so much later, in either direction. */
  | { readonly how: 'SLOW'; readonly ms: number }
  /** Each connection breaks after so many bytes from the server. */
  | { readonly how: 'CUT_AFTER'; readonly bytes: number }
  /** A connection breaks before the server's word that it committed passes. */
  | { readonly how: 'LOSE_COMMITS' };

interface Pair {
  readonly near: net.Socket;
  readonly far: net.Socket;
  bytes: number;
  /** Whether something was lost of it: it never passes anything again. */
  isLost: boolean;
}

export class Proxy {
  /** How many answers to COMMIT were lost. */
  lostCommits = 0;
  private readonly pairs = new Set<Pair>();
  private carriage: Carriage = { how: 'PASS' };

  private constructor(
    private readonly server: net.Server,
    private target: { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (near) => {
      this.join(near);
    });
  }

  /** @param target "http://127.0.0.1:4000", "postgresql://…" */
  static async open(target: string): Promise<Proxy> {
    const server = net.createServer();
    const proxy = new Proxy(server, addressOf(target));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** An address by way of the proxy. */
  through(target: string): string {
    const url = new URL(target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as net.AddressInfo).port);
    return url.href.replace(/\/$/, '');
  }

  /** New connections lead to another server. */
  lead(target: string): void {
    this.target = addressOf(target);
  }

  carry(carriage: Carriage): void {
    this.carriage = carriage;
    for (const pair of this.pairs) {
      pair.bytes = 0;
      if (carriage.how === 'CUT' || pair.isLost) this.break(pair);
    }
  }

  close(): void {
    this.server.close();
    for (const { near, far } of this.pairs) {
      near.destroy();
      far.destroy();
    }
  }

  private join(near: net.Socket): void {
    const far = net.connect(this.target.port, this.target.host);
    const pair: Pair = { near, far, bytes: 0, isLost: false };
    this.pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.once('close', () => {
        // The other end does not hear of it where nothing passes any more.
        if (!pair.isLost) this.break(pair);
      });
      from.on('data', (piece: Buffer) => {
        this.pass(pair, piece, to);
      });
    }
    if (this.carriage.how === 'CUT') this.break(pair);
  }

  private pass(pair: Pair, piece: Buffer, to: net.Socket): void {
    if (pair.isLost) return;
    const { carriage } = this;
    if (carriage.how === 'SILENT') {
      pair.isLost = true;
    } else if (carriage.how === 'SLOW') {
      setTimeout(() => {
        if (!to.destroyed) to.write(piece);
      }, carriage.ms);
    } else if (to === pair.near && this.isCutBy(pair, piece)) {
      this.break(pair);
    } else {
      to.write(piece);
    }
  }

  /** Whether a connection breaks before a piece from the server passes. */
  private isCutBy(pair: Pair, piece: Buffer): boolean {
    const { carriage } = this;
    if (carriage.how === 'CUT_AFTER') {
      pair.bytes += piece.length;
      return pair.bytes > carriage.bytes;
    }
    const isLost = carriage.how === 'LOSE_COMMITS' && piece.includes(COMMITTED);
    if (isLost) this.lostCommits += 1;
    return isLost;
  }

  private break(pair: Pair): void {
    this.pairs.delete(pair);
    pair.near.resetAndDestroy();
    pair.far.destroy();
  }
}

function addressOf(target: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(target);
  return { host: hostname, port: Number(port) };
}
