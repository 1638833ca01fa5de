// What the page knows live of the account it shows: its balance and its alerts. One WebSocket serves all tabs of the browser.

import { createContext, useContext } from 'react';
import type {
  CreditBalancePartsFragment,
  AlertWithCausePartsFragment,
} from '@billing-gateway/client/operations';

/** Of the socket, this tab's or another's. While it is interrupted, what is shown is of the last answer. */
export type Connection = 'opening' | 'open' | 'interrupted';

export interface Live {
  /** The latest balance that the gateway sent, by a view's answer or by the socket; null until the first. */
  readonly balance: CreditBalancePartsFragment | null;
  /** Milliseconds of the browser's growing clock (clock.ts) when it came. */
  readonly receivedAtMs: number;
  readonly connection: Connection;
  /** Alerts since the page was opened and those that it found, newest first, each once. */
  readonly alerts: readonly AlertWithCausePartsFragment[];
  readonly unread: number;
  readonly markRead: () => void;
  /** The newest alerts that came while the page is open and were not dismissed. */
  readonly toasts: readonly AlertWithCausePartsFragment[];
  readonly dismiss: (sequence: number) => void;
}

export const NOTHING_LIVE: Live = {
  balance: null,
  receivedAtMs: 0,
  connection: 'opening',
  alerts: [],
  unread: 0,
  markRead: () => undefined,
  toasts: [],
  dismiss: () => undefined,
};

export const LiveContext = createContext<Live>(NOTHING_LIVE);

/** The live balance and alerts of the account that is shown. */
export function useLive(): Live {
  return useContext(LiveContext);
}
