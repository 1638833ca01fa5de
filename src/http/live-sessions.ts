// The open connections of subscribers. A connection outlives the request that opened it. So the keys of all connections are
// checked every two seconds, in one statement, and connections that no longer answer are closed.

import type { Actor } from '../core/identity.ts';

const KEYS_EVERY_MS = 2_000;
/**
 * A connection that did not answer between two checks is dead. The checks are spread over time: thousands of answers at the same
 * moment would delay events.
 */
const ALIVE_EVERY_MS = 12_000;
const ALIVE_SLOTS = 12;

/** Why the gateway closes a connection. */
export const endReasons = {
  /** Its key was revoked or has expired. */
  KEY_ENDED: 'KEY_ENDED',
  /** Events wait because it does not read. */
  SLOW: 'SLOW',
  /** This gateway stops; another one can serve the client. */
  GOING_AWAY: 'GOING_AWAY',
} as const;
export type EndReason = keyof typeof endReasons;

export interface LiveSession {
  readonly actor: Actor;
  end(reason: EndReason): void;
  /** Closes the connection if the other end gave no sign since the last call. */
  checkAlive(): void;
}

export interface LiveSessionsDeps {
  /** The callers among these whose keys are no longer valid. */
  readonly findEnded: (actors: readonly Actor[]) => Promise<ReadonlySet<Actor>>;
  readonly onError: (error: unknown) => void;
}

export class LiveSessions {
  /** Each session with its slot in time. */
  private readonly sessions = new Map<LiveSession, number>();
  private nextSlot = 0;
  private timers: readonly NodeJS.Timeout[] = [];
  private isLooking = false;

  constructor(private readonly deps: LiveSessionsDeps) {}

  add(session: LiveSession): void {
    this.nextSlot = (this.nextSlot + 1) % ALIVE_SLOTS;
    this.sessions.set(session, this.nextSlot);
  }

  delete(session: LiveSession): void {
    this.sessions.delete(session);
  }

  start(): void {
    const keys = setInterval(() => {
      this.checkKeys().catch(this.deps.onError);
    }, KEYS_EVERY_MS);
    let slot = 0;
    const alive = setInterval(() => {
      slot = (slot + 1) % ALIVE_SLOTS;
      for (const [session, ofSession] of [...this.sessions]) {
        if (ofSession === slot) session.checkAlive();
      }
    }, ALIVE_EVERY_MS / ALIVE_SLOTS);
    this.timers = [keys, alive];
    for (const timer of this.timers) timer.unref();
  }

  /** Ends all connections. */
  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const session of [...this.sessions.keys()]) session.end('GOING_AWAY');
  }

  /** Closes the connections whose keys are no longer valid. */
  private async checkKeys(): Promise<void> {
    if (this.isLooking || this.sessions.size === 0) return;
    this.isLooking = true;
    try {
      const byKey = new Map([...this.sessions.keys()].map(({ actor }) => [keyOf(actor), actor]));
      const ended = await this.deps.findEnded([...byKey.values()]);
      const endedKeys = new Set([...ended].map(keyOf));
      for (const session of [...this.sessions.keys()]) {
        if (endedKeys.has(keyOf(session.actor))) session.end('KEY_ENDED');
      }
    } finally {
      this.isLooking = false;
    }
  }
}

function keyOf({ name, accountId, endsAtMs }: Actor): string {
  // JWTs of one subject can have different accounts and ends.
  return JSON.stringify([name, accountId, endsAtMs]);
}
