// What every resolver of one request shares: who asks, one fixed now, and one snapshot of the database, so that all
// figures of an answer are of the same state and add up.

import type { Clock } from '../core/clock.ts';
import type { Actor } from '../core/identity.ts';
import type { Database, Snapshot, Tx } from '../db/database.ts';

export class RequestContext {
  private now: number;
  private snapshot: Promise<Snapshot> | null = null;
  private isOver = false;
  private memo = new Map<unknown, unknown>();

  constructor(
    readonly actor: Actor,
    private readonly database: Pick<Database, 'openSnapshot'>,
    private readonly clock: Clock,
  ) {
    this.now = clock.nowMs();
  }

  /** The request's now, epoch ms: it does not move while an answer is put together. */
  get nowMs(): number {
    return this.now;
  }

  /** The request's snapshot; opened at the first read. */
  async reader(): Promise<Tx> {
    // Where an error ended the answer early, fields that still work must not open what nobody would close.
    if (this.isOver) throw new Error('the answer is complete');
    this.snapshot ??= this.database.openSnapshot();
    return (await this.snapshot).tx;
  }

  /** What `make` gave when this request first called for it: a request's loaders. */
  once<T>(make: (context: RequestContext) => T): T {
    if (!this.memo.has(make)) this.memo.set(make, make(this));
    // What is stored under a function is what it gave.
    return this.memo.get(make) as T;
  }

  /** Before each root field of a mutation: what it reads afterwards must see what it wrote. */
  async renew(): Promise<void> {
    await this.closeSnapshot();
    this.now = this.clock.nowMs();
  }

  /** Ends the snapshot. Called when the answer is complete. */
  async dispose(): Promise<void> {
    this.isOver = true;
    await this.closeSnapshot();
  }

  private async closeSnapshot(): Promise<void> {
    const open = this.snapshot;
    this.snapshot = null;
    this.memo = new Map();
    if (open === null) return;
    const snapshot = await open.catch(() => null);
    await snapshot?.close();
  }
}
