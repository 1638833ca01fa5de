// Live balances. An account's state is kept as it was settled last and taken on in memory by the clock, so ticks cost no
// statement, and what comes about by time (a level that is crossed, a grant, the end of a cycle) is told at its own instant.
// What is written is noticed by one look a second at the versions of all accounts that someone watches.

import DataLoader from 'dataloader';
import { nowOf } from '../account/account.ts';
import type { Clock } from '../core/clock.ts';
import { type Balance, balanceAt } from '../credits/balance.service.ts';
import { advance, nextDueMs } from '../engine/clock.ts';
import { Draft } from '../engine/draft.ts';
import type { AccountState } from '../engine/state.ts';
import { loadStates } from '../settlement/state.store.ts';
import type { Database } from '../db/database.ts';
import { loadVersions } from './alerts.store.ts';
import { EventQueue } from './event-queue.ts';

interface Watcher {
  readonly everyMs: number;
  readonly queue: EventQueue<Balance>;
  nextTickMs: number;
}

/** An account that is watched. */
interface Watched {
  readonly accountId: number;
  readonly watchers: Set<Watcher>;
  /** Ticks are counted from here. */
  anchorMs: number;
  live: Live | null;
}

/** The state of an account, taken on to where it was told last. */
interface Live {
  readonly version: string;
  readonly state: AccountState;
  /** When something comes about by itself next. */
  readonly dueMs: number;
}

