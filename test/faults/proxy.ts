// A TCP proxy before a gateway or its database that is faulty on demand.

import net from 'node:net';
import { once } from 'node:events';

/** What the server says when a transaction was committed. */
const COMMITTED = Buffer.from('COMMIT\0');
/** How its answers end when it waits for the next statement, outside of a transaction. */
const IDLE = Buffer.from('Z\0\0\0\x05I');

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
  /** What passed last, if it came from the server. */
  answered: Buffer | null;
  /** Takes what the server says in the client's place. What the client says meanwhile is kept. */
  asking: { readonly take: (piece: Buffer) => void; readonly kept: Buffer[] } | null;
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

  /**
   * Asks a database for a value on each connection whose client is between two transactions, as what comes next on it would find it.
   * Nothing else may be wrong meanwhile.
   */
  askBetween(select: string): Promise<readonly (string | null)[]> {
    const idle = [...this.pairs].filter(({ answered }) =>
      answered?.subarray(-IDLE.length).equals(IDLE),
    );
    return Promise.all(idle.map((pair) => ask(pair, select)));
  }

  private join(near: net.Socket): void {
    const far = net.connect(this.target.port, this.target.host);
    const pair: Pair = { near, far, bytes: 0, isLost: false, answered: null, asking: null };
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
    const isAnswer = to === pair.near;
    if (pair.asking !== null) {
      if (isAnswer) pair.asking.take(piece);
      else pair.asking.kept.push(piece);
      return;
    }
    pair.answered = isAnswer ? piece : null;
    const { carriage } = this;
    if (carriage.how === 'SILENT') {
      pair.isLost = true;
    } else if (carriage.how === 'SLOW') {
      setTimeout(() => {
        if (!to.destroyed) to.write(piece);
      }, carriage.ms);
    } else if (isAnswer && this.isCutBy(pair, piece)) {
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

async function ask(pair: Pair, select: string): Promise<string | null> {
  const answer = await new Promise<Buffer>((resolve) => {
    let taken = Buffer.alloc(0);
    const kept: Buffer[] = [];
    const end = (): void => {
      pair.far.off('close', end);
      pair.asking = null;
      for (const one of kept) pair.far.write(one);
      resolve(taken);
    };
    const take = (piece: Buffer): void => {
      taken = Buffer.concat([taken, piece]);
      if (taken.subarray(-IDLE.length).equals(IDLE)) end();
    };
    pair.asking = { take, kept };
    pair.far.once('close', end);
    pair.far.write(messageOf('Q', `${select}\0`));
  });
  return firstValueIn(answer);
}

/** A message of PostgreSQL's protocol: its type, its length with the length itself, and what it says. */
function messageOf(type: string, text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** The first value of the first row. */
function firstValueIn(answer: Buffer): string | null {
  for (let from = 0; from < answer.length; from += 1 + answer.readInt32BE(from + 1)) {
    if (answer.toString('latin1', from, from + 1) !== 'D') continue;
    // After the type, the length and the number of values.
    const length = answer.readInt32BE(from + 7);
    return length < 0 ? null : answer.toString('utf8', from + 11, from + 11 + length);
  }
  return null;
}

function addressOf(target: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(target);
  return { host: hostname, port: Number(port) };
}
