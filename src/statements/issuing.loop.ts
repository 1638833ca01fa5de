// Statements are issued soon after their cycles have ended, on any gateway: each looks for accounts that have none of a cycle yet. A
// cycle often ends for many accounts at the same instant, and nobody waits for their statements, so few are made at a time.

import type { Clock } from '../core/clock.ts';
import { Repeating } from '../core/repeating.ts';
import type { Database } from '../db/database.ts';
import type { StatementService } from './statements.service.ts';
import { findWithoutStatement } from './statements.store.ts';

const POLL_MS = 1_000;
const ACCOUNTS_PER_READ = 100;
const AT_ONCE = 2;
/** An account whose statement cannot be issued is not tried every second. */
const RETRY_MS = 60_000;

export class IssuingLoop {
  private readonly repeating: Repeating;
  private hasLooked = false;
  private readonly failed = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly statements: StatementService,
    private readonly onError: (error: unknown) => void,
  ) {
    this.repeating = new Repeating(POLL_MS, () => this.issueAll(), onError);
  }

  /** Issues what is missing until `stop`. Without keys that sign it does nothing. */
  start(): void {
    if (this.statements.keys.canSign) this.repeating.start();
  }

  /** Ends after the statements in progress. */
  async stop(): Promise<void> {
    await this.repeating.stop();
  }

  /** Issues every statement that is missing. */
  async issueAll(): Promise<void> {
    for (let afterId = 0; ;) {
      const page = { afterId, limit: ACCOUNTS_PER_READ };
      const accountIds = await this.database.inSnapshot('system', (tx) =>
        findWithoutStatement(tx, page),
      );
      // The public key is there before the first statement.
      if (accountIds.length > 0 || !this.hasLooked) await this.statements.keys.ensureFirst();
      this.hasLooked = true;
      await this.issueEach(accountIds);
      const last = accountIds.at(-1);
      if (this.repeating.isStopping || last === undefined || accountIds.length < ACCOUNTS_PER_READ)
        return;
      afterId = last;
    }
  }

  private async issueEach(accountIds: readonly number[]): Promise<void> {
    const waiting = [...accountIds];
    const issueNext = async (): Promise<void> => {
      while (!this.repeating.isStopping) {
        const accountId = waiting.shift();
        if (accountId === undefined) return;
        await this.issue(accountId);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, issueNext));
  }

  private async issue(accountId: number): Promise<void> {
    const nowMs = this.clock.nowMs();
    if ((this.failed.get(accountId) ?? 0) > nowMs) return;
    try {
      await this.statements.issue(accountId);
      this.failed.delete(accountId);
    } catch (error) {
      this.failed.set(accountId, nowMs + RETRY_MS);
      this.onError(error);
    }
  }
}
