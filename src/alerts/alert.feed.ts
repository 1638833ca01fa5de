// Live alerts. Every subscriber has a position in its account's sequence and reads on from it: those that are up to date
// together, account by account, and those behind each from its own position. So nothing is lost, doubled or out of order,
// whatever happens to notices and connections; a notice only says when to read. One statement reads for all who are up to date
// and for some of those behind.

import DataLoader from 'dataloader';
import { UserInputError } from '../core/errors.ts';
import type { AlertKind } from '../engine/credit-event.ts';
import type { Database } from '../db/database.ts';
import type { Alert } from './alert.ts';
import { loadAlertsAfter, loadLastSequences } from './alerts.store.ts';
import { EventQueue } from './event-queue.ts';

/** How many live alerts can wait for one reader. A reader that lets more wait has stopped reading. */
export const ALERTS_WAITING_MAX = 1_000;
const PAGE = 200;
/** How many subscribers that are behind are served at a time: each may get a whole page, and thousands may reconnect at once. */
export const BEHIND_PER_LOOK_MAX = 100;
const RETRY_MS = 500;

/** Which alerts a subscriber wants, and from where on. */
export interface AlertRequest {
  readonly accountId: number;
  /** The sequence of the last alert that the subscriber has; null: only new ones. */
  readonly after: number | null;
  /** Null: all. */
  readonly kinds: readonly AlertKind[] | null;
  /** Called when the subscriber has stopped reading; its stream is over then. */
  readonly onSlow: () => void;
}

interface Subscriber {
  readonly request: AlertRequest;
  readonly queue: EventQueue<Alert>;
  /** The last alert that it was sent, or that it does not need. */
  position: number;
  /** LIVE: served with its account's group. BEHIND: read for separately, when it has room. */
  phase: 'STARTING' | 'BEHIND' | 'LIVE';
}

/** The subscribers of an account, and up to where alerts were read for the live ones. */
interface Group {
  readonly accountId: number;
  readonly subscribers: Set<Subscriber>;
  head: number | null;
}

/** A subscriber or group to read for. */
interface Reader {
  readonly accountId: number;
  readonly sequence: number;
  readonly take: (alerts: readonly Alert[]) => void;
  readonly again: () => void;
}

