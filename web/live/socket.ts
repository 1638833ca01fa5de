// The WebSocket of the live balance and alerts. It connects again for as long as it is wanted, and goes on after the last alert.

import { type Client, createClient } from 'graphql-ws';
import {
  type AlertWithCausePartsFragment,
  PastAlertsDocument,
  type CreditBalancePartsFragment,
  CreditAlertsWithCauseDocument,
  CreditBalanceDocument,
  type Operation,
} from '@billing-gateway/client/operations';
import type { Connection } from './live.ts';

const WAIT_FIRST_MS = 500;
const WAIT_MOST_MS = 15_000;
const KEEP_ALIVE_MS = 10_000;
/** A connection that does not answer for so long is given up: after a sleep the browser may not know that it is gone. */
const SILENCE_MOST_MS = 10_000;
const KEY_ENDED = 4403;
const ALERTS_FIRST = 20;

export interface SocketOptions {
  readonly token: string;
  readonly accountId: string;
  /** The cursor of the last alert that is known; asked at every connection. Null: there was none yet. */
  readonly cursor: () => string | null;
  /** Oldest first. */
  readonly onAlerts: (alerts: readonly AlertWithCausePartsFragment[]) => void;
  readonly onBalance: (balance: CreditBalancePartsFragment) => void;
  readonly onConnection: (connection: Connection) => void;
  /** The gateway does not take the token, or no longer. */
  readonly onRefused: () => void;
}

/** Opens the socket. @returns closes it */
export function openSocket(options: SocketOptions): () => void {
  const wanted = new AbortController();
  const { signal } = wanted;
  const answer = expectAnswer(() => {
    client.terminate();
  });
  const client: Client = createClient({
    url: addressOf(window.location),
    connectionParams: { authorization: `Bearer ${options.token}` },
    keepAlive: KEEP_ALIVE_MS,
    retryAttempts: Infinity,
    retryWait: (retries) => pause(retries),
    shouldRetry: (event) => !signal.aborted && !isRefusal(event),
    on: {
      connecting: answer.isDue,
      ping: (isReceived) => {
        if (!isReceived) answer.isDue();
      },
      pong: (isReceived) => {
        if (isReceived) answer.came();
      },
      connected: () => {
        answer.came();
        options.onConnection('open');
        // A stream without a cursor begins with the next alert: those that were raised meanwhile are asked for.
        if (options.cursor() === null) askMissed(client, signal, options);
      },
      closed: (event) => {
        answer.came();
        if (signal.aborted) return;
        options.onConnection('interrupted');
        if (isRefusal(event)) options.onRefused();
      },
    },
  });
  listen(client, signal, options);
  return () => {
    wanted.abort();
    answer.came();
    void client.dispose();
  };
}

interface Answer {
  readonly isDue: () => void;
  readonly came: () => void;
}

function expectAnswer(onSilence: () => void): Answer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const came = (): void => {
    clearTimeout(timer);
  };
  const isDue = (): void => {
    came();
    timer = setTimeout(onSilence, SILENCE_MOST_MS);
  };
  return { isDue, came };
}

function listen(client: Client, signal: AbortSignal, options: SocketOptions): void {
  const { accountId, cursor } = options;
  const variables = {
    accountId,
    // Read when the subscription is sent, so that each connection begins after the last alert.
    get after() {
      return cursor();
    },
  };
  run(
    client,
    signal,
    { operation: CreditAlertsWithCauseDocument, variables },
    ({ creditAlerts }) => {
      options.onAlerts([creditAlerts]);
    },
  );
  run(
    client,
    signal,
    { operation: CreditBalanceDocument, variables: { accountId } },
    ({ creditBalance }) => {
      options.onBalance(creditBalance);
    },
  );
}

function askMissed(client: Client, signal: AbortSignal, options: SocketOptions): void {
  const variables = { accountId: options.accountId, last: ALERTS_FIRST };
  run(client, signal, { operation: PastAlertsDocument, variables }, ({ account }) => {
    options.onAlerts(account?.alerts.edges.map(({ node }) => node) ?? []);
  });
}

interface Asked<TData, TVariables extends object> {
  readonly operation: Operation<TData, TVariables>;
  readonly variables: TVariables;
}

function run<TData, TVariables extends Record<string, unknown>>(
  client: Client,
  signal: AbortSignal,
  asked: Asked<TData, TVariables>,
  take: (data: TData) => void,
): void {
  if (signal.aborted) return;
  const stop = client.subscribe<TData>(
    { query: asked.operation.text, variables: asked.variables },
    {
      next: ({ data }) => {
        if (data != null && !signal.aborted) take(data);
      },
      // The client connects again by itself after what may pass. This is what it takes for final, a fault of the gateway too.
      error: (reason) => {
        if (signal.aborted || isRefusal(reason)) return;
        void pause(Infinity).then(() => {
          run(client, signal, asked, take);
        });
      },
      complete: () => undefined,
    },
  );
  // A client that is disposed of while it connects would else send this operation on the socket that it closes.
  signal.addEventListener('abort', stop, { once: true });
}

function addressOf({ protocol, host }: Location): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/graphql`;
}

function isRefusal(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'code' in event && event.code === KEY_ENDED;
}

// Longer after each failure, and apart from the other browsers that lost the same gateway; shorter when the network is back.
function pause(retries: number): Promise<void> {
  const mostMs = Math.min(WAIT_MOST_MS, WAIT_FIRST_MS * 2 ** retries);
  const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, mostMs * (0.5 + random / 512));
    window.addEventListener('online', done);
  });
}
