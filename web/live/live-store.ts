// The live balance and the alerts of one account, from whatever source they come: the first answer, the socket, another tab.
// An alert is known by its sequence, so each is told once.

import type { AlertPartsFragment, CreditBalancePartsFragment } from '../api/operations.ts';
import { type Live, NOTHING_LIVE } from './live.ts';

const ALERTS_KEPT = 100;
const TOASTS_MAX = 3;

export interface ReadMark {
  /** The sequence of the last alert that the reader has read in this browser; null: not known. */
  readonly get: () => number | null;
  readonly set: (sequence: number) => void;
}

/** Holds what is known live of an account, for its listeners. */
export class LiveStore {
  private live: Live;
  private readonly listeners = new Set<() => void>();
  private readSequence: number | null;
  private last: AlertPartsFragment | null = null;
  private hasBegun = false;

  constructor(private readonly readMark: ReadMark) {
    this.readSequence = readMark.get();
    this.live = {
      ...NOTHING_LIVE,
      markRead: () => {
        this.read(this.live.alerts[0]?.sequence ?? 0);
      },
      dismiss: (sequence) => {
        const toasts = this.live.toasts.filter((toast) => toast.sequence !== sequence);
        this.become({ toasts });
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

  /** The alerts of a view's answer. Those of the first one are no news. */
  found(alerts: readonly AlertPartsFragment[]): void {
    if (this.hasBegun) {
      this.add(alerts);
      return;
    }
    this.hasBegun = true;
    const newest = alerts.toSorted((a, b) => b.sequence - a.sequence);
    this.last = newest[0] ?? null;
    this.readSequence ??= this.last?.sequence ?? 0;
    this.become({ alerts: newest, unread: this.unreadOf(newest) });
  }

  /** Alerts of the stream: without a gap from the cursor on. */
  streamed(alerts: readonly AlertPartsFragment[]): void {
    for (const alert of alerts) {
      if (alert.sequence > (this.last?.sequence ?? 0)) this.last = alert;
    }
    this.add(alerts);
  }

  /** A balance that came at `receivedAtMs` of the growing clock. */
  balanced(balance: CreditBalancePartsFragment, receivedAtMs: number): void {
    this.become({ balance, receivedAtMs });
  }

  connected(isConnected: boolean): void {
    if (isConnected !== this.live.isConnected) this.become({ isConnected });
  }

  /** The reader has read everything up to a sequence, here or in another tab. */
  read(sequence: number): void {
    if (sequence <= (this.readSequence ?? 0)) return;
    this.readSequence = sequence;
    this.readMark.set(sequence);
    const toasts = this.live.toasts.filter((toast) => toast.sequence > sequence);
    this.become({ unread: this.unreadOf(this.live.alerts), toasts });
  }

  private add(more: readonly AlertPartsFragment[]): void {
    const known = new Set(this.live.alerts.map(({ sequence }) => sequence));
    const news = more
      .filter(({ sequence }) => !known.has(sequence) && sequence > this.oldestKept())
      .toSorted((a, b) => b.sequence - a.sequence);
    if (news.length === 0) return;
    const alerts = [...news, ...this.live.alerts]
      .toSorted((a, b) => b.sequence - a.sequence)
      .slice(0, ALERTS_KEPT);
    const toasts = [...news, ...this.live.toasts].slice(0, TOASTS_MAX);
    this.become({ alerts, toasts, unread: this.unreadOf(alerts) });
  }

  // What fell out of a full list is no news when it comes again.
  private oldestKept(): number {
    const { alerts } = this.live;
    return alerts.length < ALERTS_KEPT ? 0 : (alerts.at(-1)?.sequence ?? 0);
  }

  private unreadOf(alerts: readonly AlertPartsFragment[]): number {
    return alerts.filter(({ sequence }) => sequence > (this.readSequence ?? 0)).length;
  }

  private become(change: Partial<Live>): void {
    this.live = { ...this.live, ...change };
    for (const listener of this.listeners) listener();
  }
}
