// What a lifecycle call does to one resource. The status follows from these calls:
//
//   IN_DEVELOPMENT ─ deploy(ready: false) → DEPLOYING ─ deploymentReady → DEPLOYED ─ undeploy → UNDEPLOYED
//   deploy leads straight to DEPLOYED; from DEPLOYING and DEPLOYED deploymentFailed leads to FAILED; FAILED and UNDEPLOYED
//   can deploy again; an undeploy before the first run leads back to IN_DEVELOPMENT; delete is possible always, and final.
//
// A call is checked in this order: whether its effect already holds (then nothing changes, so that it is safe to send
// again, whatever its `at`); whether its `at` is valid; whether the account's credits allow it (policy.ts); whether the status
// does. Workflows are deployed without hardware: they are never hosted.
//
// At the negative limit the clock undeploys what runs. An undeploy that arrives later but took effect before the stop
// is still accepted: hosting ended then.

import { parseNotAfter, parseWithin } from '../core/check.ts';
import { ConflictError, UserInputError, type ErrorPath } from '../core/errors.ts';
import { DAY_MS, isoInstant } from '../core/range.ts';
import { REPLICAS_MAX } from '../hosting/charge.ts';
import type { ResourceStatus } from '../resources/resource.ts';

/** A number of replicas on one hardware profile. */
export interface Placement {
  readonly hardwareId: number;
  /** The profile's name, for messages. */
  readonly hardware: string;
  readonly replicas: number;
}

/** The facts that a call is checked against. */
export interface LifecycleState {
  readonly status: ResourceStatus;
  /** What runs now; null when nothing does, and for workflows. */
  readonly running: Placement | null;
  /** Requested by deploy(ready: false); null in every status but DEPLOYING. */
  readonly requested: Placement | null;
  readonly endpointUrl: string | null;
  readonly failureMessage: string | null;
  /** Instant of the last lifecycle call. */
  readonly lifecycleAtMs: number | null;
  /** Last deployment by a lifecycle call; null when there was none. */
  readonly deployedAtMs: number | null;
  /** When the running deployment last changed. */
  readonly changedAtMs: number | null;
  /** When the negative limit stopped it, until it is deployed again. */
  readonly stoppedAtMs: number | null;
}

interface DeployCall {
  readonly kind: 'DEPLOY';
  /** Null for a workflow. */
  readonly placement: Placement | null;
  /** False: only requested. */
  readonly isReady: boolean;
  /** Null: unchanged. */
  readonly endpointUrl: string | null;
}

interface ScaleCall {
  readonly kind: 'SCALE';
  /** Null: unchanged. */
  readonly hardware: Omit<Placement, 'replicas'> | null;
  /** Null: unchanged. */
  readonly replicas: number | null;
}

export type LifecycleCall =
  | DeployCall
  | ScaleCall
  | { readonly kind: 'READY' }
  | { readonly kind: 'FAIL'; readonly message: string }
  | { readonly kind: 'UNDEPLOY' }
  | { readonly kind: 'DELETE' };

/** When a call takes effect, and the bounds of that instant. */
interface CallTime {
  readonly atMs: number;
  readonly nowMs: number;
  /** How far in the past `at` may lie. */
  readonly ingestWindowDays: number;
  /** The path of the argument `at`. */
  readonly path: ErrorPath;
  /** Refuses what the account's credits do not allow. @throws DEPLOYMENTS_DISABLED */
  readonly requireAllowed: (state: LifecycleState, call: LifecycleCall) => void;
}

/**
 * The state after a call, or null when its effect already holds.
 * @throws UserInputError when `at` is after now or before the ingest window
 * @throws ConflictError when `at` lies before the last call, or the status or the running deployment does not allow the call
 */
export function decide(
  state: LifecycleState,
  call: LifecycleCall,
  time: CallTime,
): LifecycleState | null {
  if (holdsAlready(state, call, time.atMs)) return null;
  if (state.status === 'DELETED') {
    throw new ConflictError(`The resource was deleted at ${shownInstant(state.lifecycleAtMs)}.`);
  }
  requireTime(state, time);
  time.requireAllowed(state, call);
  const next = after(state, call, time.atMs);
  return { ...next, lifecycleAtMs: time.atMs };
}

/** A checked number of replicas. @throws UserInputError outside 1 to REPLICAS_MAX */
export function parseReplicas(replicas: number, path: ErrorPath): number {
  return parseWithin(replicas, { min: 1, max: REPLICAS_MAX }, path);
}

/** Whether a call's effect already holds; `at` and endpointUrl are not compared. */
function holdsAlready(state: LifecycleState, call: LifecycleCall, atMs: number): boolean {
  switch (call.kind) {
    case 'DEPLOY':
      return isDeployedAs(state, call);
    case 'READY':
      return state.status === 'DEPLOYED';
    case 'FAIL':
      return state.status === 'FAILED';
    case 'SCALE':
      return state.running !== null && samePlacement(state.running, scaled(state.running, call));
    case 'UNDEPLOY':
      return isAtRest(state) && (state.stoppedAtMs === null || atMs >= state.stoppedAtMs);
    case 'DELETE':
      return state.status === 'DELETED';
  }
}

function isAtRest({ status }: LifecycleState): boolean {
  return status === 'UNDEPLOYED' || status === 'IN_DEVELOPMENT';
}

