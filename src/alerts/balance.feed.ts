// Live balances. The last settled state of an account is kept and advanced in memory by the clock. So ticks need no
// statement, and what happens as time passes (a level is reached, a grant, the end of a cycle) is sent at its instant.
// Writes are noticed by comparing, once a second, the versions of all watched accounts.

import DataLoader from 'dataloader';
import { nowOf, standsStill } from '../account/account.ts';
import type { Clock } from '../core/clock.ts';
import { type Balance, balanceAt } from '../credits/balance.service.ts';
import { advance, nextDueMs } from '../engine/clock.ts';
import { Draft } from '../engine/draft.ts';
import type { AccountState } from '../engine/state.ts';
import { loadStates } from '../settlement/state.store.ts';
import type { Database } from '../db/database.ts';
import { loadVersions } from './alerts.store.ts';
import { EventQueue } from './event-queue.ts';

/** What a subscriber asks for. */
export interface BalanceRequest {
  readonly everyMs: number;
  /** Whether it shows when the credits will be used up or what runs be stopped. */
  readonly withForecast: boolean;
}

interface Watcher extends BalanceRequest {
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

/** The state of an account, advanced to the last balance that was sent. */
interface Live {
  readonly version: string;
  readonly state: AccountState;
  /** The next instant at which something happens without a write. */
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
  async subscribe(
    accountId: number,
    request: BalanceRequest,
  ): Promise<AsyncGenerator<Balance> | null> {
    const { everyMs } = request;
    const watched = this.watch(accountId);
    const watcher: Watcher = {
      ...request,
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
      // Earlier watchers first: advancing the state for the new one would skip what they are to be sent.
      this.sendUntilNow(watched);
      const nowMs = this.nowOf(watched.live?.state ?? live.state);
      watcher.queue.replace(balanceAt(this.advanceTo(watched, nowMs) ?? live.state));
      const ticks = Math.floor((nowMs - watched.anchorMs) / everyMs) + 1;
      watcher.nextTickMs = watched.anchorMs + ticks * everyMs;
      return watcher.queue;
    } catch (error) {
      await watcher.queue.return();
      throw error;
    }
  }

  /** Checks soon whether an account was written. */
  nudge(accountId: number): void {
    if (!this.accounts.has(accountId)) return;
    this.nudged.add(accountId);
    this.look();
  }

  /** Checks which accounts were written. */
  nudgeAll(): void {
    for (const accountId of this.accounts.keys()) this.nudge(accountId);
  }

  /** Sends what has happened since the last call as time passed. No statement. */
  tick(): void {
    for (const watched of this.accounts.values()) this.sendUntilNow(watched);
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
    return nowOf({ ...state, settledAtMs: state.atMs }, this.clock.nowMs());
  }

  /** Advances the kept state to an instant. @returns it there; null while there is none */
  private advanceTo(watched: Watched, atMs: number): AccountState | null {
    const { live } = watched;
    if (live === null) return null;
    if (atMs <= live.state.atMs) return live.state;
    const draft = advance(live.state, atMs);
    const dueMs = atMs < live.dueMs ? live.dueMs : dueOf(draft);
    watched.live = { ...live, state: draft.state, dueMs };
    return draft.state;
  }

  private sendUntilNow(watched: Watched): void {
    const { live } = watched;
    if (live === null || standsStill(live.state)) return;
    const nowMs = this.nowOf(live.state);
    this.sendDue(watched, nowMs);
    this.sendTicks(watched, nowMs);
  }

  private sendDue(watched: Watched, nowMs: number): void {
    while (watched.live !== null && watched.live.dueMs <= nowMs) {
      const state = this.advanceTo(watched, watched.live.dueMs);
      if (state !== null) send(watched.watchers, balanceAt(state));
    }
  }

  private sendTicks(watched: Watched, nowMs: number): void {
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
      const state = this.advanceTo(watched, tickMs);
      if (state !== null) send(watchers, balanceAt(state));
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

  // One after the other: a read that overtook another would set an account back.
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

  /** The last settled states of accounts, for those whose version is wanted. */
  private async read(
    accountIds: readonly number[],
    isWanted: (accountId: number, version: string) => boolean,
  ): Promise<ReadonlyMap<number, Live>> {
    return this.database.inSnapshot('system', async (tx) => {
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

  /** Replaces the kept state by one that was read, and sends it when it differs. */
  private renew(accountId: number, read: Live): void {
    const watched = this.accounts.get(accountId);
    if (watched === undefined || watched.live?.version === read.version) return;
    const { live } = watched;
    if (live !== null) {
      this.replace(watched, live, read);
      return;
    }
    watched.live = read;
    this.advanceTo(watched, this.nowOf(read.state));
  }

  private replace(watched: Watched, before: Live, read: Live): void {
    // Due ticks are sent from the kept state, because the state that was read is advanced beyond them.
    if (!standsStill(before.state)) this.sendTicks(watched, this.nowOf(before.state));
    const kept = watched.live?.state ?? before.state;
    watched.live = read;
    // A test account's clock is at its position. For any other account, balances were sent up to the kept instant.
    const sentUntilMs = standsStill(read.state) ? 0 : kept.atMs;
    const after =
      this.advanceTo(watched, Math.max(this.nowOf(read.state), sentUntilMs)) ?? read.state;
    // What happened as time passed and was not sent yet is part of the settled state: a comparison would find no difference.
    if (before.dueMs <= after.atMs) send(watched.watchers, balanceAt(after));
    else sendChange(watched.watchers, kept, after);
  }
}

function sendChange(watchers: Iterable<Watcher>, kept: AccountState, after: AccountState): void {
  const before = balanceAt(standsStill(after) ? kept : advance(kept, after.atMs).state);
  const balance = balanceAt(after);
  if (amounts(before) !== amounts(balance)) {
    send(watchers, balance);
    return;
  }
  const forecasting = [...watchers].filter(({ withForecast }) => withForecast);
  if (forecasting.length > 0 && instants(before) !== instants(balance)) send(forecasting, balance);
}

function dueOf(draft: Draft): number {
  return standsStill(draft.state) ? Infinity : nextDueMs(draft);
}

function send(watchers: Iterable<Watcher>, balance: Balance): void {
  // A slow reader gets the latest balance only: nobody needs an older one.
  for (const { queue } of watchers) queue.replace(balance);
}

/** All of a balance that is shown, except for its instant and its forecast. */
function amounts({ position, burnMicroPerHour }: Balance): string {
  const { allocatedMicro, usedMicro, balanceMicro } = position.credits;
  return [allocatedMicro, usedMicro, balanceMicro, burnMicroPerHour, position.state].join();
}

function instants({ forecast }: Balance): string {
  const { exhaustsAtMs, stopsAtMs } = forecast();
  return [exhaustsAtMs, stopsAtMs].join();
}
