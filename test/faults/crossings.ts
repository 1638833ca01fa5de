// Accounts whose credits run out while faults happen. What they cross, and when, is reckoned by hand: each level is
// reached in the first millisecond that takes the balance to it.

import { AllocateDocument, DeployDocument } from '@billing-gateway/client/operations';
import { formatMicro } from '../../src/core/micro.ts';
import { type Caller, clock } from './caller.ts';
import type { Chance } from './chance.ts';
import { iso } from './driver.ts';
import { HARDWARE, type Rates } from './hardware.ts';

const MICRO = 1_000_000n;

export interface Crossing {
  readonly accountId: string;
  readonly name: string;
  /** When hosting began. */
  readonly fromMs: number;
  readonly stopsAfterMs: number;
  readonly expected: readonly {
    readonly kind: string;
    readonly afterMs: number;
    readonly remainingMicro: bigint;
  }[];
}

export interface CrossingAccount {
  readonly accountId: string;
  readonly name: string;
  readonly resourceId: string;
  readonly lowMicro: bigint;
  readonly negativeMicro: bigint;
  readonly rates: Rates;
}

/** Begins to burn: all is over within `withinMs`. To be called while nothing is wrong. */
export async function beginCrossing(
  caller: Caller,
  chance: Chance,
  account: CrossingAccount,
  withinMs: number,
): Promise<Crossing> {
  const { accountId, name, resourceId, lowMicro, negativeMicro, rates } = account;
  // So many milliseconds to the first level, or about that.
  const lowAfterMs = chance.whole(1_000, Math.floor(withinMs / 2));
  const amountMicro = lowMicro + BigInt(lowAfterMs) * 1_000n;
  await caller.ask(AllocateDocument, {
    input: { accountId, amount: formatMicro(amountMicro), idempotencyKey: 'to burn' },
  });
  const fromMs = clock.nowMs() - 500;
  await caller.ask(DeployDocument, {
    input: { id: resourceId, hardware: HARDWARE, replicas: 1, at: iso(fromMs) },
  });
  const reached = (levelMicro: bigint): number =>
    rates.costsBy(fromMs, amountMicro - levelMicro) - fromMs;
  const levels = [
    ['LOW_CREDITS', lowMicro],
    ['CREDITS_EXHAUSTED', 0n],
    ['NEGATIVE_LIMIT_REACHED', negativeMicro],
  ] as const;
  return {
    accountId,
    name,
    fromMs,
    stopsAfterMs: reached(negativeMicro),
    expected: levels.map(([kind, levelMicro]) => {
      const afterMs = reached(levelMicro);
      return {
        kind,
        afterMs,
        remainingMicro: amountMicro - rates.costMicro(fromMs, fromMs + afterMs, 1),
      };
    }),
  };
}

/** Levels of an account that burns within seconds. */
export function levelsOf(chance: Chance): {
  readonly lowMicro: bigint;
  readonly negativeMicro: bigint;
} {
  return {
    lowMicro: MICRO * BigInt(chance.whole(1, 4)),
    negativeMicro: -MICRO * BigInt(chance.whole(1, 4)),
  };
}
