// What an account's credits allow. Deploying and scaling up need the state OK; a requested deployment can become ready unless
// the account is STOPPED; workflows need that there are credits. Ending, scaling down and recording what happened are never
// refused. All of it depends on the present state, whatever `at`.

import { DeploymentsDisabledError, type ErrorPath } from '../core/errors.ts';
import { formatMicro } from '../core/micro.ts';
import type { CreditState } from '../engine/limits.ts';
import type { Position } from '../engine/alert-rules.ts';
import { type LifecycleCall, type LifecycleState, type Placement, scaled } from './lifecycle.ts';

/** What an account may do now. */
export interface Allowance {
  readonly canDeploy: boolean;
  readonly canFineTune: boolean;
  /** Whether imported projects can be deployed; otherwise they stay drafts. */
  readonly canImport: boolean;
  readonly state: CreditState;
  /** The sentence to show when deployments are refused; otherwise null. */
  readonly message: string | null;
}

/** Why a closed account may do nothing. */
const CLOSED_MESSAGE = 'The account is closed.';

/** What an account may do at a position; a closed one nothing. */
export function allowanceOf(position: Position, isClosed: boolean): Allowance {
  const { state, credits, policy } = position;
  if (isClosed) {
    const none = { canDeploy: false, canFineTune: false, canImport: false };
    return { ...none, state, message: CLOSED_MESSAGE };
  }
  return {
    canDeploy: state === 'OK',
    canFineTune: credits.hasBegun && credits.balanceMicro > policy.fineTuningMinimumMicro,
    canImport: state === 'OK' || state === 'LOW',
    state,
    message: state === 'OK' ? null : sentenceOf(position, refusal(position, DISABLED)),
  };
}

/** Checks what a call needs. @param costOf credits an hour of a placement, at the present rates @throws DEPLOYMENTS_DISABLED */
export function requireAllowed(
  position: Position,
  call: {
    readonly state: LifecycleState;
    readonly call: LifecycleCall;
    readonly costOf: (placement: Placement) => bigint;
    readonly path: ErrorPath;
    /** Whether the caller may know how many credits are left. */
    readonly tellsBalance: boolean;
  },
): void {
  const refused = refusalOf(position, call);
  if (refused === null) return;
  const message = call.tellsBalance ? sentenceOf(position, refused) : ruleOf(position, refused);
  throw new DeploymentsDisabledError(message, { path: call.path });
}

/** Something is refused until more credits than a level are left. */
interface Refusal {
  readonly what: string;
  readonly levelMicro: bigint;
}

function refusalOf(
  position: Position,
  { state, call, costOf }: Parameters<typeof requireAllowed>[1],
): Refusal | null {
  switch (call.kind) {
    case 'DEPLOY':
      if (call.placement === null) return refusalOfWorkflow(position);
      return refusedRun(position, {
        costMicroPerHour: costOf(call.placement),
        replacedMicroPerHour: null,
      });
    case 'SCALE':
      if (state.running === null) return null;
      return refusedRun(position, {
        costMicroPerHour: costOf(scaled(state.running, call)),
        replacedMicroPerHour: costOf(state.running),
      });
    case 'READY':
      return position.state === 'STOPPED'
        ? refusal(position, 'The deployment cannot start', position.policy.negativeLimitMicro)
        : null;
    case 'FAIL':
    case 'UNDEPLOY':
    case 'DELETE':
      return null;
  }
}

interface RunCost {
  readonly costMicroPerHour: bigint;
  /** Of what it replaces; null: nothing. */
  readonly replacedMicroPerHour: bigint | null;
}

/** Why something with this cost an hour cannot run now, in the place of something else or of nothing; null if it can. */
export function refusalToRun(position: Position, isClosed: boolean, cost: RunCost): string | null {
  if (isClosed) return CLOSED_MESSAGE;
  const refused = refusedRun(position, cost);
  return refused === null ? null : sentenceOf(position, refused);
}

function refusedRun(position: Position, cost: RunCost): Refusal | null {
  const { costMicroPerHour, replacedMicroPerHour } = cost;
  if (position.state === 'OK') return null;
  if (replacedMicroPerHour === null) return refusal(position, DISABLED);
  return costMicroPerHour > replacedMicroPerHour
    ? refusal(position, 'Scaling up is disabled')
    : null;
}

function refusalOfWorkflow(position: Position): Refusal | null {
  const isRefused = position.state === 'EXHAUSTED' || position.state === 'STOPPED';
  return isRefused ? refusal(position, 'Workflows cannot be deployed', 0n) : null;
}

function refusal(
  { policy }: Position,
  what: string,
  levelMicro: bigint = policy.lowCreditMicro,
): Refusal {
  return { what, levelMicro };
}

/** Why something is refused, and how many credits are missing. */
function sentenceOf(position: Position, { what, levelMicro }: Refusal): string {
  const { balanceMicro } = position.credits;
  const missingMicro = levelMicro - balanceMicro + 1n;
  const left = `the account has ${formatMicro(balanceMicro)} credits left and must have more than ${formatMicro(levelMicro)}`;
  return `${what}: ${REASONS[position.state]}; ${left}, so at least ${formatMicro(missingMicro)} are missing.`;
}

/** Why something is refused, for those who may not know the balance. */
function ruleOf({ state }: Position, { what, levelMicro }: Refusal): string {
  return `${what}: ${REASONS[state]}; the account must have more than ${formatMicro(levelMicro)} left.`;
}

const DISABLED = 'Deployments are disabled';

const REASONS: Readonly<Record<CreditState, string>> = {
  OK: 'there are too few credits',
  LOW: 'credits are low',
  EXHAUSTED: 'credits are used up',
  STOPPED: 'the negative limit was reached',
};
