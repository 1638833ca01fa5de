// What all resolvers of a request share: the caller, one fixed now, and one snapshot of the database, so that all
// figures of an answer are of the same state and add up.

import type { Clock } from '../core/clock.ts';
import { UnavailableError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import type { Database, Reads, Snapshot, Tx } from '../db/database.ts';
import { whoseOf } from '../db/whose.ts';

/** For an operation to be answered. */
export const OPERATION_WITHIN_MS = 10_000;

export interface RequestOptions {
  /** For the operation to be answered. */
  readonly withinMs?: number;
  /** What a read replica may answer; undefined: nothing. */
  readonly reads?: Reads | undefined;
}

export class RequestContext {
  private readonly withinMs: number;
  private reads: Reads | undefined;
  private now: number;
  private deadline: NodeJS.Timeout | undefined;
  private expiry: UnavailableError | null = null;
  private snapshot: Promise<Snapshot> | null = null;
  private isOver = false;
  private memo = new Map<unknown, unknown>();

  constructor(
    readonly actor: Actor,
    readonly database: Pick<Database, 'openSnapshot'>,
    private readonly clock: Clock,
    { withinMs = OPERATION_WITHIN_MS, reads }: RequestOptions = {},
  ) {
    this.withinMs = withinMs;
    this.reads = reads;
    this.now = clock.nowMs();
  }

  /** The request's now, epoch ms. It is fixed while the answer is built. */
  get nowMs(): number {
    return this.now;
  }

  /** The request's snapshot; opened at the first read. */
  async reader(): Promise<Tx> {
    // After an error ended the answer early, fields that still run must not open a snapshot that nobody would close.
    if (this.isOver) throw new Error('the answer is complete');
    if (this.expiry !== null) throw this.expiry;
    this.deadline ??= setTimeout(() => void this.expire(), this.withinMs).unref();
    this.snapshot ??= this.database.openSnapshot(whoseOf(this.actor), this.reads);
    return (await this.snapshot).tx;
  }

  /** The result of `make`, called once for each request: the request's loaders. */
  once<T>(make: (context: RequestContext) => T): T {
    if (!this.memo.has(make)) this.memo.set(make, make(this));
    // The memo holds under each function what that function returned.
    return this.memo.get(make) as T;
  }

  /** Called before each root field of a mutation: what it reads afterwards must include what it wrote. */
  async renew(): Promise<void> {
    await this.closeSnapshot();
    this.now = this.clock.nowMs();
  }

  /** Whether what was read is lost with a read replica. Then all can be read again, from the database itself. */
  async restart(): Promise<boolean> {
    const snapshot = await this.snapshot?.catch(() => null);
    if (snapshot?.isLost?.() !== true || this.expiry !== null) return false;
    this.reads = undefined;
    await this.closeSnapshot();
    return true;
  }

  /** Ends the snapshot. Called when the answer is complete. */
  async dispose(): Promise<void> {
    this.isOver = true;
    clearTimeout(this.deadline);
    await this.closeSnapshot();
  }

  // What has been read by then is answered; every field that still reads fails.
  private async expire(): Promise<void> {
    const seconds = this.withinMs / 1_000;
    const reason = new UnavailableError(
      `This operation took longer than ${seconds} s and was cancelled; ask for less at a time.`,
    );
    this.expiry = reason;
    const snapshot = await this.snapshot?.catch(() => null);
    snapshot?.cancel(reason);
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
