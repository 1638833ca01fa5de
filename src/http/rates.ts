// How much a caller may ask for in a minute: points of cost, for each key and for each account. A minute begins with the first
// operation after the last one ended.

import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitedError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';

const MINUTE_SECONDS = 60;

/**
 * Takes the points of an operation before it runs.
 * @returns how many are left in this minute
 * @throws RATE_LIMITED, and takes none
 */
export type SpendPoints = (actor: Actor, points: number) => Promise<number>;

/** What an operation costs, as `extensions.cost` of its answer says. */
export interface OperationCost {
  /** In points. */
  readonly asked: number;
  /** The most that one operation may cost. */
  readonly allowed: number;
  /** How many points its caller has left in this minute; left out without a limit. */
  readonly left?: number;
}

/** Takes the points of an operation, if they are limited. @throws RATE_LIMITED */
export async function payFor(
  cost: Pick<OperationCost, 'asked' | 'allowed'>,
  { actor, spend }: { readonly actor: Actor; readonly spend: SpendPoints | undefined },
): Promise<OperationCost> {
  const left = await spend?.(actor, cost.asked);
  return left === undefined ? cost : { ...cost, left };
}

export interface PointRates {
  readonly perKey: number;
  readonly perAccount: number;
  /** For tests; default: a minute. */
  readonly seconds?: number;
}

/** Counts the points of all callers of this process. */
export function pointRates({
  perKey,
  perAccount,
  seconds = MINUTE_SECONDS,
}: PointRates): SpendPoints {
  const keys = new RateLimiterMemory({ points: perKey, duration: seconds });
  const accounts = new RateLimiterMemory({ points: perAccount, duration: seconds });
  return async ({ name, accountId }, points) => {
    const ofKey = await take(keys, name, { points, of: 'this key' });
    // An operator's key belongs to no account.
    if (accountId === null) return ofKey;
    try {
      const of = 'all keys of this account together';
      return Math.min(ofKey, await take(accounts, String(accountId), { points, of }));
    } catch (error) {
      await keys.reward(name, points);
      throw error;
    }
  };
}

async function take(
  limiter: RateLimiterMemory,
  holder: string,
  { points, of }: { readonly points: number; readonly of: string },
): Promise<number> {
  try {
    return (await limiter.consume(holder, points)).remainingPoints;
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    // What was refused does not count: cheaper operations may still run.
    await limiter.reward(holder, points);
    throw new RateLimitedError(
      `The operation costs ${points} points, more than are left in this minute; ${limiter.points} a minute are allowed for ${of}.`,
      Math.ceil(refusal.msBeforeNext / 1_000),
    );
  }
}
