// Live alerts and balances. A stream goes on after any loss: it is asked for again with the cursor of the last event that it
// handed out, so that alerts are neither missed nor doubled.

import { Connection } from './connection.ts';
import { type ErrorCode, GatewayError } from './errors.ts';
import {
  type AlertKind,
  PastAlertsDocument,
  CreditAlertsDocument,
  type CreditAlertsSubscription,
  CreditBalanceDocument,
  type CreditBalanceSubscription,
} from './operations.ts';
import type { Operation } from './operation.ts';
import { request } from './request.ts';
import { Socket, type SocketOptions } from './socket.ts';
import { backoffMs, pause } from './wait.ts';

const WAIT_MOST_MS = 15_000;
/** A stream that was up for so long begins anew with short waits. */
const STEADY_MS = 60_000;
/** Where an account's alerts begin. */
const FROM_THE_FIRST = '';
/** After these a stream is asked for again; all others would only repeat. */
const PASSING: readonly ErrorCode[] = [
  'NETWORK',
  'TIMEOUT',
  'UNAVAILABLE',
  'RATE_LIMITED',
  'INTERNAL_SERVER_ERROR',
];

export interface StreamOptions {
  /** Ends the stream, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** An event replaces those that were not read yet. */
  readonly latestOnly?: boolean;
}

export interface AlertsOptions extends Pick<StreamOptions, 'signal'> {
  /** Needed with an operator's key. */
  readonly accountId?: string | null;
  /** The cursor of the last alert that was handled; an empty text: from the account's first one. By default from now on. */
  readonly after?: string | null;
  readonly kinds?: readonly AlertKind[] | null;
  /**
   * Told the cursor of each alert once it was handled: when the loop asks for the next one. It is awaited, so it can store the
   * cursor, from which another process goes on with `after`.
   */
  readonly onCursor?: (cursor: string) => void | Promise<void>;
}

export interface BalanceOptions extends Pick<StreamOptions, 'signal'> {
  /** Needed with an operator's key. */
  readonly accountId?: string | null;
  /** While deployments burn credits, a balance comes at least that often: 1 to 3,600; 5 by default. */
  readonly everySeconds?: number | null;
}

export type LiveAlert = CreditAlertsSubscription['creditAlerts'];
export type LiveBalance = CreditBalanceSubscription['creditBalance'];

/** The streams of one key, over one socket, which is open while there is a stream. */
export class Live {
  private readonly connection: Connection;
  private readonly socket: Socket;
  private readonly closing = new AbortController();

  constructor(options: SocketOptions) {
    this.connection = new Connection(options);
    this.socket = new Socket(options);
  }

  /**
   * The account's alerts in the order of their numbers, each once, whatever becomes of connections and gateways meanwhile.
   * Nothing is asked for before the loop begins.
   * @throws GatewayError where going on would not help: the key is refused, the cursor is of another account
   */
  alerts(options: AlertsOptions = {}): AsyncIterableIterator<LiveAlert> {
    const { accountId, kinds, onCursor } = options;
    let start = options.after;
    // Asked once. Who were to begin with the newest alert at each connection would miss those that were raised meanwhile.
    const variables: Variables = async (newest, signal) => {
      start ??= await this.lastCursor(accountId, signal);
      return { accountId, kinds, after: newest ?? start };
    };
    return this.until(options.signal, async function* (stream) {
      for await (const { creditAlerts } of stream(CreditAlertsDocument, variables)) {
        yield creditAlerts;
        await onCursor?.(creditAlerts.cursor);
      }
    });
  }

  /** The account's balance: as it is, then each change. A loop that is slow gets the newest. @throws GatewayError as `alerts` does */
  balance({ signal, ...variables }: BalanceOptions = {}): AsyncIterableIterator<LiveBalance> {
    return this.until(signal, async function* (stream) {
      const data = stream(CreditBalanceDocument, () => Promise.resolve(variables), true);
      for await (const { creditBalance } of data) yield creditBalance;
    });
  }

