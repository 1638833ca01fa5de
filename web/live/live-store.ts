// The live balance and the alerts of one account, from whatever source they come: a view's answer, the socket, another tab.
// An alert is known by its sequence, so each is told once. Sequences have no gaps.

import type {
  AlertWithCausePartsFragment,
  CreditBalancePartsFragment,
} from '@billing-gateway/client/operations';
import { type Connection, type Live, NOTHING_LIVE } from './live.ts';

const ALERTS_KEPT = 200;
const TOASTS_MAX = 3;
/** Who opens an account for the first time in a browser has news of the last day, and none of its history. */
const FIRST_NEWS_MS = 86_400_000;

export interface ReadMark {
  /** The sequence of the last alert that the reader has read in this browser; null: not known. */
  readonly get: () => number | null;
  readonly set: (sequence: number) => void;
}

/** What the reader did in one tab of the browser, and the others have to know. */
export type ReaderAct =
  /** Read the alerts up to this one. */
  | { readonly type: 'read'; readonly sequence: number }
  /** Has seen the toast of this one. */
  | { readonly type: 'dismissed'; readonly sequence: number };

/** Holds what is known live of an account, for its listeners. */
export class LiveStore {
  /** Told of what the reader does here. */
  onAct: (act: ReaderAct) => void = () => undefined;
  private live: Live;
  private readonly listeners = new Set<() => void>();
  private readSequence: number | null;
  private last: AlertWithCausePartsFragment | null = null;
  private hasBegun = false;

  constructor(private readonly readMark: ReadMark) {
    this.readSequence = readMark.get();
    const act = (done: ReaderAct): void => {
      this.acted(done);
      this.onAct(done);
    };
    this.live = {
      ...NOTHING_LIVE,
      markRead: () => {
        if (this.live.unread > 0) act({ type: 'read', sequence: this.newestSequence() });
      },
      dismiss: (sequence) => {
        act({ type: 'dismissed', sequence });
      },
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): Live => this.live;

  /** Where a stream of alerts goes on. */
  get cursor(): string | null {
    return this.last?.cursor ?? null;
  }

  /** The newest alerts, of a view's answer that was taken at `asOf`. Those of the first answer are told by the bell alone. */
  found(alerts: readonly AlertWithCausePartsFragment[], asOf: string): void {
    if (this.hasBegun) {
      this.add(alerts);
      return;
    }
    this.hasBegun = true;
    const newest = newestFirst(alerts);
    this.last = newest[0] ?? null;
    if (this.readSequence === null) this.begin(newest, asOf);
    this.become({ alerts: newest });
  }

  /** Alerts of the stream: without a gap from the cursor on. */
  streamed(alerts: readonly AlertWithCausePartsFragment[]): void {
    for (const alert of alerts) {
      if (alert.sequence > (this.last?.sequence ?? 0)) this.last = alert;
    }
    this.add(alerts);
  }

  /** A balance that came at `receivedAtMs` of the growing clock. One that is older than what is known is left out. */
  balanced(balance: CreditBalancePartsFragment, receivedAtMs: number): void {
    const known = this.live.balance?.asOf ?? '';
    if (balance.asOf < known) return;
    // An answer that is shown again came no later than it did.
    const cameAtMs = balance.asOf === known ? this.live.receivedAtMs : receivedAtMs;
    this.become({ balance, receivedAtMs: cameAtMs });
  }

  connected(connection: Connection): void {
    if (connection !== this.live.connection) this.become({ connection });
  }

  /** What the reader did, here or in another tab. */
  acted({ type, sequence }: ReaderAct): void {
    if (type === 'dismissed') {
      this.become({ toasts: this.live.toasts.filter((toast) => toast.sequence !== sequence) });
      return;
    }
    if (sequence <= (this.readSequence ?? 0)) return;
    this.readSequence = sequence;
    this.readMark.set(sequence);
    this.become({ toasts: this.live.toasts.filter((toast) => toast.sequence > sequence) });
  }

  // It is kept at once, so that what is raised while the page is closed is unread the next time.
  private begin(newest: readonly AlertWithCausePartsFragment[], asOf: string): void {
    const sinceMs = Date.parse(asOf) - FIRST_NEWS_MS;
    const read = newest.find(({ crossedAt }) => Date.parse(crossedAt) <= sinceMs);
    const beforeAll = (newest.at(-1)?.sequence ?? 1) - 1;
    this.readSequence = read?.sequence ?? beforeAll;
    this.readMark.set(this.readSequence);
  }

  private add(more: readonly AlertWithCausePartsFragment[]): void {
    const known = new Set(this.live.alerts.map(({ sequence }) => sequence));
    const added = newestFirst(more.filter(({ sequence }) => !known.has(sequence)));
    if (added.length === 0) return;
    // Older ones are no news: they fill the list.
    const told = Math.max(this.newestSequence(), this.readSequence ?? 0);
    const news = added.filter(({ sequence }) => sequence > told);
    this.become({
      alerts: newestFirst([...added, ...this.live.alerts]).slice(0, ALERTS_KEPT),
      toasts: [...news, ...this.live.toasts].slice(0, TOASTS_MAX),
    });
  }

  private newestSequence(): number {
    return this.live.alerts[0]?.sequence ?? 0;
  }

  private become(change: Partial<Live>): void {
    this.live = { ...this.live, ...change };
    const unread = Math.max(0, this.newestSequence() - (this.readSequence ?? 0));
    this.live = { ...this.live, unread };
    for (const listener of this.listeners) listener();
  }
}

function newestFirst(
  alerts: readonly AlertWithCausePartsFragment[],
): readonly AlertWithCausePartsFragment[] {
  return alerts.toSorted((a, b) => b.sequence - a.sequence);
}
