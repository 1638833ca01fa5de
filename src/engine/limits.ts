// The credit policy of an account, and the state that follows from policy and balance.

import { HELD_MICRO_MAX } from './bounds.ts';

export interface CreditPolicy {
  /** At or below it nothing new can be deployed; zero or more. */
  readonly lowCreditMicro: bigint;
  /** At or below it running deployments are stopped; zero or less. */
  readonly negativeLimitMicro: bigint;
  /** Fine-tuning can start only above it. */
  readonly fineTuningMinimumMicro: bigint;
}

export const creditStates = {
  OK: 'OK',
  LOW: 'LOW',
  EXHAUSTED: 'EXHAUSTED',
  STOPPED: 'STOPPED',
} as const;
export type CreditState = keyof typeof creditStates;

/** Where deployments are stopped: at the policy's limit or, before the first lot, at the lowest limit that can be set. */
export function stopLevelMicro(hasBegun: boolean, policy: CreditPolicy): bigint {
  return hasBegun ? policy.negativeLimitMicro : -HELD_MICRO_MAX;
}

/**
 * Before its first lot an account is EXHAUSTED, however little it owes; afterwards its state follows from its balance and policy.
 * @param balanceMicro after what has accrued
 */
export function creditStateOf(
  hasBegun: boolean,
  balanceMicro: bigint,
  policy: CreditPolicy,
): CreditState {
  if (balanceMicro <= stopLevelMicro(hasBegun, policy)) return 'STOPPED';
  if (!hasBegun || balanceMicro <= 0n) return 'EXHAUSTED';
  return balanceMicro <= policy.lowCreditMicro ? 'LOW' : 'OK';
}
