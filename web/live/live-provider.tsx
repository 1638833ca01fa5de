import { type ReactNode, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { ShownAccount } from '../account.ts';
import { monotonicMs } from '../clock.ts';
import { tokenRefused } from '../session/session.ts';
import { keep, recall } from '../storage.ts';
import { LiveStore } from './live-store.ts';
import { LiveContext } from './live.ts';
import { shareTabs, type TabMessage } from './share.ts';
import { openSocket } from './socket.ts';

export interface LiveProviderProps {
  readonly token: string;
  readonly account: ShownAccount | null;
  readonly children: ReactNode;
}

/** Gives what is below it the live balance and alerts of the account. */
export function LiveProvider({ token, account, children }: LiveProviderProps): ReactNode {
  const id = account?.id ?? null;
  const store = useMemo(() => storeOf(id), [id]);
  const live = useSyncExternalStore(store.subscribe, store.current);
  useEffect(() => {
    if (account === null) return;
    store.found(account.alerts.nodes, account.credits.asOf);
    store.balanced(account.credits, monotonicMs());
  }, [store, account]);
  useEffect(() => (id === null ? undefined : follow(store, token, id)), [store, token, id]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

function storeOf(accountId: string | null): LiveStore {
  const name = `usage.read.${accountId ?? ''}`;
  return new LiveStore({
    get: () => {
      const kept = recall('local', name);
      return kept === null ? null : Number(kept);
    },
    set: (sequence) => {
      keep('local', name, String(sequence));
    },
  });
}

/** Feeds the store from the socket, by this tab or by the one that has it. @returns stops that */
function follow(store: LiveStore, token: string, accountId: string): () => void {
  let isLeading = false;
  const stateOf = (alerts = store.current().alerts): TabMessage => {
    const { balance, receivedAtMs, connection } = store.current();
    return {
      type: 'state',
      balance,
      balanceAgeMs: monotonicMs() - receivedAtMs,
      connection,
      alerts,
    };
  };
  const tabs = shareTabs({
    name: `usage.live.${accountId}`,
    lead: () => {
      isLeading = true;
      return openSocket({
        token,
        accountId,
        cursor: store.cursor,
        onAlerts: (alerts) => {
          store.streamed(alerts);
          tabs.post(stateOf(alerts));
        },
        onBalance: (balance) => {
          store.balanced(balance, monotonicMs());
          tabs.post(stateOf([]));
        },
        onConnection: (connection) => {
          store.connected(connection);
          tabs.post(stateOf([]));
        },
        onRefused: () => {
          tokenRefused(token);
        },
      });
    },
    onMessage: (message) => {
      switch (message.type) {
        case 'hello':
          if (isLeading) tabs.post(stateOf());
          break;
        case 'state':
          if (!isLeading) take(store, message);
          break;
        case 'read':
        case 'dismissed':
          store.acted(message);
      }
    },
  });
  store.onAct = tabs.post;
  tabs.post({ type: 'hello' });
  return tabs.stop;
}

function take(store: LiveStore, state: TabMessage & { readonly type: 'state' }): void {
  store.streamed(state.alerts);
  if (state.balance !== null) store.balanced(state.balance, monotonicMs() - state.balanceAgeMs);
  store.connected(state.connection);
}
