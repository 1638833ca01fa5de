// The live balance and alerts of the account that is shown, by one socket, for as long as it is wanted.

import { GatewayError } from '@billing-gateway/client';
import { Live } from '@billing-gateway/client/live';
import {
  type AlertWithCausePartsFragment,
  CreditAlertsWithCauseDocument,
  type CreditBalancePartsFragment,
} from '@billing-gateway/client/operations';
import type { Connection } from './live.ts';

/** The cursor before an account's first alert. */
const FROM_THE_FIRST = '';

export interface SocketOptions {
  readonly token: string;
  readonly accountId: string;
  /** Of the last alert that is known, from which the stream goes on. Null: there was none yet. */
  readonly cursor: string | null;
  /** Oldest first. */
  readonly onAlerts: (alerts: readonly AlertWithCausePartsFragment[]) => void;
  readonly onBalance: (balance: CreditBalancePartsFragment) => void;
  readonly onConnection: (connection: Connection) => void;
  /** The gateway does not take the token, or no longer. */
  readonly onRefused: () => void;
}

/** Opens the socket. @returns closes it */
export function openSocket({ token, accountId, cursor, ...on }: SocketOptions): () => void {
  const wanted = new AbortController();
  const { signal } = wanted;
  const live = new Live({
    url: window.location.origin,
    key: token,
    onConnection: (connection) => {
      if (!signal.aborted) on.onConnection(connection);
    },
  });
  const take = async <T>(stream: AsyncIterable<T>, each: (event: T) => void): Promise<void> => {
    try {
      for await (const event of stream) each(event);
    } catch (error) {
      // Anything else that the stream takes for final leaves the page without live figures, which it says.
      if (error instanceof GatewayError && error.code === 'UNAUTHENTICATED') on.onRefused();
    }
  };
  const after = cursor ?? FROM_THE_FIRST;
  const alerts = live.subscribe(CreditAlertsWithCauseDocument, { accountId, after }, { signal });
  void take(alerts, ({ creditAlerts }) => {
    on.onAlerts([creditAlerts]);
  });
  void take(live.balance({ accountId, signal }), on.onBalance);
  return () => {
    wanted.abort();
    void live.close();
  };
}
