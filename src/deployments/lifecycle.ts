// What a lifecycle call does to one resource. The status follows from what happened:
//
//   IN_DEVELOPMENT ─ deploy(ready: false) → DEPLOYING ─ deploymentReady → DEPLOYED ─ undeploy → UNDEPLOYED
//   deploy goes straight to DEPLOYED; from DEPLOYING and DEPLOYED deploymentFailed leads to FAILED; FAILED and UNDEPLOYED
//   deploy again; an undeploy of what never ran leads back to IN_DEVELOPMENT; deleting is possible from everywhere, and final.
//
// A call is judged in this order: whether its effect already holds (then nothing changes, so that it is safe to send
// again, whatever its `at`); whether its `at` can be; whether the account's credits allow it (policy.ts); whether the status
// does. Workflows are deployed without hardware: they are never hosted.
//
// At the negative limit the clock undeploys what runs. An undeploy that arrives afterwards and took effect before the stop
// is still heard: hosting ended then.

import { parseNotAfter, parseWithin } from '../core/check.ts';
import { ConflictError, UserInputError, type ErrorPath } from '../core/errors.ts';
import { DAY_MS, isoInstant } from '../core/range.ts';
import { REPLICAS_MAX } from '../hosting/charge.ts';
import type { ResourceStatus } from '../resources/resource.ts';

/** So many replicas on one hardware profile. */
export interface Placement {
  readonly hardwareId: number;
  /** The profile's name, for sentences. */
  readonly hardware: string;
  readonly replicas: number;
}

/** What a call is judged by. */
export interface LifecycleState {
  readonly status: ResourceStatus;
  /** What runs now; null when nothing does, and for workflows. */
  readonly running: Placement | null;
  /** What was asked for by deploy(ready: false); null in every status but DEPLOYING. */
  readonly requested: Placement | null;
  readonly endpointUrl: string | null;
  readonly failureMessage: string | null;
  /** Instant of the last lifecycle call. */
  readonly lifecycleAtMs: number | null;
  /** Last deployment by a lifecycle call; null when there was none. */
  readonly deployedAtMs: number | null;
  /** When what runs last changed. */
  readonly changedAtMs: number | null;
  /** When the negative limit stopped it, until it is deployed again. */
  readonly stoppedAtMs: number | null;
}

interface DeployCall {
  readonly kind: 'DEPLOY';
  /** Null for a workflow. */
  readonly placement: Placement | null;
  /** False: only asked for. */
  readonly isReady: boolean;
  /** Null: as it is. */
  readonly endpointUrl: string | null;
}

interface ScaleCall {
  readonly kind: 'SCALE';
  /** Null: as it is. */
  readonly hardware: Omit<Placement, 'replicas'> | null;
  /** Null: as they are. */
  readonly replicas: number | null;
}

export type LifecycleCall =
  | DeployCall
  | ScaleCall
  | { readonly kind: 'READY' }
  | { readonly kind: 'FAIL'; readonly message: string }
  | { readonly kind: 'UNDEPLOY' }
  | { readonly kind: 'DELETE' };

/** When a call takes effect, and what bounds that instant. */
interface CallTime {
  readonly atMs: number;
  readonly nowMs: number;
  /** How far back late reports are taken. */
  readonly ingestWindowDays: number;
  /** The argument that says `at`. */
  readonly path: ErrorPath;
  /** Refuses what the account's credits do not allow. @throws DEPLOYMENTS_DISABLED */
  readonly requireAllowed: (state: LifecycleState, call: LifecycleCall) => void;
}

/**
 * The state after a call, or null when its effect already holds.
 * @throws UserInputError when `at` is after now or before the ingest window
 * @throws ConflictError when `at` lies before the last call, or the status or what runs does not allow the call
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

/** Whether a call's effect is there already; `at` and endpointUrl are not compared. */
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

// A request that became ready in the meantime holds too.
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
    // It had ended before the limit could stop it.
    failureMessage: wasStoppedLater ? null : state.failureMessage,
    stoppedAtMs: wasStoppedLater ? null : state.stoppedAtMs,
  };
}

/** What a resource is when nothing runs and nothing is asked for. */
function statusAtRest(state: LifecycleState): ResourceStatus {
  return state.deployedAtMs === null ? 'IN_DEVELOPMENT' : 'UNDEPLOYED';
}

/** What runs after a call that scales it. */
export function scaled(running: Placement, call: ScaleCall): Placement {
  return { ...running, ...call.hardware, replicas: call.replicas ?? running.replicas };
}

/** Whether nothing changes between two placements. */
export function samePlacement(a: Placement | null, b: Placement | null): boolean {
  return a?.hardwareId === b?.hardwareId && a?.replicas === b?.replicas;
}

function shown(placement: Placement | null): string {
  return placement === null ? 'nothing' : `${placement.replicas} x ${placement.hardware}`;
}

function shownInstant(atMs: number | null): string {
  return atMs === null ? 'its creation' : isoInstant(atMs);
}
