// How much a caller may ask for and bring in a minute: points of cost, for each key and for each account, and events for each
// account. A minute begins with the first call after the last one ended.

import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError } from '../core/errors.ts';
import { type Actor, callerKey } from '../core/identity.ts';
import type { TakeEvents } from '../core/rate.ts';

const MINUTE_SECONDS = 60;

/** The points that callers have in a minute. */
export interface Points {
  /** @throws RATE_LIMITED when none are left */
  readonly requireSome: (actor: Actor) => Promise<void>;
  /**
   * Takes those of an operation before it runs.
   * @returns how many are left in this minute
   * @throws RATE_LIMITED, and takes none
   */
  readonly take: (actor: Actor, points: number) => Promise<number>;
  /** Takes those of a document that was refused, also when fewer are left. */
  readonly charge: (actor: Actor, points: number) => Promise<void>;
}

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
): Points {
  const keys = counterOf('points-of-key', { points: perKey, seconds });
  const accounts = counterOf('points-of-account', { points: perAccount, seconds });
  // Whose points an operation takes. An operator's key belongs to no account.
  const countsOf = (actor: Actor): readonly Count[] => {
    const key = { counter: keys, holder: callerKey(actor), of: 'this key' };
    if (actor.accountId === null) return [key];
    const of = 'all keys of this account together';
    return [key, { counter: accounts, holder: String(actor.accountId), of }];
  };
  return {
    requireSome: async (actor) => {
      await Promise.all(countsOf(actor).map(requireSome));
    },
    take: async (actor, points) => {
      const what = `The operation costs ${points} points`;
      const taken: Count[] = [];
      let left = Infinity;
      try {
        for (const count of countsOf(actor)) {
          left = Math.min(left, await take(count, points, what));
          taken.push(count);
        }
      } catch (error) {
        for (const { counter, holder } of taken) await counter.reward(holder, points);
        throw error;
      }
      return left;
    },
    charge: async (actor, points) => {
      await Promise.all(
        countsOf(actor).map(({ counter, holder }) => counter.penalty(holder, points)),
      );
    },
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
    await take({ counter: accounts, holder: String(accountId), of: 'this account' }, count, what);
  };
}

/** What a holder has taken. */
interface Count {
  readonly counter: Counter;
  readonly holder: string;
  /** Names the holder in a refusal. */
  readonly of: string;
}

async function requireSome(count: Count): Promise<void> {
  const taken = await count.counter.get(count.holder);
  if (taken === null || taken.consumedPoints < count.counter.points) return;
  // A minute that has ended may be still there.
  if (taken.msBeforeNext > 0) throw refusal(count, 'No points', taken);
}

async function take(count: Count, points: number, what: string): Promise<number> {
  const { counter, holder } = count;
  try {
    return (await counter.consume(holder, points)).remainingPoints;
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    // What was refused does not count: smaller calls may still come.
    await counter.reward(holder, points);
    throw refusal(count, `${what}, more than`, error);
  }
}

function refusal(
  { counter, of }: Count,
  what: string,
  { msBeforeNext }: RateLimiterRes,
): RateLimitedError {
  return new RateLimitedError(
    `${what} are left in this minute; ${counter.points} a minute are allowed for ${of}.`,
    Math.ceil(msBeforeNext / 1_000),
  );
}