export class BalanceFeed {
  private readonly accounts = new Map<number, Watched>();
  private readonly states: DataLoader<number, Live | null>;
  private readonly nudged = new Set<number>();
  private isLooking = false;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly onError: (error: unknown) => void,
  ) {
    this.states = new DataLoader(
      async (accountIds) => {
        const found = await this.readInTurn(accountIds, () => true);
        return accountIds.map((accountId) => found.get(accountId) ?? null);
      },
      { cache: false, batchScheduleFn: (read) => setImmediate(read) },
    );
  }

  /** The balance of an account now, at every change, and every `everyMs` while it burns. Null: no such account. */
  async subscribe(accountId: number, everyMs: number): Promise<AsyncGenerator<Balance> | null> {
    const watched = this.watch(accountId);
    const watcher: Watcher = {
      everyMs,
      nextTickMs: Infinity,
      queue: new EventQueue({
        onEnd: () => {
          watched.watchers.delete(watcher);
          if (watched.watchers.size === 0) this.accounts.delete(accountId);
        },
      }),
    };
    watched.watchers.add(watcher);
    try {
      const live = await this.states.load(accountId);
      if (live === null) {
        await watcher.queue.return();
        return null;
      }
      // Those who are there first: taking the state on for this one would pass over what they are to be told.
      this.tellNow(watched);
      const nowMs = this.nowOf(watched.live?.state ?? live.state);
      watcher.queue.replace(balanceAt(this.takeOn(watched, nowMs) ?? live.state));
      const ticks = Math.floor((nowMs - watched.anchorMs) / everyMs) + 1;
      watcher.nextTickMs = watched.anchorMs + ticks * everyMs;
      return watcher.queue;
    } catch (error) {
      await watcher.queue.return();
      throw error;
    }
  }

  /** Looks soon whether an account was written to. */
  nudge(accountId: number): void {
    if (!this.accounts.has(accountId)) return;
    this.nudged.add(accountId);
    this.look();
  }

  /** Looks which accounts were written to. */
  nudgeAll(): void {
    for (const accountId of this.accounts.keys()) this.nudge(accountId);
  }

  /** Tells what came about by time since the last call. No statement. */
  tick(): void {
    for (const watched of this.accounts.values()) this.tellNow(watched);
  }

  stop(): void {
    for (const { watchers } of [...this.accounts.values()]) {
      for (const { queue } of [...watchers]) void queue.return();
    }
  }

  private watch(accountId: number): Watched {
    const known = this.accounts.get(accountId);
    if (known !== undefined) return known;
    const anchorMs = this.clock.nowMs();
    const watched: Watched = { accountId, watchers: new Set(), anchorMs, live: null };
    this.accounts.set(accountId, watched);
    return watched;
  }

  private nowOf(state: AccountState): number {
    return nowOf({ isTest: state.isTest, settledAtMs: state.atMs }, this.clock.nowMs());
  }

  /** Takes the kept state on to an instant. @returns it there; null while there is none */
  private takeOn(watched: Watched, atMs: number): AccountState | null {
    const { live } = watched;
    if (live === null) return null;
    if (atMs <= live.state.atMs) return live.state;
    const draft = advance(live.state, atMs);
    const dueMs = atMs < live.dueMs ? live.dueMs : dueOf(draft);
    watched.live = { ...live, state: draft.state, dueMs };
    return draft.state;
  }

  private tellNow(watched: Watched): void {
    const { live } = watched;
    if (live === null || live.state.isTest) return;
    const nowMs = this.nowOf(live.state);
    this.tellDue(watched, nowMs);
    this.tellTicks(watched, nowMs);
  }

  private tellDue(watched: Watched, nowMs: number): void {
    while (watched.live !== null && watched.live.dueMs <= nowMs) {
      const state = this.takeOn(watched, watched.live.dueMs);
      if (state !== null) tell(watched.watchers, balanceAt(state));
    }
  }

  private tellTicks(watched: Watched, nowMs: number): void {
    const due = new Map<number, Watcher[]>();
    for (const watcher of watched.watchers) {
      if (watcher.nextTickMs > nowMs) continue;
      const passed = Math.floor((nowMs - watcher.nextTickMs) / watcher.everyMs);
      const tickMs = watcher.nextTickMs + passed * watcher.everyMs;
      watcher.nextTickMs = tickMs + watcher.everyMs;
      due.set(tickMs, [...(due.get(tickMs) ?? []), watcher]);
    }
    for (const [tickMs, watchers] of [...due].sort(([a], [b]) => a - b)) {
      const before = watched.live?.state;
      if (before === undefined || before.running.length === 0 || tickMs <= before.atMs) continue;
      const state = this.takeOn(watched, tickMs);
      if (state !== null) tell(watchers, balanceAt(state));
    }
  }

  private look(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    setImmediate(() => {
      void this.lookAtNudged()
        .catch(this.onError)
        .finally(() => {
          this.isLooking = false;
        });
    });
  }

  private async lookAtNudged(): Promise<void> {
    while (this.nudged.size > 0) {
      const accountIds = [...this.nudged];
      this.nudged.clear();
      const isChanged = (accountId: number, version: string): boolean =>
        this.accounts.get(accountId)?.live?.version !== version;
      await this.readInTurn(accountIds, isChanged);
    }
  }

  // One after the other: a read that overtook another would take an account back.
  private async readInTurn(
    accountIds: readonly number[],
    isWanted: (accountId: number, version: string) => boolean,
  ): Promise<ReadonlyMap<number, Live>> {
    const reading = this.reading.then(async () => {
      const found = await this.read(accountIds, isWanted);
      for (const [accountId, live] of found) this.renew(accountId, live);
      return found;
    });
    this.reading = reading.then(
      () => undefined,
      () => undefined,
    );
    return reading;
  }

  /** Accounts as they were settled last, those of which the version is wanted. */
  private async read(
    accountIds: readonly number[],
    isWanted: (accountId: number, version: string) => boolean,
  ): Promise<ReadonlyMap<number, Live>> {
    return this.database.inSnapshot(async (tx) => {
      const versions = await loadVersions(tx, accountIds);
      const wanted = [...versions].filter(([accountId, version]) => isWanted(accountId, version));
      if (wanted.length === 0) return new Map();
      const states = await loadStates(
        tx,
        wanted.map(([accountId]) => accountId),
      );
      return new Map(
        wanted.flatMap(([accountId, version]) => {
          const state = states.get(accountId);
          if (state === undefined) return [];
          return [[accountId, { version, state, dueMs: dueOf(new Draft(state)) }] as const];
        }),
      );
    });
  }

  /** Puts a state that was read in the place of the one that is kept, and tells it when it differs. */
  private renew(accountId: number, read: Live): void {
    const watched = this.accounts.get(accountId);
    if (watched === undefined || watched.live?.version === read.version) return;
    const { live } = watched;
    if (live !== null) {
      this.replace(watched, live, read);
      return;
    }
    watched.live = read;
    this.takeOn(watched, this.nowOf(read.state));
  }

  private replace(watched: Watched, before: Live, read: Live): void {
    // Ticks that are due are told of what is kept: what is read is taken on past them.
    if (!before.state.isTest) this.tellTicks(watched, this.nowOf(before.state));
    const kept = watched.live?.state ?? before.state;
    watched.live = read;
    // The clock of a test account stands where the account does; any other was told up to where it was kept.
    const toldMs = read.state.isTest ? 0 : kept.atMs;
    const after = this.takeOn(watched, Math.max(this.nowOf(read.state), toldMs)) ?? read.state;
    // What came about by time and was not told yet is in what was settled: comparing would find nothing new.
    if (before.dueMs <= after.atMs) tell(watched.watchers, balanceAt(after));
    else tellChange(watched.watchers, kept, after);
  }
}

function tellChange(watchers: Iterable<Watcher>, kept: AccountState, after: AccountState): void {
  const before = after.isTest ? kept : advance(kept, after.atMs).state;
  const balance = balanceAt(after);
  if (shown(balanceAt(before)) !== shown(balance)) tell(watchers, balance);
}

function dueOf(draft: Draft): number {
  return draft.state.isTest ? Infinity : nextDueMs(draft);
}

function tell(watchers: Iterable<Watcher>, balance: Balance): void {
  // Who is slow gets the latest: an older balance is of no use to anybody.
  for (const { queue } of watchers) queue.replace(balance);
}

/** All of a balance that is shown, but for when it was. */
function shown({ position, burnMicroPerHour, exhaustsAtMs, stopsAtMs }: Balance): string {
  const { allocatedMicro, usedMicro, balanceMicro } = position.credits;
  const amounts = [allocatedMicro, usedMicro, balanceMicro, burnMicroPerHour];
  return [...amounts, position.state, exhaustsAtMs, stopsAtMs].join();
}
