// How much a caller may ask for and bring in a minute: points of cost, for each key and for each account, and events for each
// account. A minute begins with the first call after the last one ended.

import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError } from '../core/errors.ts';
import { type Actor, callerKey } from '../core/identity.ts';
import type { TakeEvents } from '../core/rate.ts';

const MINUTE_SECONDS = 60;

/**
 * Takes the points of an operation before it runs.
 * @returns how many are left in this minute
 * @throws RATE_LIMITED, and takes none
 */
export type TakePoints = (actor: Actor, points: number) => Promise<number>;

/** What an operation costs, as `extensions.cost` of its answer says. */
export interface OperationCost {
  /** In points. */
  readonly asked: number;
  /** The most that one operation may cost. */
  readonly allowed: number;
  /** How many points its caller has left in this minute; left out without a limit. */
  readonly left?: number;
}

export interface PointRates {
  readonly perKey: number;
  readonly perAccount: number;
  /** For tests; default: a minute. */
  readonly seconds?: number;
}

export interface EventRate {
  readonly perAccount: number;
}

/** What a counter counts, which is part of its name where gateways share it. */
export type Counted =
  'points-of-key' | 'points-of-account' | 'events-of-account' | 'wrong-keys-of-address';

/** Counts what holders take in some time. */
export type Counter = Pick<
  RateLimiterAbstract,
  'consume' | 'penalty' | 'reward' | 'get' | 'points'
>;
export type CounterOf = (
  counted: Counted,
  bound: { readonly points: number; readonly seconds: number },
) => Counter;

/** Counters of this process. */
export const countersInMemory: CounterOf = (_counted, { points, seconds }) =>
  new RateLimiterMemory({ points, duration: seconds });

/** Counts the points of callers. */
export function pointRates(
  { perKey, perAccount, seconds = MINUTE_SECONDS }: PointRates,
  counterOf: CounterOf = countersInMemory,
): TakePoints {
  const keys = counterOf('points-of-key', { points: perKey, seconds });
  const accounts = counterOf('points-of-account', { points: perAccount, seconds });
  return async (actor, points) => {
    const { accountId } = actor;
    const key = callerKey(actor);
    const what = `The operation costs ${points} points`;
    const ofKey = await take(keys, key, { count: points, what, of: 'this key' });
    // An operator's key belongs to no account.
    if (accountId === null) return ofKey;
    try {
      const of = 'all keys of this account together';
      const account = String(accountId);
      return Math.min(ofKey, await take(accounts, account, { count: points, what, of }));
    } catch (error) {
      await keys.reward(key, points);
      throw error;
    }
  };
}

/** Counts what calls bring to accounts, whoever calls. */
export function eventRate(
  { perAccount }: EventRate,
  counterOf: CounterOf = countersInMemory,
): TakeEvents {
  const accounts = counterOf('events-of-account', { points: perAccount, seconds: MINUTE_SECONDS });
  return async (accountId, count) => {
    if (count === 0) return;
    const what = `The call brings ${count} entries`;
    await take(accounts, String(accountId), { count, what, of: 'this account' });
  };
}

async function take(
  counter: Counter,
  holder: string,
  { count, what, of }: { readonly count: number; readonly what: string; readonly of: string },
): Promise<number> {
  try {
    return (await counter.consume(holder, count)).remainingPoints;
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    // What was refused does not count: smaller calls may still come.
    await counter.reward(holder, count);
    throw new RateLimitedError(
      `${what}, more than are left in this minute; ${counter.points} a minute are allowed for ${of}.`,
      Math.ceil(refusal.msBeforeNext / 1_000),
    );
  }
}