export class AlertFeed {
  private readonly groups = new Map<number, Group>();
  private readonly toRead = new Set<Group>();
  private readonly readyToRead = new Set<Subscriber>();
  private readonly lastSequences: DataLoader<number, number | null>;
  private isPumping = false;
  private retry: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
  ) {
    this.lastSequences = new DataLoader(
      async (accountIds) => {
        const found = await database.inSnapshot('system', (tx) =>
          loadLastSequences(tx, accountIds),
        );
        return accountIds.map((accountId) => found.get(accountId) ?? null);
      },
      // Thousands may reconnect at once, after another gateway ended: they share statements.
      { cache: false, batchScheduleFn: (read) => setImmediate(read) },
    );
  }

  /**
   * The alerts of an account after a position, then live.
   * @returns null when there is no such account
   * @throws BAD_USER_INPUT for a position that the account has not reached
   */
  async subscribe(request: AlertRequest): Promise<AsyncGenerator<Alert> | null> {
    const { accountId, after } = request;
    const group = this.groupOf(accountId);
    const subscriber: Subscriber = {
      request,
      queue: new EventQueue({
        onEnd: () => {
          this.remove(group, subscriber);
        },
        onTake: () => {
          this.feed(subscriber);
        },
      }),
      position: 0,
      phase: 'STARTING',
    };
    // It joins the group before its position is read, so that alerts raised in between reach it.
    group.subscribers.add(subscriber);
    try {
      const last = await this.lastSequences.load(accountId);
      if (last === null) {
        await subscriber.queue.return();
        return null;
      }
      if (after !== null && after > last) throw beyondLast();
      this.begin(group, subscriber, last);
      return subscriber.queue;
    } catch (error) {
      await subscriber.queue.return();
      throw error;
    }
  }

  /** Reads new alerts of an account soon. */
  nudge(accountId: number): void {
    const group = this.groups.get(accountId);
    if (group?.head == null) return;
    this.toRead.add(group);
    this.pump();
  }

  /** Reads new alerts of every account with subscribers. */
  nudgeAll(): void {
    for (const accountId of this.groups.keys()) this.nudge(accountId);
  }

  stop(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
    for (const group of [...this.groups.values()]) {
      for (const { queue } of [...group.subscribers]) void queue.return();
    }
  }

  private groupOf(accountId: number): Group {
    const known = this.groups.get(accountId);
    if (known !== undefined) return known;
    const group: Group = { accountId, subscribers: new Set(), head: null };
    this.groups.set(accountId, group);
    return group;
  }

  private begin(group: Group, subscriber: Subscriber, last: number): void {
    group.head ??= last;
    subscriber.position = subscriber.request.after ?? last;
    subscriber.phase = subscriber.position < group.head ? 'BEHIND' : 'LIVE';
    if (group.head < last) this.nudge(group.accountId);
    this.feed(subscriber);
  }

  private remove(group: Group, subscriber: Subscriber): void {
    this.readyToRead.delete(subscriber);
    group.subscribers.delete(subscriber);
    if (group.subscribers.size > 0) return;
    this.groups.delete(group.accountId);
    this.toRead.delete(group);
  }

  /** Reads on for a subscriber that is behind, once it has room. */
  private feed(subscriber: Subscriber): void {
    if (subscriber.phase !== 'BEHIND' || subscriber.queue.length > PAGE / 2) return;
    this.readyToRead.add(subscriber);
    this.pump();
  }

  private pump(): void {
    if (this.isPumping || this.retry !== null) return;
    this.isPumping = true;
    // Notices that arrive together are handled together.
    setImmediate(() => {
      this.readAll().then(
        () => {
          this.isPumping = false;
          if (this.toRead.size + this.readyToRead.size > 0) this.pump();
        },
        (error: unknown) => {
          this.isPumping = false;
          this.onError(error);
          this.retry = setTimeout(() => {
            this.retry = null;
            this.pump();
          }, RETRY_MS);
          this.retry.unref();
        },
      );
    });
  }

  private async readAll(): Promise<void> {
    const behind = [...this.readyToRead].slice(0, BEHIND_PER_LOOK_MAX);
    const readers = [
      ...[...this.toRead].map((group) => this.groupReader(group)),
      ...behind.map((subscriber) => this.subscriberReader(subscriber)),
    ];
    // An account that is nudged while the statement runs may have newer alerts, so it is read again.
    this.toRead.clear();
    for (const subscriber of behind) this.readyToRead.delete(subscriber);
    if (readers.length === 0) return;
    try {
      const lists = await this.database.inSnapshot('system', (tx) =>
        loadAlertsAfter(tx, readers, PAGE),
      );
      for (const [index, reader] of readers.entries()) reader.take(lists[index] ?? []);
    } catch (error) {
      for (const reader of readers) reader.again();
      throw error;
    }
  }

  private groupReader(group: Group): Reader {
    const again = (): void => {
      if (this.groups.get(group.accountId) === group) this.toRead.add(group);
    };
    return {
      accountId: group.accountId,
      sequence: group.head ?? 0,
      take: (alerts) => {
        for (const alert of alerts) {
          for (const subscriber of group.subscribers) handOver(subscriber, alert);
          group.head = alert.sequence;
        }
        if (alerts.length === PAGE) again();
      },
      again,
    };
  }

  private subscriberReader(subscriber: Subscriber): Reader {
    const { accountId } = subscriber.request;
    return {
      accountId,
      sequence: subscriber.position,
      take: (alerts) => {
        for (const alert of alerts) put(subscriber, alert);
        const head = this.groups.get(accountId)?.head ?? 0;
        // From here on the group reads for it: the group begins after `head`, and the subscriber has everything up to it.
        if (subscriber.position >= head || alerts.length === 0) subscriber.phase = 'LIVE';
        this.feed(subscriber);
      },
      again: () => {
        this.feed(subscriber);
      },
    };
  }
}

function handOver(subscriber: Subscriber, alert: Alert): void {
  if (subscriber.phase !== 'LIVE') return;
  if (subscriber.queue.length >= ALERTS_WAITING_MAX) {
    void subscriber.queue.return();
    subscriber.request.onSlow();
    return;
  }
  put(subscriber, alert);
}

function put(subscriber: Subscriber, alert: Alert): void {
  if (alert.sequence <= subscriber.position) return;
  subscriber.position = alert.sequence;
  const { kinds } = subscriber.request;
  if (kinds === null || kinds.includes(alert.kind)) subscriber.queue.push(alert);
}

function beyondLast(): UserInputError {
  return new UserInputError(
    'after is a cursor that this account has not reached: it is of another account.',
    { path: ['after'] },
  );
}
