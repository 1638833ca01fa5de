// Alert rules: the thresholds of an account and its three limits. A rule is reached or not. It fires when it
// becomes reached, and its alert is open until it is no longer reached. The rules of a unit are not judged before the unit's
// first lot has taken effect. A rule is also reached at exactly its value.

import { floorDiv, percentMicro } from '../core/micro.ts';
import { MS_PER_HOUR } from '../hosting/charge.ts';
import { hoursMicro } from './burn.ts';
import type { CreditPolicy, CreditState } from './limits.ts';

export const thresholdMeasures = {
  CREDITS_REMAINING: 'CREDITS_REMAINING',
  CREDITS_USED_PERCENT: 'CREDITS_USED_PERCENT',
  RUNS_USED_PERCENT: 'RUNS_USED_PERCENT',
  HOURS_TO_STOP: 'HOURS_TO_STOP',
} as const;
export type ThresholdMeasure = keyof typeof thresholdMeasures;

/** The limits that the policy sets; each account has one of each. */
export const limitMeasures = {
  LOW_CREDIT: 'LOW_CREDIT',
  ZERO: 'ZERO',
  NEGATIVE_LIMIT: 'NEGATIVE_LIMIT',
} as const;

export const alertRuleMeasures = { ...thresholdMeasures, ...limitMeasures } as const;
export type AlertRuleMeasure = keyof typeof alertRuleMeasures;

export interface AlertRule {
  readonly ruleId: number;
  readonly measure: AlertRuleMeasure;
  /** Millionths of a credit, percent or hour; 0 for limits, whose level is the policy's. */
  readonly valueMicro: bigint;
  readonly isReached: boolean;
  /** Sequence of the last alert that it raised, while that alert is open. */
  readonly openAlert: number | null;
  readonly lastFiredAtMs: number | null;
}

/** The figures of one unit. */
export interface UnitPosition {
  readonly hasBegun: boolean;
  readonly allocatedMicro: bigint;
  readonly usedMicro: bigint;
  /** After what has accrued; negative in debt. */
  readonly balanceMicro: bigint;
}

/** The figures of an account at an instant. */
export interface Position {
  readonly atMs: number;
  readonly state: CreditState;
  readonly policy: CreditPolicy;
  readonly credits: UnitPosition;
  readonly runs: UnitPosition;
  /** When running deployments will be stopped; null when nothing runs, or when no stop is foreseen. */
  readonly stopsAtMs: number | null;
}

export function isThreshold(measure: AlertRuleMeasure): measure is ThresholdMeasure {
  return measure in thresholdMeasures;
}

/** Whether an alert rule is reached; null when it is not judged at present. */
export function isReached(rule: AlertRule, position: Position): boolean | null {
  const { credits, runs } = position;
  if (rule.measure === 'RUNS_USED_PERCENT') {
    return runs.hasBegun ? isPercentReached(rule.valueMicro, runs) : null;
  }
  if (!credits.hasBegun) return null;
  if (rule.measure === 'HOURS_TO_STOP') {
    if (position.state === 'STOPPED') return null;
    const { stopsAtMs } = position;
    return stopsAtMs !== null && stopsAtMs <= position.atMs + leadMs(rule);
  }
  const levelMicro = creditLevel(rule, position);
  return levelMicro !== null && credits.balanceMicro <= levelMicro;
}

/**
 * The balance at or below which an alert rule on credits is reached, while lots do not change; null for the other two measures.
 * p percent of credits are used when used >= p x allocated / 100, and used is allocated - balance.
 */
export function creditLevel(
  rule: Pick<AlertRule, 'measure' | 'valueMicro'>,
  position: Pick<Position, 'credits' | 'policy'>,
): bigint | null {
  const { credits, policy } = position;
  switch (rule.measure) {
    case 'CREDITS_REMAINING':
      return rule.valueMicro;
    case 'CREDITS_USED_PERCENT':
      return percentLevel(rule.valueMicro, credits);
    case 'LOW_CREDIT':
      return policy.lowCreditMicro;
    case 'ZERO':
      return 0n;
    case 'NEGATIVE_LIMIT':
      return policy.negativeLimitMicro;
    case 'RUNS_USED_PERCENT':
    case 'HOURS_TO_STOP':
      return null;
  }
}

/** How long before the stop a HOURS_TO_STOP threshold is reached, in whole milliseconds. */
export function leadMs(rule: Pick<AlertRule, 'valueMicro'>): number {
  return Number(floorDiv(rule.valueMicro * MS_PER_HOUR, 1_000_000n));
}

/** The present value of what a threshold measures, in millionths, half up; null for limits, and for a percentage of nothing. */
export function measuredMicro(measure: AlertRuleMeasure, position: Position): bigint | null {
  const { credits, runs } = position;
  switch (measure) {
    case 'CREDITS_REMAINING':
      return credits.balanceMicro;
    case 'CREDITS_USED_PERCENT':
      return percentMicro(credits.usedMicro, credits.allocatedMicro);
    case 'RUNS_USED_PERCENT':
      return percentMicro(runs.usedMicro, runs.allocatedMicro);
    case 'HOURS_TO_STOP':
      return position.stopsAtMs === null ? null : hoursMicro(position.stopsAtMs - position.atMs);
    case 'LOW_CREDIT':
    case 'ZERO':
    case 'NEGATIVE_LIMIT':
      return null;
  }
}

/**
 * The order of the alerts of one evaluation: credits remaining (highest first), percents (lowest first), hours to stop,
 * low credit, zero, negative limit; then by id.
 */
export function compareFired(a: AlertRule, b: AlertRule): number {
  const rank = RANKS[a.measure] - RANKS[b.measure];
  if (rank !== 0) return rank;
  const byValue = VALUE_ORDERS[a.measure] * compareBig(a.valueMicro, b.valueMicro);
  return byValue || a.ruleId - b.ruleId;
}

const RANKS: Readonly<Record<AlertRuleMeasure, number>> = {
  CREDITS_REMAINING: 0,
  CREDITS_USED_PERCENT: 1,
  RUNS_USED_PERCENT: 1,
  HOURS_TO_STOP: 2,
  LOW_CREDIT: 3,
  ZERO: 4,
  NEGATIVE_LIMIT: 5,
};

/** 1: lowest value first, -1: highest first, 0: the value does not matter. */
const VALUE_ORDERS: Readonly<Record<AlertRuleMeasure, number>> = {
  CREDITS_REMAINING: -1,
  CREDITS_USED_PERCENT: 1,
  RUNS_USED_PERCENT: 1,
  HOURS_TO_STOP: 0,
  LOW_CREDIT: 0,
  ZERO: 0,
  NEGATIVE_LIMIT: 0,
};

function isPercentReached(valueMicro: bigint, unit: UnitPosition): boolean {
  return unit.balanceMicro <= percentLevel(valueMicro, unit);
}

// Where nothing is allocated there is no percentage: the rule counts as reached in debt.
function percentLevel(valueMicro: bigint, { allocatedMicro }: UnitPosition): bigint {
  if (allocatedMicro <= 0n) return -1n;
  return allocatedMicro + floorDiv(-valueMicro * allocatedMicro, 100_000_000n);
}

function compareBig(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
