// What happens as time passes (a deployment's burn reaches a threshold, a grant, an expiry, the end of a cycle) happens
// when it is due, on any gateway: each looks for due accounts four times a second and settles them. Being late
// changes nothing in the result (clock.ts), only when it is announced. An account that another transaction holds is
// skipped, so that other accounts do not wait for it: most writes settle the account themselves, and the next poll
// finds it if they did not.

import { nowOf } from '../account/account.ts';
import type { Clock } from '../core/clock.ts';
import { Repeating } from '../core/repeating.ts';
import type { Database } from '../db/database.ts';
import { sqlState } from '../db/sql-state.ts';
import { lockDueAccount } from './due.store.ts';
import type { SettlementService } from './settlement.service.ts';
import { findDue } from './state.store.ts';

const POLL_MS = 250;
const ACCOUNTS_PER_POLL = 200;
/** An account that cannot be settled (a fault of ours) is not tried four times a second, so that it does not delay others. */
const RETRY_MS = 30_000;
/** Lock timeouts and deadlocks, which pass by themselves. */
const PASSING = new Set(['55P03', '40P01']);

export class DueLoop {
  private readonly repeating: Repeating;
  private readonly failed = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly settlements: SettlementService,
    private readonly onError: (error: unknown) => void,
  ) {
    this.repeating = new Repeating(POLL_MS, () => this.settleDue(), onError);
  }

  /** Settles what becomes due, and what became due while no gateway was running, until `stop`. */
  start(): void {
    this.repeating.start();
  }

  /** Ends after the settlements in progress. */
  async stop(): Promise<void> {
    await this.repeating.stop();
  }

  /** Settles every due account that is not locked. */
  async settleDue(): Promise<void> {
    for (;;) {
      const nowMs = this.clock.nowMs();
      const due = await this.database.inSnapshot('system', (tx) =>
        findDue(tx, { byMs: nowMs, limit: ACCOUNTS_PER_POLL + this.failed.size }),
      );
      this.forgetSettled(due);
      const accountIds = due.filter((id) => (this.failed.get(id) ?? 0) <= nowMs);
      const settled = await this.settleEach(accountIds);
      if (this.repeating.isStopping || settled === 0 || accountIds.length < ACCOUNTS_PER_POLL)
        return;
    }
  }

  // Another gateway may have settled what failed here.
  private forgetSettled(due: readonly number[]): void {
    const waiting = new Set(due);
    for (const id of this.failed.keys()) if (!waiting.has(id)) this.failed.delete(id);
  }

  /** @returns how many it settled; the others are locked, or failed */
  private async settleEach(accountIds: readonly number[]): Promise<number> {
    // Each spends most of its time waiting for the database. Half of the connections are left to requests.
    const atOnce = Math.max(1, Math.floor(this.database.poolSize / 2));
    const waiting = accountIds.values();
    let settled = 0;
    const settleNext = async (): Promise<void> => {
      for (const accountId of waiting) {
        if (this.repeating.isStopping) return;
        if (await this.settle(accountId)) settled += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, settleNext));
    return settled;
  }

  private async settle(accountId: number): Promise<boolean> {
    try {
      const isSettled = await this.database.inTransaction({ accountId }, async (tx) => {
        const nowMs = this.clock.nowMs();
        const locked = await lockDueAccount(tx, accountId, nowMs);
        if (locked === null) return false;
        const { account, databaseMs } = locked;
        // Never ahead of the database: bookings cannot be undone.
        const atMs = nowOf(account, Math.min(nowMs, databaseMs));
        await this.settlements.move({ tx, account }, atMs, () => Promise.resolve());
        return true;
      });
      this.failed.delete(accountId);
      return isSettled;
    } catch (error) {
      // Another write held one of its rows for too long: the next poll tries again.
      if (PASSING.has(sqlState(error) ?? '')) return false;
      this.failed.set(accountId, this.clock.nowMs() + RETRY_MS);
      this.onError(error);
      return false;
    }
  }
}