  /**
   * The events of any subscription. Where they have cursors, it goes on after the last one.
   * @throws GatewayError as `alerts` does
   */
  subscribe<TData, TVariables extends object>(
    operation: Operation<TData, TVariables>,
    variables: TVariables,
    { signal, latestOnly }: StreamOptions = {},
  ): AsyncIterableIterator<TData> {
    const from = (after: string | undefined): Promise<object> =>
      Promise.resolve(after === undefined ? variables : { ...variables, after });
    return this.until(signal, (stream) => stream(operation, from, latestOnly));
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.socket.close();
  }

  private async lastCursor(
    accountId: string | null | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const variables = { accountId, last: 1 };
    const { account } = await request(this.connection, PastAlertsDocument, variables, { signal });
    return account?.alerts.edges[0]?.cursor ?? FROM_THE_FIRST;
  }

  /** An iterator that `return()`, the signal and `close()` end also while it waits for an event. */
  private until<T>(
    signal: AbortSignal | undefined,
    begin: (stream: Stream) => AsyncGenerator<T, void, undefined>,
  ): AsyncIterableIterator<T> {
    const ended = new AbortController();
    const causes = [signal, this.closing.signal];
    const end = (): void => {
      for (const cause of causes) cause?.removeEventListener('abort', end);
      ended.abort();
    };
    for (const cause of causes) {
      cause?.addEventListener('abort', end);
      if (cause?.aborted === true) end();
    }
    const stream: Stream = (operation, variables, isLatestOnly = false) =>
      goOn(this.socket, { operation, variables, isLatestOnly, signal: ended.signal });
    const generator = endingWith(begin(stream), end);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => generator.next(),
      return: async () => {
        end();
        await generator.return();
        return { done: true, value: undefined };
      },
    };
  }
}

async function* endingWith<T>(
  generator: AsyncGenerator<T, void, undefined>,
  end: () => void,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* generator;
  } finally {
    end();
  }
}

type Variables = (newest: string | undefined, signal: AbortSignal) => Promise<object>;
type Stream = <TData, TVariables>(
  operation: Operation<TData, TVariables>,
  variables: Variables,
  isLatestOnly?: boolean,
) => AsyncGenerator<TData, void, undefined>;

interface GoingOn<TData, TVariables> {
  readonly operation: Operation<TData, TVariables>;
  /** Of each subscription. @param newest the cursor of the last event that was handed out */
  readonly variables: Variables;
  readonly isLatestOnly: boolean;
  readonly signal: AbortSignal;
}

async function* goOn<TData, TVariables>(
  socket: Socket,
  { operation, variables, isLatestOnly, signal }: GoingOn<TData, TVariables>,
): AsyncGenerator<TData, void, undefined> {
  let newest: string | undefined;
  let failures = 0;
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    const beganMs = performance.now();
    try {
      const payload = { query: operation.text, variables: await variables(newest, signal) };
      for await (const data of once<TData>(socket, payload, { isLatestOnly, signal })) {
        failures = 0;
        newest = cursorIn(data) ?? newest;
        yield data;
      }
    } catch (thrown) {
      if (isOver()) return;
      if (!(thrown instanceof GatewayError) || !(await isPassing(thrown, socket))) throw thrown;
      failures = performance.now() - beganMs > STEADY_MS ? 1 : failures + 1;
      await pause(backoffMs(failures, WAIT_MOST_MS, thrown.retryAfterSeconds), signal);
    }
  }
}

async function* once<TData>(
  socket: Socket,
  payload: { readonly query: string; readonly variables: object },
  { isLatestOnly, signal }: { readonly isLatestOnly: boolean; readonly signal: AbortSignal },
): AsyncGenerator<TData, void, undefined> {
  if (signal.aborted) return;
  const { events, stop } = socket.subscribe<TData>(payload, isLatestOnly);
  signal.addEventListener('abort', stop);
  try {
    yield* events;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function isPassing({ code }: GatewayError, socket: Socket): Promise<boolean> {
  return PASSING.includes(code) || (code === 'UNAUTHENTICATED' && (await socket.renews()));
}

/** The cursor of an event: `data` has one field, which has it. */
function cursorIn(data: unknown): string | undefined {
  const [event] = Object.values<unknown>(
    typeof data === 'object' && data !== null ? { ...data } : {},
  );
  if (typeof event !== 'object' || event === null || !('cursor' in event)) return undefined;
  return typeof event.cursor === 'string' ? event.cursor : undefined;
}
