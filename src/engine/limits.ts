// The policy of an account's credits, and the state that follows from it and the balance.

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
