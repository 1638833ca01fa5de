// Thresholds: which values an account is alerted at.

import { UserInputError, type ErrorPath } from '../core/errors.ts';
import { formatMicro, MICRO_PER_CREDIT, parseMicro } from '../core/micro.ts';
import { parseText } from '../core/text.ts';
import type { ThresholdMeasure } from '../engine/alert-rules.ts';

export const THRESHOLDS_MAX = 100;
export const THRESHOLD_LABEL_MAX = 200;
const PERCENT_MAX_MICRO = 1_000n * MICRO_PER_CREDIT;
/** A year: a forecast looks ten years ahead, and an alert may come at most a year before the stop. */
const HOURS_MAX_MICRO = 8_784n * MICRO_PER_CREDIT;

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

/** @throws UserInputError when the measure cannot have the value */
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

/** The thresholds of a new account: percents of used credits and runs, and hours before the stop. */
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
      // A list holds plain values: an error names the element, not a field of it.
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
