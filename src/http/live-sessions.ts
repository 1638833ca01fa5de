// The open connections of subscribers: how many there may be, and when they end. A connection outlives the request that
// opened it. So the keys of all connections are checked every two seconds, in one statement, and connections that no longer
// answer are closed.

import { present, RateLimitedError } from '../core/errors.ts';
import { type Actor, callerKey } from '../core/identity.ts';

const KEYS_EVERY_MS = 2_000;
/**
 * A connection that did not answer between two checks is dead. The checks are spread over time: thousands of answers at the same
 * moment would delay events.
 */
const ALIVE_EVERY_MS = 12_000;
const ALIVE_SLOTS = 120;
const IDLE_EVERY_MS = 1_000;
/** Nobody knows when a connection ends. */
const RETRY_AFTER_SECONDS = 10;

/** Why the gateway closes a connection. */
export const endReasons = {
  /** Its key was revoked or has expired. */
  KEY_ENDED: 'KEY_ENDED',
  /** Events wait because it does not read. */
  SLOW: 'SLOW',
  /** It carried no operation for long. */
  IDLE: 'IDLE',
  /** This gateway stops; another one can serve the client. */
  GOING_AWAY: 'GOING_AWAY',
} as const;
export type EndReason = keyof typeof endReasons;

export interface LiveSession {
  readonly actor: Actor;
  /** How many operations it carries. */
  operations(): number;
  end(reason: EndReason): void;
  /** Closes the connection if the other end gave no sign since the last call. */
  checkAlive(): void;
}

/** How many sockets and streams there may be at a time, and what they may carry. */
export interface LiveLimits {
  readonly connectionsPerKey: number;
  readonly connectionsPerAccount: number;
  readonly connectionsOfAll: number;
  readonly operationsPerKey: number;
  /** How long a connection may carry no operation. */
  readonly idleMs: number;
}

/** Those that do not depend on the size of a gateway; docs/limits.md says them to callers. */
export const LIVE_LIMITS = {
  connectionsPerKey: 50,
  connectionsPerAccount: 500,
  operationsPerKey: 200,
  idleMs: 60_000,
} as const satisfies Partial<LiveLimits>;

export interface LiveSessionsDeps {
  readonly limits: LiveLimits;
  /** How much time has passed since some instant. Nobody can set it. */
  readonly passedMs: () => number;
  /** The callers among these whose keys are no longer valid. */
  readonly findEnded: (actors: readonly Actor[]) => Promise<ReadonlySet<Actor>>;
  readonly onError: (error: unknown) => void;
}

/** What was seen of a session. */
interface Watch {
  /** Those that are looked at together. */
  readonly slot: Set<LiveSession>;
  /** Since when it carries no operation; null while it does. */
  idleSinceMs: number | null;
}

export class LiveSessions {
  private readonly sessions = new Map<LiveSession, Watch>();
  private readonly byKey = new Groups<string>();
  private readonly byAccount = new Groups<number>();
  private readonly byCredential = new Groups<string>();
  private readonly slots = Array.from({ length: ALIVE_SLOTS }, () => new Set<LiveSession>());
  private nextSlot = 0;
  private timers: readonly NodeJS.Timeout[] = [];
  private isLooking = false;

  constructor(private readonly deps: LiveSessionsDeps) {}

  /** Lets a connection in; `delete` must follow when it has closed. @throws RATE_LIMITED */
  add(session: LiveSession): void {
    const { connectionsOfAll, connectionsPerKey, connectionsPerAccount } = this.deps.limits;
    const { accountId } = session.actor;
    const key = callerKey(session.actor);
    requireAtMost(
      connectionsOfAll,
      this.sessions.size + 1,
      `This gateway carries ${connectionsOfAll} sockets and streams, as many as it can: try again later.`,
    );
    requireAtMost(
      connectionsPerKey,
      this.byKey.of(key).size + 1,
      `This key has ${connectionsPerKey} sockets and streams, the most that are allowed: close one.`,
    );
    if (accountId !== null) {
      requireAtMost(
        connectionsPerAccount,
        this.byAccount.of(accountId).size + 1,
        `This account has ${connectionsPerAccount} sockets and streams, the most that are allowed: close one.`,
      );
    }
    this.requireOperations(key, session.operations());
    this.nextSlot = (this.nextSlot + 1) % ALIVE_SLOTS;
    const slot = present(this.slots[this.nextSlot], 'a slot');
    slot.add(session);
    this.sessions.set(session, { slot, idleSinceMs: this.deps.passedMs() });
    this.byKey.add(key, session);
    this.byCredential.add(credentialOf(session.actor), session);
    if (accountId !== null) this.byAccount.add(accountId, session);
  }

