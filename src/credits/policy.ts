// The credit policy of an account, and the defaults of new accounts.

import { UserInputError } from '../core/errors.ts';
import { formatMicro, MICRO_PER_CREDIT, parseMicro } from '../core/micro.ts';
import { HELD_MICRO_MAX } from '../engine/bounds.ts';
import type { CreditPolicy } from '../engine/limits.ts';

/** A policy as the API takes it; fields that are left out stay as they are. */
export interface PolicyRequest {
  readonly lowCredit?: string | null;
  readonly negativeLimit?: string | null;
  readonly fineTuningMinimum?: string | null;
}

/** The defaults of new accounts, for what their request leaves out. */
export interface AccountDefaults {
  readonly policy: CreditPolicy;
  /** Percents of used credits and of used runs. */
  readonly usageThresholds: readonly string[];
  readonly hoursToStop: readonly string[];
}

/** Without configuration: deployments are refused at 10 credits, continue into debt, and are stopped at -10. */
export const shippedDefaults: AccountDefaults = {
  policy: {
    lowCreditMicro: 10n * MICRO_PER_CREDIT,
    negativeLimitMicro: -10n * MICRO_PER_CREDIT,
    fineTuningMinimumMicro: 0n,
  },
  usageThresholds: ['50', '70', '80', '90'],
  hoursToStop: ['24'],
};

/**
 * The policy after a request.
 * @throws UserInputError unless negativeLimit <= 0 <= lowCredit, each within what an account can hold
 */
export function parsePolicy(request: PolicyRequest, before: CreditPolicy): CreditPolicy {
  const read = (field: keyof PolicyRequest, beforeMicro: bigint): bigint => {
    const text = request[field] ?? null;
    return text === null ? beforeMicro : parseLevel(text, field);
  };
  const policy = {
    lowCreditMicro: read('lowCredit', before.lowCreditMicro),
    negativeLimitMicro: read('negativeLimit', before.negativeLimitMicro),
    fineTuningMinimumMicro: read('fineTuningMinimum', before.fineTuningMinimumMicro),
  };
  if (policy.lowCreditMicro < 0n) {
    throw new UserInputError(
      `lowCredit is ${formatMicro(policy.lowCreditMicro)}; it must be zero or more.`,
      { path: ['input', 'lowCredit'] },
    );
  }
  if (policy.negativeLimitMicro > 0n) {
    throw new UserInputError(
      `negativeLimit is ${formatMicro(policy.negativeLimitMicro)}; it must be zero or less.`,
      { path: ['input', 'negativeLimit'] },
    );
  }
  return policy;
}

function parseLevel(text: string, field: string): bigint {
  const path = ['input', field];
  const levelMicro = parseMicro(text, path);
  if (levelMicro >= -HELD_MICRO_MAX && levelMicro <= HELD_MICRO_MAX) return levelMicro;
  const bound = formatMicro(levelMicro < 0n ? -HELD_MICRO_MAX : HELD_MICRO_MAX);
  throw new UserInputError(
    `${field} is ${formatMicro(levelMicro)}; it must be ${levelMicro < 0n ? 'at least' : 'at most'} ${bound}.`,
    { path },
  );
}
