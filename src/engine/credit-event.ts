// What happened to an account, in the order of time. Subscribers receive it inside the transaction that writes it (see
// CreditEventSubscriber), so that alerts, emails and webhooks are committed with it or not at all.

import type { CycleSums } from './lots.ts';
import type { RunningCycle } from './state.ts';
import type { Position, AlertRuleMeasure } from './alert-rules.ts';

export const alertKinds = {
  CREDIT_THRESHOLD: 'CREDIT_THRESHOLD',
  RUN_THRESHOLD: 'RUN_THRESHOLD',
  LOW_CREDITS: 'LOW_CREDITS',
  CREDITS_EXHAUSTED: 'CREDITS_EXHAUSTED',
  NEGATIVE_LIMIT_REACHED: 'NEGATIVE_LIMIT_REACHED',
  STOP_EXPECTED: 'STOP_EXPECTED',
  RESOLVED: 'RESOLVED',
} as const;
export type AlertKind = keyof typeof alertKinds;

/** The alert that each alert rule raises. */
export const alertKindOf = {
  CREDITS_REMAINING: 'CREDIT_THRESHOLD',
  CREDITS_USED_PERCENT: 'CREDIT_THRESHOLD',
  RUNS_USED_PERCENT: 'RUN_THRESHOLD',
  HOURS_TO_STOP: 'STOP_EXPECTED',
  LOW_CREDIT: 'LOW_CREDITS',
  ZERO: 'CREDITS_EXHAUSTED',
  NEGATIVE_LIMIT: 'NEGATIVE_LIMIT_REACHED',
} as const satisfies Readonly<Record<AlertRuleMeasure, AlertKind>>;

/** An alert was raised. Sequences count 1, 2, 3 … within the account. */
export interface AlertRaised {
  readonly what: 'ALERT';
  readonly atMs: number;
  readonly sequence: number;
  readonly kind: AlertKind;
  /** For RESOLVED: the alert rule that is no longer reached. */
  readonly ruleId: number;
  readonly measure: AlertRuleMeasure;
  readonly valueMicro: bigint;
  /** The value that the alert rule measured, in millionths. */
  readonly measuredMicro: bigint | null;
  readonly position: Position;
  /** Resources whose deployments were stopped at the negative limit. */
  readonly stoppedResourceIds: readonly number[];
  /** For RESOLVED: the sequence of the alert that ended. */
  readonly resolves: number | null;
}

/** A billing cycle ended; its sums and closing balances. */
export interface CycleClosed {
  readonly what: 'CYCLE_CLOSED';
  readonly atMs: number;
  readonly cycle: RunningCycle;
  readonly credits: CycleSums & { readonly closingMicro: bigint };
  readonly runs: CycleSums & { readonly closingMicro: bigint };
}

/** The cycles that ended, in their stored form, oldest first. */
export function closedCycles(
  creditEvents: readonly CreditEvent[],
): readonly (RunningCycle & Pick<CycleClosed, 'credits' | 'runs'>)[] {
  return creditEvents.flatMap((one) =>
    one.what === 'CYCLE_CLOSED' ? [{ ...one.cycle, credits: one.credits, runs: one.runs }] : [],
  );
}

export const stopCauses = {
  UNDEPLOYED: 'UNDEPLOYED',
  DELETED: 'DELETED',
  FAILED: 'FAILED',
  NEGATIVE_LIMIT: 'NEGATIVE_LIMIT',
} as const;
export type StopCause = keyof typeof stopCauses;

/** A deployment started, changed (was scaled; a new rate does not count) or stopped. */
export type DeploymentChange = {
  readonly atMs: number;
  readonly resourceId: number;
} & (
  | { readonly what: 'DEPLOYMENT_STARTED' | 'DEPLOYMENT_CHANGED' }
  | { readonly what: 'DEPLOYMENT_STOPPED'; readonly cause: StopCause }
);

export type CreditEvent = AlertRaised | CycleClosed | DeploymentChange;

/** The resources that a credit event refers to. */
export function resourcesOf(creditEvent: CreditEvent): readonly number[] {
  switch (creditEvent.what) {
    case 'ALERT':
      return creditEvent.stoppedResourceIds;
    case 'CYCLE_CLOSED':
      return [];
    case 'DEPLOYMENT_STARTED':
    case 'DEPLOYMENT_CHANGED':
    case 'DEPLOYMENT_STOPPED':
      return [creditEvent.resourceId];
  }
}
