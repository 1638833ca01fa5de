// What callers set of an account's credits: its policy, and what it wants to be warned of.

import { UserInputError, type ErrorPath } from '../core/errors.ts';
import { formatMicro, MICRO_PER_CREDIT, parseMicro } from '../core/micro.ts';
import { parseText } from '../core/text.ts';
import { HELD_MICRO_MAX } from '../engine/bounds.ts';
import type { CreditPolicy } from '../engine/limits.ts';
import type { ThresholdMeasure } from '../engine/alert-rules.ts';

export const THRESHOLDS_MAX = 100;
export const THRESHOLD_LABEL_MAX = 200;
const PERCENT_MAX_MICRO = 1_000n * MICRO_PER_CREDIT;
/** Ten years are foreseen; a warning may come a year before. */
const HOURS_MAX_MICRO = 8_784n * MICRO_PER_CREDIT;

/** A policy as the API takes it; what is left out stays as it is. */
export interface PolicyRequest {
  readonly lowCredit?: string | null;
  readonly negativeLimit?: string | null;
  readonly fineTuningMinimum?: string | null;
}

/** A threshold as the API takes it. */
export interface ThresholdRequest {
  readonly measure: ThresholdMeasure;
  readonly value: string;
  readonly label?: string | null;
}

export interface NewThreshold {
  readonly measure: ThresholdMeasure;
  readonly valueMicro: bigint;
  readonly label: string | null;
}

/** What a new account has where its request leaves it out. */
export interface AccountDefaults {
  readonly policy: CreditPolicy;
  /** Percents of credits and of runs used. */
  readonly usageThresholds: readonly string[];
  readonly hoursToStop: readonly string[];
}

/** Where the configuration says nothing: deployments are refused at 10 credits, go on into debt, and are stopped at -10. */
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

/** @throws UserInputError when the value is none that its measure can have */
export function parseThreshold(request: ThresholdRequest, path: ErrorPath): NewThreshold {
  const { measure, label = null } = request;
  const valueMicro = parseMicro(request.value, [...path, 'value']);
  const limits = VALUES[measure];
  if (limits !== null && (valueMicro <= 0n || valueMicro > limits.maxMicro)) {
    throw new UserInputError(
      `value is ${formatMicro(valueMicro)}; ${limits.unit} must be above 0 and at most ${formatMicro(limits.maxMicro)}.`,
      { path: [...path, 'value'] },
    );
  }
  return {
    measure,
    valueMicro,
    label: label === null ? null : parseText(label, [...path, 'label'], THRESHOLD_LABEL_MAX),
  };
}

/** The thresholds of a new account: percents of credits and of runs used, and hours before the stop. */
export function firstThresholds(
  usagePercents: readonly string[],
  hoursToStop: readonly string[],
): readonly NewThreshold[] {
  if (usagePercents.length * 2 + hoursToStop.length > THRESHOLDS_MAX) {
    throw new UserInputError(
      `usageThresholds (each for credits and for runs) and hoursToStop make more than ${THRESHOLDS_MAX} thresholds.`,
      { path: ['input', 'usageThresholds'] },
    );
  }
  const all = (
    measure: ThresholdMeasure,
    values: readonly string[],
    field: string,
  ): readonly NewThreshold[] =>
    values.flatMap((value, index) => {
      const path = ['input', field, index];
      // A list holds bare values: the value is the element, not a field of it.
      const threshold = withPath(path, () => parseThreshold({ measure, value }, path));
      return values.indexOf(value) < index ? [] : [threshold];
    });
  return [
    ...all('CREDITS_USED_PERCENT', usagePercents, 'usageThresholds'),
    ...all('RUNS_USED_PERCENT', usagePercents, 'usageThresholds'),
    ...all('HOURS_TO_STOP', hoursToStop, 'hoursToStop'),
  ];
}

const VALUES: Readonly<
  Record<ThresholdMeasure, { readonly unit: string; readonly maxMicro: bigint } | null>
> = {
  CREDITS_REMAINING: null,
  CREDITS_USED_PERCENT: { unit: 'a percent', maxMicro: PERCENT_MAX_MICRO },
  RUNS_USED_PERCENT: { unit: 'a percent', maxMicro: PERCENT_MAX_MICRO },
  HOURS_TO_STOP: { unit: 'hours', maxMicro: HOURS_MAX_MICRO },
};

function withPath<T>(path: ErrorPath, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserInputError)) throw error;
    throw new UserInputError(error.message, { path, cause: error });
  }
}