// A requested deployment that became ready meanwhile counts too.
function isDeployedAs(state: LifecycleState, { placement, isReady }: DeployCall): boolean {
  if (state.status === 'DEPLOYED') return samePlacement(state.running, placement);
  return state.status === 'DEPLOYING' && !isReady && samePlacement(state.requested, placement);
}

function requireTime(state: LifecycleState, time: CallTime): void {
  const { atMs, nowMs, ingestWindowDays, path } = time;
  const earliestMs = nowMs - ingestWindowDays * DAY_MS;
  parseNotAfter(atMs, nowMs, path);
  if (atMs < earliestMs) {
    throw new UserInputError(
      `at is ${isoInstant(atMs)}; it must not be more than ${ingestWindowDays} days back (${isoInstant(earliestMs)}).`,
      { path },
    );
  }
  if (state.lifecycleAtMs !== null && atMs < state.lifecycleAtMs) {
    throw new ConflictError(
      `at is ${isoInstant(atMs)}, before the resource's last lifecycle call at ${isoInstant(state.lifecycleAtMs)}.`,
      { path },
    );
  }
}

function after(state: LifecycleState, call: LifecycleCall, atMs: number): LifecycleState {
  switch (call.kind) {
    case 'DEPLOY':
      return afterDeploy(state, call, atMs);
    case 'READY':
      return afterReady(state, atMs);
    case 'FAIL':
      return afterFailure(state, call.message, atMs);
    case 'SCALE':
      return afterScale(state, call, atMs);
    case 'UNDEPLOY':
      return afterEnd(state, { status: statusAtRest(state), atMs });
    case 'DELETE':
      return afterEnd(state, { status: 'DELETED', atMs });
  }
}

function afterDeploy(state: LifecycleState, call: DeployCall, atMs: number): LifecycleState {
  const { placement, isReady } = call;
  if (state.status === 'DEPLOYED') {
    throw new ConflictError(
      `The resource is deployed on ${shown(state.running)} since ${shownInstant(state.changedAtMs)}: scale it, or undeploy it first.`,
    );
  }
  if (state.status === 'DEPLOYING' && !samePlacement(state.requested, placement)) {
    throw new ConflictError(
      `The resource is being deployed on ${shown(state.requested)} since ${shownInstant(state.lifecycleAtMs)}: undeploy it first.`,
    );
  }
  const fresh = {
    ...state,
    endpointUrl: call.endpointUrl ?? state.endpointUrl,
    failureMessage: null,
    stoppedAtMs: null,
  };
  return isReady
    ? started(fresh, placement, atMs)
    : { ...fresh, status: 'DEPLOYING', requested: placement };
}

function afterReady(state: LifecycleState, atMs: number): LifecycleState {
  if (state.status === 'DEPLOYING') return started(state, state.requested, atMs);
  throw new ConflictError(
    `The resource is ${state.status}: no deployment was requested that could be ready.`,
  );
}

function afterFailure(state: LifecycleState, message: string, atMs: number): LifecycleState {
  if (state.status !== 'DEPLOYING' && state.status !== 'DEPLOYED') {
    throw new ConflictError(
      `The resource is ${state.status}: it has no deployment that could fail.`,
    );
  }
  return { ...afterEnd(state, { status: 'FAILED', atMs }), failureMessage: message };
}

function afterScale(state: LifecycleState, call: ScaleCall, atMs: number): LifecycleState {
  if (state.running === null) {
    throw new ConflictError(
      `The resource is ${state.status}: only what is deployed can be scaled.`,
    );
  }
  return { ...state, running: scaled(state.running, call), changedAtMs: atMs };
}

function started(state: LifecycleState, placement: Placement | null, atMs: number): LifecycleState {
  return {
    ...state,
    status: 'DEPLOYED',
    running: placement,
    requested: null,
    deployedAtMs: atMs,
    changedAtMs: atMs,
  };
}

function afterEnd(
  state: LifecycleState,
  end: { readonly status: ResourceStatus; readonly atMs: number },
): LifecycleState {
  const wasStoppedLater = state.stoppedAtMs !== null && end.atMs < state.stoppedAtMs;
  const wasRunning = state.status === 'DEPLOYED' || wasStoppedLater;
  return {
    ...state,
    status: end.status,
    running: null,
    requested: null,
    changedAtMs: wasRunning ? end.atMs : state.changedAtMs,
    // The deployment ended before the limit could stop it.
    failureMessage: wasStoppedLater ? null : state.failureMessage,
    stoppedAtMs: wasStoppedLater ? null : state.stoppedAtMs,
  };
}

/** The status of a resource without a running or requested deployment. */
function statusAtRest(state: LifecycleState): ResourceStatus {
  return state.deployedAtMs === null ? 'IN_DEVELOPMENT' : 'UNDEPLOYED';
}

/** The placement after scaling. */
export function scaled(running: Placement, call: ScaleCall): Placement {
  return { ...running, ...call.hardware, replicas: call.replicas ?? running.replicas };
}

/** Whether two placements are equal. */
export function samePlacement(a: Placement | null, b: Placement | null): boolean {
  return a?.hardwareId === b?.hardwareId && a?.replicas === b?.replicas;
}

function shown(placement: Placement | null): string {
  return placement === null ? 'nothing' : `${placement.replicas} x ${placement.hardware}`;
}

function shownInstant(atMs: number | null): string {
  return atMs === null ? 'its creation' : isoInstant(atMs);
}
