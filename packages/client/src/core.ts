// The client without the methods of all operations: for a page, which carries only those operations that it uses.

import { type CallOptions, Connection } from './connection.ts';
import {
  type AlertsOptions,
  type BalanceOptions,
  Live,
  type LiveAlert,
  type LiveBalance,
  type StreamOptions,
} from './live.ts';
import type { HostingPeriodInput, UsageEventInput } from './operations.ts';
import type { Operation } from './operation.ts';
import { pages } from './pages.ts';
import { recordHosting, recordUsage, type Recorded, type RecordOptions } from './record.ts';
import { request } from './request.ts';
import type { SocketOptions } from './socket.ts';

export type GatewayOptions = SocketOptions;

/** What can be asked of a gateway with operations at hand. */
export interface Core {
  /** The address and the key, for what has no operation: exports. */
  readonly connection: Connection;
  /** Runs a query or mutation. @throws GatewayError */
  request<TData, TVariables>(
    operation: Operation<TData, TVariables>,
    variables: TVariables,
    options?: CallOptions,
  ): Promise<TData>;
  /** The events of a subscription, which goes on after any loss. @throws GatewayError where going on is in vain */
  subscribe<TData, TVariables extends object>(
    operation: Operation<TData, TVariables>,
    variables: TVariables,
    options?: StreamOptions,
  ): AsyncIterableIterator<TData>;
  /** The pages of a list, one after the other. */
  readonly pages: typeof pages;
  /** Records usage of any amount: in chunks, each sent again until it is answered. @throws RecordError */
  record(
    events: Iterable<UsageEventInput> | AsyncIterable<UsageEventInput>,
    options?: RecordOptions,
  ): Promise<Recorded<UsageEventInput>>;
  /** Records periods of past hosting, as `record` does events. @throws RecordError */
  recordPeriods(
    periods: Iterable<HostingPeriodInput> | AsyncIterable<HostingPeriodInput>,
    options?: RecordOptions,
  ): Promise<Recorded<HostingPeriodInput>>;
  /** The account's alerts, each once and in order. @throws GatewayError where going on is in vain */
  alerts(options?: AlertsOptions): AsyncIterableIterator<LiveAlert>;
  /** The account's balance, as it is and at each change. @throws GatewayError where going on is in vain */
  balance(options?: BalanceOptions): AsyncIterableIterator<LiveBalance>;
  /** Ends all streams. */
  close(): Promise<void>;
}

/**
 * A client of one gateway, for operations of `@billing-gateway/client/operations`. It connects only when something is asked.
 * @throws TypeError when the address is none
 */
export function createCore(options: GatewayOptions): Core {
  const connection = new Connection(options);
  const live = new Live(options);
  return {
    connection,
    request: (operation, variables, more) => request(connection, operation, variables, more),
    subscribe: (operation, variables, more) => live.subscribe(operation, variables, more),
    pages,
    record: (events, more) => recordUsage(connection, events, more),
    recordPeriods: (periods, more) => recordHosting(connection, periods, more),
    alerts: (more) => live.alerts(more),
    balance: (more) => live.balance(more),
    close: () => live.close(),
  };
}