  delete(session: LiveSession): void {
    const { accountId } = session.actor;
    this.sessions.get(session)?.slot.delete(session);
    this.sessions.delete(session);
    this.byKey.delete(callerKey(session.actor), session);
    this.byCredential.delete(credentialOf(session.actor), session);
    if (accountId !== null) this.byAccount.delete(accountId, session);
  }

  /**
   * Lets an operation begin on a connection, which counts it already.
   * @throws RATE_LIMITED
   */
  requireRoomOn(session: LiveSession): void {
    // It may be over before anyone looks.
    const watch = this.sessions.get(session);
    if (watch !== undefined) watch.idleSinceMs = null;
    this.requireOperations(callerKey(session.actor), 0);
  }

  start(): void {
    const keys = setInterval(() => {
      this.checkKeys().catch(this.deps.onError);
    }, KEYS_EVERY_MS);
    let slot = 0;
    const alive = setInterval(() => {
      slot = (slot + 1) % ALIVE_SLOTS;
      for (const session of this.slots[slot] ?? []) session.checkAlive();
    }, ALIVE_EVERY_MS / ALIVE_SLOTS);
    const idle = setInterval(() => {
      this.endIdle();
    }, IDLE_EVERY_MS);
    this.timers = [keys, alive, idle];
    for (const timer of this.timers) timer.unref();
  }

  /** Ends all connections. */
  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const session of [...this.sessions.keys()]) session.end('GOING_AWAY');
  }

  private endIdle(): void {
    const nowMs = this.deps.passedMs();
    for (const [session, watch] of this.sessions) {
      if (session.operations() > 0) watch.idleSinceMs = null;
      else watch.idleSinceMs ??= nowMs;
      const idleMs = nowMs - (watch.idleSinceMs ?? nowMs);
      if (idleMs >= this.deps.limits.idleMs) session.end('IDLE');
    }
  }

  // Counted anew each time: operations end in many ways, and a sum that is kept could miss one.
  private requireOperations(key: string, more: number): void {
    const { operationsPerKey } = this.deps.limits;
    let running = more;
    for (const session of this.byKey.of(key)) running += session.operations();
    requireAtMost(
      operationsPerKey,
      running,
      `This key has ${operationsPerKey} operations on its sockets and streams, the most that are allowed: complete one.`,
    );
  }

  /** Closes the connections whose keys are no longer valid. */
  private async checkKeys(): Promise<void> {
    if (this.isLooking || this.sessions.size === 0) return;
    this.isLooking = true;
    try {
      const credentials = this.byCredential.first();
      const ended = await this.deps.findEnded([...credentials.values()].map(({ actor }) => actor));
      for (const [credential, { actor }] of credentials) {
        if (!ended.has(actor)) continue;
        for (const session of [...this.byCredential.of(credential)]) session.end('KEY_ENDED');
      }
    } finally {
      this.isLooking = false;
    }
  }
}

/** Sessions by what they have in common. */
class Groups<K> {
  private readonly groups = new Map<K, Set<LiveSession>>();

  of(name: K): ReadonlySet<LiveSession> {
    return this.groups.get(name) ?? new Set();
  }

  /** One of each group, by the group's name. */
  first(): ReadonlyMap<K, LiveSession> {
    const first = new Map<K, LiveSession>();
    for (const [name, [session]] of this.groups)
      if (session !== undefined) first.set(name, session);
    return first;
  }

  add(name: K, session: LiveSession): void {
    const group = this.groups.get(name);
    if (group === undefined) this.groups.set(name, new Set([session]));
    else group.add(session);
  }

  delete(name: K, session: LiveSession): void {
    const group = this.groups.get(name);
    if (group?.delete(session) === true && group.size === 0) this.groups.delete(name);
  }
}

function requireAtMost(most: number, count: number, sentence: string): void {
  if (count > most) throw new RateLimitedError(sentence, RETRY_AFTER_SECONDS);
}

/** What sessions share whose keys end together. */
function credentialOf(actor: Actor): string {
  // JWTs of one caller can have different ends.
  return JSON.stringify([callerKey(actor), actor.endsAtMs]);
}
