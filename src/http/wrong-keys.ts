// Guessing keys is slow, and costs the gateway nothing: after twenty wrong keys from an address, further unknown ones are refused until a
// minute has passed since the first, before the database is asked. Many callers can share one address, so keys that were right
// before still open. New ones are refused too: only the database knows them. A secret that was right and has ended is no guess:
// the tabs of a page that was left open do not shut out their address. A JWT is not counted, since its signature tells a guess
// without the database.

import { LRUCache } from 'lru-cache';
import { isJwt } from '../access/jwt.ts';
import type { SecretHolder } from '../access/key.service.ts';
import { sha256Of } from '../access/secret.service.ts';
import { RateLimitedError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import { networkOf } from './address.ts';
import type { Authenticate } from './key-check.ts';
import type { Counter } from './rates.ts';

export const WRONG_KEYS_MAX = 20;
export const WRONG_KEYS_WINDOW_SECONDS = 60;
const WINDOW_MS = WRONG_KEYS_WINDOW_SECONDS * 1_000;
const ADDRESSES_MAX = 100_000;
const RIGHT_KEYS_MAX = 10_000;
/** Callers whose addresses are not known count as one. */
const UNKNOWN_NETWORK = '';

/** The attempts of one address. */
interface Attempts {
  wrong: number;
  /** Keys that are being looked up. Each may be wrong, so with those that were it is never above the limit. */
  running: number;
  readonly waiting: (() => void)[];
}

export interface WrongKeysOptions {
  /** Whose secret it is. It may ask the database. */
  readonly authenticate: (secret: string) => Promise<SecretHolder>;
  /** Counts the wrong keys of addresses at all gateways; left out: there are no others. */
  readonly shared?: Pick<Counter, 'get' | 'penalty'> | undefined;
  /** For tests. */
  readonly windowMs?: number;
}

/** Checks keys, and refuses addresses with too many wrong ones: RATE_LIMITED. */
export function limitWrongKeys({
  authenticate,
  shared,
  windowMs = WINDOW_MS,
}: WrongKeysOptions): Authenticate {
  const rightKeys = new LRUCache<string, true>({ max: RIGHT_KEYS_MAX });
  const addresses = new LRUCache<string, Attempts>({ max: ADDRESSES_MAX, ttl: windowMs });
  const attemptsFrom = (address: string): Attempts => {
    const known = addresses.get(address);
    if (known !== undefined) return known;
    const attempts: Attempts = { wrong: 0, running: 0, waiting: [] };
    addresses.set(address, attempts);
    return attempts;
  };
  const requireRoom = async (attempts: Attempts, address: string): Promise<void> => {
    for (;;) {
      if (attempts.wrong >= WRONG_KEYS_MAX) throw tooMany(addresses.getRemainingTTL(address));
      if (attempts.wrong + attempts.running < WRONG_KEYS_MAX) return;
      await new Promise<void>((resolve) => {
        attempts.waiting.push(resolve);
      });
    }
  };
  return async (secret, from) => {
    const hash = sha256Of(secret).toString('base64');
    if (isJwt(secret) || rightKeys.get(hash) === true) return callerOf(await authenticate(secret));
    const address = from === null ? UNKNOWN_NETWORK : networkOf(from);
    const attempts = attemptsFrom(address);
    await requireRoom(attempts, address);
    attempts.running += 1;
    try {
      if (shared !== undefined) await requireFewElsewhere(shared, address);
      const holder = await authenticate(secret);
      if (holder === null) {
        attempts.wrong += 1;
        await shared?.penalty(address, 1);
      } else rightKeys.set(hash, true);
      return callerOf(holder);
    } finally {
      attempts.running -= 1;
      for (const resume of attempts.waiting.splice(0)) resume();
    }
  };
}

async function requireFewElsewhere(shared: Pick<Counter, 'get'>, address: string): Promise<void> {
  const wrong = await shared.get(address);
  if (wrong !== null && wrong.consumedPoints >= WRONG_KEYS_MAX) throw tooMany(wrong.msBeforeNext);
}

function tooMany(afterMs: number): RateLimitedError {
  return new RateLimitedError(
    `Too many wrong keys came from this address; ${WRONG_KEYS_MAX} a minute are answered.`,
    Math.ceil(Math.max(afterMs, 1) / 1_000),
  );
}

function callerOf(holder: SecretHolder): Actor | null {
  return holder === 'ENDED' ? null : holder;
}
