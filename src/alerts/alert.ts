// Alerts of an account, in a numbered sequence without gaps, and the sentence of each.

import { groupedMicro, MICRO_PER_CREDIT, percentOf, readableMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import type { AlertKind, AlertRaised } from '../engine/credit-event.ts';
import type { UnitPosition, AlertRuleMeasure } from '../engine/alert-rules.ts';

/** An alert in its stored form. */
export interface Alert {
  readonly accountId: number;
  /** 1, 2, 3 … within the account, in the order of commit, without gaps. */
  readonly sequence: number;
  readonly kind: AlertKind;
  /** The threshold or limit that was reached. */
  readonly ruleId: number;
  readonly crossedAtMs: number;
  readonly raisedAtMs: number;
  readonly remainingMicro: bigint;
  /** Of runs for an alert on runs, otherwise of credits. */
  readonly percentUsed: number | null;
  /** For an alert on runs. */
  readonly runsRemaining: number | null;
  readonly measuredMicro: bigint | null;
  readonly message: string;
  readonly stoppedResourceIds: readonly number[];
  /** For RESOLVED: the sequence of the alert that ended. */
  readonly resolves: number | null;
}

/** The alert of a credit event. @param recordedAtMs the real time, whatever the account's clock says */
export function alertOf(accountId: number, raised: AlertRaised, recordedAtMs: number): Alert {
  const { position, measure } = raised;
  const isOfRuns = measure === 'RUNS_USED_PERCENT';
  const unit = isOfRuns ? position.runs : position.credits;
  return {
    accountId,
    sequence: raised.sequence,
    kind: raised.kind,
    ruleId: raised.ruleId,
    crossedAtMs: raised.atMs,
    raisedAtMs: recordedAtMs,
    remainingMicro: position.credits.balanceMicro,
    percentUsed: percentOf(unit.usedMicro, unit.allocatedMicro),
    runsRemaining: isOfRuns ? Number(position.runs.balanceMicro / MICRO_PER_CREDIT) : null,
    measuredMicro: raised.measuredMicro,
    message: messageOf(raised),
    stoppedResourceIds: raised.stoppedResourceIds,
    resolves: raised.resolves,
  };
}

/** The sentence of an alert, with rounded figures; the alert's fields have the exact ones. */
export function messageOf(raised: AlertRaised): string {
  return raised.kind === 'RESOLVED' ? resolvedMessage(raised) : crossedMessage(raised);
}

function crossedMessage(raised: AlertRaised): string {
  const { position, measure, valueMicro } = raised;
  const { credits, policy } = position;
  const remaining = readableMicro(credits.balanceMicro);
  switch (measure) {
    case 'CREDITS_REMAINING':
      return `Credits remaining are ${remaining}, at or below the threshold of ${groupedMicro(valueMicro)}.`;
    case 'CREDITS_USED_PERCENT':
    case 'RUNS_USED_PERCENT':
      return percentMessage(raised);
    case 'HOURS_TO_STOP':
      return `Running deployments will be stopped${stopOf(raised)}, within the threshold of ${hours(groupedMicro(valueMicro))}; ${remaining} credits remain.`;
    case 'LOW_CREDIT':
      return `Credits remaining are ${remaining}, at or below the low-credit level of ${groupedMicro(policy.lowCreditMicro)}: new deployments are refused.`;
    case 'ZERO':
      return `Credits are used up: the balance is ${remaining}, and new deployments are refused.`;
    case 'NEGATIVE_LIMIT':
      return `The balance is ${remaining} credits, at or below the negative limit of ${groupedMicro(policy.negativeLimitMicro)}: ${stoppedOf(raised)}.`;
  }
}

function percentMessage(raised: AlertRaised): string {
  const { name, unit } = unitOf(raised);
  const threshold = `${groupedMicro(raised.valueMicro)} %`;
  const { measuredMicro } = raised;
  if (measuredMicro === null) {
    return `${name} are in debt by ${readableMicro(-unit.balanceMicro)} while none are allocated: the threshold of ${threshold} used is reached.`;
  }
  const used = `${readableMicro(unit.usedMicro)} of ${readableMicro(unit.allocatedMicro)}`;
  return `${name} used are ${readableMicro(measuredMicro)} % (${used}), at or above the threshold of ${threshold}; ${readableMicro(unit.balanceMicro)} remain.`;
}

function resolvedMessage(raised: AlertRaised): string {
  const { name, unit } = unitOf(raised);
  const ended = `Alert ${String(raised.resolves)} (${WATCHED[raised.measure](groupedMicro(raised.valueMicro))}) no longer holds`;
  return `${ended}: ${readableMicro(unit.balanceMicro)} ${name === 'Credits' ? 'credits' : 'workflow runs'} remain.`;
}

/** The condition of an alert rule, in words. */
const WATCHED: Readonly<Record<AlertRuleMeasure, (value: string) => string>> = {
  CREDITS_REMAINING: (value) => `credits remaining at or below ${value}`,
  CREDITS_USED_PERCENT: (value) => `credits used at or above ${value} %`,
  RUNS_USED_PERCENT: (value) => `workflow runs used at or above ${value} %`,
  HOURS_TO_STOP: (value) => `deployments to be stopped within ${value} hours`,
  LOW_CREDIT: () => 'low credits',
  ZERO: () => 'credits used up',
  NEGATIVE_LIMIT: () => 'negative limit reached',
};

function unitOf({ measure, position }: AlertRaised): {
  readonly name: string;
  readonly unit: UnitPosition;
} {
  return measure === 'RUNS_USED_PERCENT'
    ? { name: 'Workflow runs', unit: position.runs }
    : { name: 'Credits', unit: position.credits };
}

function stopOf({ position, measuredMicro }: AlertRaised): string {
  const { stopsAtMs } = position;
  if (stopsAtMs === null || measuredMicro === null) return ' soon';
  return ` in ${hours(readableMicro(measuredMicro))}, at ${isoInstant(stopsAtMs)}`;
}

function stoppedOf({ stoppedResourceIds }: AlertRaised): string {
  const count = stoppedResourceIds.length;
  if (count === 0) return 'no deployment was running';
  return count === 1 ? '1 deployment was stopped' : `${count} deployments were stopped`;
}

function hours(figure: string): string {
  return `${figure} ${figure === '1' ? 'hour' : 'hours'}`;
}
