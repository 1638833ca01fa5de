// Keeps the rollups close behind the events. Any gateway can fold any account. The lock on the account's rollup state
// keeps two from folding the same chunk, and views are exact however far folding is behind.

import type { Database, Tx } from '../db/database.ts';
import { sqlState } from '../db/sql-state.ts';
import { accountsToFold, EVENTS_PER_FOLD, foldOnce } from './rollups.store.ts';
import { foldUnitsOnce } from './units.store.ts';

/** How long to collect events before folding them together: folding each commit alone would cost more than it saves. */
const GATHER_MS = 200;
/** How often to look for accounts that nobody nudged: left over from another gateway, or with segments that ended. */
const SWEEP_MS = 2_000;
/** A chunk that takes too long is halved, but not below this. */
const EVENTS_PER_FOLD_MIN = 500;
const QUERY_CANCELED = '57014';

export class FoldingLoop {
  private readonly waiting = new Set<number>();
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isStopped = true;
  private sweepDueMs = 0;

  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Folds until `stop`. */
  start(): void {
    this.isStopped = false;
    this.schedule(0);
  }

  /** Notes that an account has something new to fold. */
  nudge(accountId: number): void {
    this.waiting.add(accountId);
    if (!this.isStopped) this.schedule(GATHER_MS);
  }

  /** Ends after the current chunk. */
  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.running;
  }

  /** Folds everything once, as the loop does. For tests and benchmarks. */
  async foldAll(): Promise<void> {
    const accountIds = await this.database.inSnapshot('system', (tx) => accountsToFold(tx));
    await this.foldEach(accountIds, () => false);
  }

  private schedule(delayMs: number): void {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.running = this.run().finally(() => {
        this.timer = null;
        if (!this.isStopped) this.schedule(this.waiting.size > 0 ? GATHER_MS : SWEEP_MS);
      });
    }, delayMs);
    this.timer.unref();
  }

  private async run(): Promise<void> {
    try {
      await this.sweep();
      const accountIds = [...this.waiting];
      this.waiting.clear();
      await this.foldEach(accountIds, () => this.isStopped);
    } catch (error) {
      this.onError(error);
    }
  }

  private async sweep(): Promise<void> {
    const elapsedMs = performance.now();
    if (elapsedMs < this.sweepDueMs) return;
    this.sweepDueMs = elapsedMs + SWEEP_MS;
    const found = await this.database.inSnapshot('system', (tx) => accountsToFold(tx));
    for (const accountId of found) this.waiting.add(accountId);
  }

  private async foldEach(accountIds: readonly number[], isOver: () => boolean): Promise<void> {
    for (const accountId of accountIds) {
      try {
        await this.foldAccount(accountId, isOver);
      } catch (error) {
        // An account that cannot be folded does not keep others from it; the next sweep tries it again.
        this.onError(error);
      }
    }
  }

  // Each chunk has its own transaction, so that voids of the account wait for one chunk at most.
  private async foldAccount(accountId: number, isOver: () => boolean): Promise<void> {
    let events = EVENTS_PER_FOLD;
    const fold = async (tx: Tx): Promise<boolean> => {
      const hasMoreEvents = await foldOnce(tx, accountId, events);
      return (await foldUnitsOnce(tx, accountId, events)) || hasMoreEvents;
    };
    let hasMore = true;
    while (hasMore && !isOver()) {
      try {
        hasMore = await this.database.inTransaction({ accountId }, fold);
      } catch (error) {
        // If the database is too busy for this chunk, the same chunk would fail again and again.
        if (sqlState(error) !== QUERY_CANCELED || events <= EVENTS_PER_FOLD_MIN) throw error;
        events = Math.max(EVENTS_PER_FOLD_MIN, Math.floor(events / 2));
      }
    }
  }
}
