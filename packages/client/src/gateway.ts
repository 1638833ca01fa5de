// The whole client: what core.ts has, and a method for each operation.

import type { CallOptions } from './connection.ts';
import { type Core, createCore, type GatewayOptions } from './core.ts';
import type { StreamOptions } from './live.ts';
import { operations } from './methods.ts';
import type { Operation } from './operation.ts';

/** How an operation is called: a query or mutation is answered once, a subscription is a stream that goes on after any loss. */
type Method<TOperation> =
  TOperation extends Operation<infer TData, infer TVariables>
    ? TOperation extends { readonly kind: 'subscription' }
      ? (...args: Args<TVariables, StreamOptions>) => AsyncIterableIterator<TData>
      : (...args: Args<TVariables, CallOptions>) => Promise<TData>
    : never;
type Args<TVariables, TOptions> = object extends TVariables
  ? [variables?: TVariables, options?: TOptions]
  : [variables: TVariables, options?: TOptions];

type Methods = { readonly [TName in keyof typeof operations]: Method<(typeof operations)[TName]> };

/** A gateway, as an account's key or an operator's key sees it. */
export interface Gateway extends Core, Methods {}

/**
 * A client of one gateway, with a method for each operation. It connects only when something is asked.
 * @throws TypeError when the address is none
 */
export function createGateway(options: GatewayOptions): Gateway {
  const core = createCore(options);
  const named = Object.entries(operations) as [string, Operation<unknown, object>][];
  const methods = named.map(([name, operation]) => [
    name,
    operation.kind === 'subscription'
      ? (variables: object = {}, more?: StreamOptions) => core.subscribe(operation, variables, more)
      : (variables: object = {}, more?: CallOptions) => core.request(operation, variables, more),
  ]);
  return { ...(Object.fromEntries(methods) as Methods), ...core };
}
