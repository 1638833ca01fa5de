// One socket for all tabs of the browser that show an account. The tab that holds the lock has the socket and tells the others
// what comes. Where a browser has no locks or channels, or refuses them to a frame, each tab has a socket of its own.

import type {
  AlertWithCausePartsFragment,
  CreditBalancePartsFragment,
} from '@billing-gateway/client/operations';
import type { ReaderAct } from './live-store.ts';
import type { Connection } from './live.ts';

export type TabMessage =
  /** From a tab that was just opened: what is the state? */
  | { readonly type: 'hello' }
  | {
      readonly type: 'state';
      readonly balance: CreditBalancePartsFragment | null;
      readonly balanceAgeMs: number;
      readonly connection: Connection;
      readonly alerts: readonly AlertWithCausePartsFragment[];
    }
  | ReaderAct;

const TYPES: ReadonlySet<unknown> = new Set(['hello', 'state', 'read', 'dismissed']);

export interface SharedOptions {
  readonly name: string;
  readonly onMessage: (message: TabMessage) => void;
  /** Called when this tab is to have the socket. @returns closes it */
  readonly lead: () => () => void;
}

export interface Shared {
  readonly post: (message: TabMessage) => void;
  readonly stop: () => void;
}

/** Joins the tabs of a name. */
export function shareTabs({ name, onMessage, lead }: SharedOptions): Shared {
  const channel = channelOf(name);
  const wanted = new AbortController();
  let stopLeading: () => void = () => undefined;
  const startLeading = (): void => {
    if (!wanted.signal.aborted) stopLeading = lead();
  };
  if (channel !== null) {
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const message = decode(data);
      if (message !== null) onMessage(message);
    };
  }
  if (channel === null) startLeading();
  else waitForLock(name, wanted.signal, startLeading);
  return {
    post: (message) => {
      // The socket's last words may come after the channel is closed.
      if (!wanted.signal.aborted) channel?.postMessage(message);
    },
    stop: () => {
      wanted.abort();
      stopLeading();
      channel?.close();
    },
  };
}

function channelOf(name: string): BroadcastChannel | null {
  // Without locks nobody would be chosen to tell the others.
  if (!('locks' in navigator) || !('BroadcastChannel' in window)) return null;
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}

function waitForLock(name: string, signal: AbortSignal, lead: () => void): void {
  // The lock is held until the tab closes or no longer wants it.
  const hold = (): Promise<void> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
      if (signal.aborted) resolve();
      else lead();
    });
  navigator.locks.request(name, { signal }, hold).catch(() => {
    // Refused, or no longer wanted, which `lead` looks at.
    lead();
  });
}

// Only pages of this origin can send; another version of the page may send what this one does not know.
function decode(data: unknown): TabMessage | null {
  if (typeof data !== 'object' || data === null || !('type' in data)) return null;
  return TYPES.has(data.type) ? (data as TabMessage) : null;
}
