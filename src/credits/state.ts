// All that an account's credits depend on: what advance() (credits/clock.ts) begins with and ends with. Plain values; the
// store reads and writes them.

import type { HardwareRate } from '../catalogue/rates.ts';
import type { RunningSegment } from './burn.ts';
import type { Purse } from './lots.ts';
import type { Watch } from './watches.ts';

/** A rate, and since when the account knows of it: a forecast must not foresee what was set later. */
export interface KnownRate extends HardwareRate {
  /** Epoch ms; -Infinity for a test account, which knows all rates that there are. */
  readonly knownFromMs: number;
}

/** The running billing cycle; `endMs` is the next one's start. */
export interface RunningCycle {
  readonly cycleId: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface CreditPolicy {
  /** At or below it nothing new is deployed; zero or more. */
  readonly lowCreditMicro: bigint;
  /** At or below it what runs is stopped; zero or less. */
  readonly negativeLimitMicro: bigint;
  /** Fine-tuning may start only above it. */
  readonly fineTuningMinimumMicro: bigint;
}

export const creditStates = {
  OK: 'OK',
  LOW: 'LOW',
  EXHAUSTED: 'EXHAUSTED',
  STOPPED: 'STOPPED',
} as const;
export type CreditState = keyof typeof creditStates;

export interface AccountState {
  readonly accountId: number;
  /** The account's position: all that was due up to and including this instant has happened. */
  readonly atMs: number;
  readonly creditsFromMs: number;
  readonly timeZone: string;
  readonly cycleDay: number;
  readonly cycle: RunningCycle;
  readonly policy: CreditPolicy;
  readonly credits: Purse;
  readonly runs: Purse;
  readonly running: readonly RunningSegment[];
  /** Resources whose deployment was asked for and is not running yet. */
  readonly requestedResourceIds: readonly number[];
  /** Of the hardware that runs; others do no harm. */
  readonly rates: readonly KnownRate[];
  readonly watches: readonly Watch[];
  /** Numbers given so far. */
  readonly lastLedgerSequence: number;
  readonly lastAlertSequence: number;
  readonly lastLocalId: number;
}

/**
 * Before its first lot an account is EXHAUSTED; afterwards its state follows from its balance and policy.
 * @param balanceMicro with what has accrued taken off
 */
export function creditStateOf(
  hasBegun: boolean,
  balanceMicro: bigint,
  policy: CreditPolicy,
): CreditState {
  if (!hasBegun) return 'EXHAUSTED';
  if (balanceMicro <= policy.negativeLimitMicro) return 'STOPPED';
  if (balanceMicro <= 0n) return 'EXHAUSTED';
  return balanceMicro <= policy.lowCreditMicro ? 'LOW' : 'OK';
}
