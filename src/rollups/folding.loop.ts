// Keeps the rollups close behind the events, many accounts at a time. An account is folded once it has a thousand events to fold,
// or its oldest has waited for a minute: folding each commit alone would cost more than it saves, and views are exact however far
// folding is behind. Each gateway folds what it recorded, and what it finds that others left. The lock on the account's rollup state
// keeps two from folding the same events.

import { InvariantError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { sqlState } from '../db/sql-state.ts';
import { findBehind, findDue, findSegmentsDue } from './due.store.ts';
import { ACCOUNTS_PER_FOLD, EVENTS_PER_FOLD, foldTogether } from './fold.store.ts';
import { FailedAccounts } from './failed-accounts.ts';
import { prepareNext } from './prepare.store.ts';

/** An account with so many events to fold is due. */
const EVENTS_TO_FOLD = 1_000;
/** How long an account's events may wait. Less than DUE_LATER, so that other gateways leave them to this one. */
const WAIT_MS = 60_000;
/** How often to look for accounts that have waited. */
const TICK_MS = 2_000;
/** From when an account is due at once until it is folded: the more events come in meanwhile, the less each costs. */
const GATHER_MS = 500;
/** One with so many gathers no more: an event would hardly cost less, and views read all that is not folded. */
const EVENTS_TO_FOLD_NOW = 10_000;
/** How often to look for segments that ended: they cost a view little. */
const SEGMENTS_SWEEP_MS = 30_000;
/** How often to look at all accounts, beside the start: for what nobody marked, as an account that moved and records nothing. */
const FULL_SWEEP_MS = 3_600_000;
/** A chunk that takes too long is halved, but not below this. */
const EVENTS_PER_FOLD_MIN = 500;
const QUERY_CANCELED = '57014';
const LOCK_NOT_AVAILABLE = '55P03';
/** Classes of errors that come of the data: of values, constraints, limits, triggers, and broken pages. */
const OF_DATA = /^(22|23|54|P0|XX)/;

interface Waiting {
  readonly sinceMs: number;
  events: number;
}

export class FoldingLoop {
  /** Accounts for which something was recorded here, those first that wait longest. */
  private readonly waiting = new Map<number, Waiting>();
  private readonly due = new Set<number>();
  private readonly failed = new FailedAccounts();
  private timer: NodeJS.Timeout | null = null;
  private timerDueMs = Infinity;
  private running: Promise<void> = Promise.resolve();
  private isStopped = true;
  /** Whether the last look ended in an error: then the next one waits for its time, whatever comes in. */
  private hasFailed = false;
  private segmentsDueMs = -Infinity;
  private fullDueMs = -Infinity;

  /** @param elapsedMs a clock that only goes forward */
  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
    private readonly elapsedMs: () => number = () => performance.now(),
  ) {}

  /** Folds until `stop`. */
  start(): void {
    this.isStopped = false;
    this.schedule(0);
  }

  /** Notes that an account has more events to fold. */
  nudge(accountId: number, events: number): void {
    const waiting = this.waiting.get(accountId) ?? { sinceMs: this.elapsedMs(), events: 0 };
    waiting.events += events;
    this.waiting.set(accountId, waiting);
    if (waiting.events < EVENTS_TO_FOLD) return;
    this.due.add(accountId);
    if (!this.isStopped && !this.hasFailed) this.schedule(gatherMs(waiting));
  }

  /** Ends after the current chunk. */
  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.running;
  }

  /** Folds what is due now, as the loop does. */
  async foldDue(isOver = (): boolean => false): Promise<void> {
    let behind: readonly number[] = [];
    do {
      // Looked for after each pass: what comes due meanwhile does not wait for an account that is far behind.
      await this.findDue();
      const failed = new Set(this.failed.at(this.elapsedMs()));
      const accountIds = [...new Set([...this.due, ...behind])];
      this.due.clear();
      // What comes of those that are left alone presses nobody.
      for (const accountId of failed) this.waiting.delete(accountId);
      behind = await this.foldPass(
        accountIds.filter((accountId) => !failed.has(accountId)),
        isOver,
      );
    } while (behind.length > 0 && !isOver());
    for (const accountId of behind) this.due.add(accountId);
  }

  /** Folds everything there is, due or not. For tests and benchmarks. */
  async foldAll(): Promise<void> {
    let behind = await this.findBehind();
    while (behind.length > 0) behind = await this.foldPass(behind, () => false);
  }

  private schedule(delayMs: number): void {
    const dueMs = this.elapsedMs() + delayMs;
    if (this.timer !== null) {
      if (this.timerDueMs <= dueMs) return;
      clearTimeout(this.timer);
    }
    this.timerDueMs = dueMs;
    this.timer = setTimeout(() => {
      this.running = this.run().then((pauseMs) => {
        this.timer = null;
        if (!this.isStopped) this.schedule(pauseMs);
      });
      this.timerDueMs = -Infinity;
    }, delayMs);
    this.timer.unref();
  }

  /** @returns after how long to look again */
  private async run(): Promise<number> {
    try {
      await this.foldDue(() => this.isStopped);
      this.hasFailed = false;
    } catch (error) {
      this.hasFailed = true;
      this.onError(error);
      return TICK_MS;
    }
    const pausesMs = [...this.due].map((accountId) => gatherMs(this.waiting.get(accountId)));
    return Math.min(TICK_MS, ...pausesMs);
  }

  private async findDue(): Promise<void> {
    const nowMs = this.elapsedMs();
    for (const [accountId, { sinceMs }] of this.waiting) {
      if (nowMs - sinceMs < WAIT_MS) break;
      this.due.add(accountId);
    }
    const except = this.failed.at(nowMs);
    const found = await this.database.inSnapshot('system', async (tx) => {
      const ofEvents = await findDue(tx, except, ACCOUNTS_PER_FOLD);
      if (nowMs < this.segmentsDueMs) return ofEvents;
      this.segmentsDueMs = nowMs + SEGMENTS_SWEEP_MS;
      return [...ofEvents, ...(await findSegmentsDue(tx, except, ACCOUNTS_PER_FOLD))];
    });
    for (const accountId of found) this.due.add(accountId);
    if (nowMs < this.fullDueMs) return;
    this.fullDueMs = nowMs + FULL_SWEEP_MS;
    for (const accountId of await this.findBehind()) this.due.add(accountId);
  }

  private async findBehind(): Promise<readonly number[]> {
    return this.database.inSnapshot('system', (tx) => findBehind(tx));
  }

  // Each chunk has its own transaction, so that voids wait for one chunk at most.
  /** @returns the accounts that have more to fold */
  private async foldPass(
    accountIds: readonly number[],
    isOver: () => boolean,
  ): Promise<readonly number[]> {
    const left = [...accountIds];
    const behind: number[] = [];
    const perFold = this.database.isDistributed ? 1 : ACCOUNTS_PER_FOLD;
    while (left.length > 0 && !isOver()) {
      const chunk = left.splice(0, perFold);
      for (const accountId of chunk) this.waiting.delete(accountId);
      behind.push(...(await this.foldChunk(chunk, EVENTS_PER_FOLD)));
    }
    return [...left, ...behind];
  }

  /** @returns the accounts that have more to fold */
  private async foldChunk(
    accountIds: readonly number[],
    eventsMax: number,
  ): Promise<readonly number[]> {
    try {
      const { behind, elsewhere, toPrepare } = await this.database.inTransaction('system', (tx) =>
        foldTogether(tx, accountIds, eventsMax),
      );
      for (const accountId of elsewhere) this.nudge(accountId, 0);
      this.failed.forget(accountIds.filter((accountId) => !toPrepare.includes(accountId)));
      const prepared: number[] = [];
      for (const accountId of toPrepare) {
        if (await this.prepare(accountId)) prepared.push(accountId);
      }
      return [...behind, ...prepared];
    } catch (error) {
      return this.foldApart(accountIds, eventsMax, error);
    }
  }

  // A step that fails would fail again with fewer events: so the account is left alone at once. @returns whether the step was taken
  private async prepare(accountId: number): Promise<boolean> {
    try {
      await this.database.inTransaction({ accountId }, (tx) => prepareNext(tx, accountId));
      this.failed.forget([accountId]);
      return true;
    } catch (error) {
      this.failed.add(accountId, this.elapsedMs());
      this.onError(
        new Error(`Account ${accountId} cannot be prepared for folding.`, { cause: error }),
      );
      return false;
    }
  }

  // Halves a chunk that failed until the account that is to blame is alone, or until no statement takes too long.
  private async foldApart(
    accountIds: readonly number[],
    eventsMax: number,
    error: unknown,
  ): Promise<readonly number[]> {
    const [only] = accountIds;
    const isLocked = sqlState(error) === LOCK_NOT_AVAILABLE && accountIds.length > 1;
    if ((!isOfData(error) && !isLocked) || only === undefined) {
      this.onError(error);
      for (const accountId of accountIds) this.nudge(accountId, 0);
      return [];
    }
    if (accountIds.length > 1) {
      const middle = accountIds.length >> 1;
      return [
        ...(await this.foldChunk(accountIds.slice(0, middle), eventsMax)),
        ...(await this.foldChunk(accountIds.slice(middle), eventsMax)),
      ];
    }
    if (sqlState(error) === QUERY_CANCELED && eventsMax > EVENTS_PER_FOLD_MIN) {
      return this.foldChunk(accountIds, Math.max(EVENTS_PER_FOLD_MIN, eventsMax >> 1));
    }
    this.failed.add(only, this.elapsedMs());
    this.onError(new Error(`Account ${only} cannot be folded.`, { cause: error }));
    return [];
  }
}

function gatherMs(waiting?: Waiting): number {
  return waiting !== undefined && waiting.events >= EVENTS_TO_FOLD_NOW ? 0 : GATHER_MS;
}

/** Whether the accounts of a chunk may be to blame, and not the connection, the server or the schema. */
function isOfData(error: unknown): boolean {
  if (error instanceof InvariantError) return true;
  const state = sqlState(error);
  return state !== null && (state === QUERY_CANCELED || OF_DATA.test(state));
}
