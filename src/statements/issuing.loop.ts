// Statements are issued soon after their cycles have ended, on any gateway: each looks for accounts that have none of a cycle yet. A
// cycle often ends for many accounts at the same instant, and nobody waits for their statements, so few are made at a time.

import type { Clock } from '../core/clock.ts';
import type { Database } from '../db/database.ts';
import type { StatementService } from './statements.service.ts';
import { findWithoutStatement } from './statements.store.ts';

const POLL_MS = 1_000;
const ACCOUNTS_PER_READ = 100;
const AT_ONCE = 2;
/** An account whose statement cannot be issued is not tried every second. */
const RETRY_MS = 60_000;

export class IssuingLoop {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isStopping = false;
  private readonly failed = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly statements: StatementService,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Issues what is missing until `stop`. Without keys that sign it does nothing. */
  start(): void {
    if (!this.statements.keys.canSign) return;
    this.isStopping = false;
    // The public key is there before the first statement.
    this.schedule(0, async () => {
      await this.statements.keys.ensureFirst();
      await this.issueAll();
    });
  }

  /** Ends after the statements in progress. */
  async stop(): Promise<void> {
    this.isStopping = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.running;
  }

  /** Issues every statement that is missing. */
  async issueAll(): Promise<void> {
    for (let afterId = 0; ;) {
      const page = { afterId, limit: ACCOUNTS_PER_READ };
      const accountIds = await this.database.inSnapshot('system', (tx) =>
        findWithoutStatement(tx, page),
      );
      if (accountIds.length > 0) await this.statements.keys.ensureFirst();
      await this.issueEach(accountIds);
      const last = accountIds.at(-1);
      if (this.isStopping || last === undefined || accountIds.length < ACCOUNTS_PER_READ) return;
      afterId = last;
    }
  }

  private schedule(delayMs: number, work = (): Promise<void> => this.issueAll()): void {
    this.timer = setTimeout(() => {
      this.running = work()
        .catch(this.onError)
        .finally(() => {
          if (!this.isStopping) this.schedule(POLL_MS);
        });
    }, delayMs);
    this.timer.unref();
  }

  private async issueEach(accountIds: readonly number[]): Promise<void> {
    const waiting = [...accountIds];
    const issueNext = async (): Promise<void> => {
      while (!this.isStopping) {
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
