// What time alone brings about (a threshold that a burning deployment crosses, a grant, an expiry, the end of a cycle) happens
// when it is due, whichever gateway is up: each looks for due accounts four times a second and settles them. Late or early
// makes no difference to what comes out (clock.ts), only to when it is told.

import type { Clock } from '../core/clock.ts';
import { type Database, sqlState } from '../db/database.ts';
import type { SettlementService } from './settlement.service.ts';
import { findDue } from './state.store.ts';

const POLL_MS = 250;
const ACCOUNTS_PER_POLL = 200;
const AT_ONCE = 4;
/** An account that cannot be settled (a fault of ours) must not be tried four times a second, nor keep others from it. */
const RETRY_MS = 30_000;
/** Lock timeouts and deadlocks. */
const PASSING = new Set(['55P03', '40P01']);

export class DueService {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isStopped = true;
  private readonly failed = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly settlements: SettlementService,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Settles what became due while no gateway was up, and from now on what becomes due, until `stop`. */
  async start(): Promise<void> {
    this.isStopped = false;
    await this.settleDue();
    this.schedule();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.running;
  }

  /** Settles every account that has something due. */
  async settleDue(): Promise<void> {
    for (;;) {
      const nowMs = this.clock.nowMs();
      const due = await this.database.inSnapshot((tx) =>
        findDue(tx, { byMs: nowMs, limit: ACCOUNTS_PER_POLL + this.failed.size }),
      );
      const accountIds = due.filter((id) => (this.failed.get(id) ?? 0) <= nowMs);
      await this.settleEach(accountIds);
      if (accountIds.length < ACCOUNTS_PER_POLL) return;
    }
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.running = this.settleDue()
        .catch(this.onError)
        .finally(() => {
          if (!this.isStopped) this.schedule();
        });
    }, POLL_MS);
    this.timer.unref();
  }

  private async settleEach(accountIds: readonly number[]): Promise<void> {
    const waiting = accountIds.values();
    const settleNext = async (): Promise<void> => {
      for (const accountId of waiting) await this.settle(accountId);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, settleNext));
  }

  private async settle(accountId: number): Promise<void> {
    try {
      await this.settlements.settle(accountId);
      this.failed.delete(accountId);
    } catch (error) {
      // Another write held the account for long: the next poll tries again.
      if (PASSING.has(sqlState(error) ?? '')) return;
      this.failed.set(accountId, this.clock.nowMs() + RETRY_MS);
      this.onError(error);
    }
  }
}
