import { hasScope, requireRef } from '../access/authorize.ts';
import { loadHardware } from '../catalogue/catalogue.store.ts';
import {
  hardwareNamed,
  type HardwareProfile,
  type HardwareRate,
  rateAt,
} from '../catalogue/rates.ts';
import { type AuditedAction, auditEntry, type Fields } from '../audit/audit.ts';
import { invariant, UserInputError, type ErrorPath } from '../core/errors.ts';
import { type Actor, encodeId, type NodeType, unknownId } from '../core/identity.ts';
import { parseText } from '../core/text.ts';
import { parseUrl } from '../core/url.ts';
import type { DeploymentChange, CreditEvent } from '../engine/credit-event.ts';
import { holdRatesKnownTo } from '../credits/rates.service.ts';
import {
  type OpenAccount,
  type SettlementService,
  STOPPED_MESSAGE,
} from '../settlement/settlement.service.ts';
import { loadUsedUpLots } from '../settlement/state.store.ts';
import { learnRates, applyHostingChange, givesBack, type HostingChange } from '../engine/writes.ts';
import type { HostingSegment } from '../hosting/charge.ts';
import { type Resource, typeOfKind } from '../resources/resource.ts';
import { loadResources, saveLifecycle } from '../resources/resources.store.ts';
import { changeHosting } from './hosting-change.service.ts';
import {
  decide,
  type LifecycleCall,
  type LifecycleState,
  parseReplicas,
  type Placement,
} from './lifecycle.ts';
import { requireAllowed } from './policy.ts';

const FAILURE_MESSAGE_MAX = 2_000;

const { WORKFLOW: workflowType, ...hostedTypeOfKind } = typeOfKind;
const hostedTypes = Object.values(hostedTypeOfKind);

/** Which resource a call is about, and from when on (default: now). */
interface LifecycleTarget {
  readonly id: string;
  readonly at?: number | null;
}

export interface DeployRequest extends LifecycleTarget {
  readonly hardware: string;
  readonly replicas?: number | null;
  readonly endpointUrl?: string | null;
  readonly ready?: boolean | null;
}

export interface ScaleRequest extends LifecycleTarget {
  readonly hardware?: string | null;
  readonly replicas?: number | null;
}

interface CallPlan {
  /** The mutation. */
  readonly action: AuditedAction;
  /** Types that the id may be of. */
  readonly types: readonly NodeType[];
  /** Makes the call from its request, once the hardware is known. */
  readonly callOf: (profiles: readonly HardwareProfile[]) => LifecycleCall;
  /** The path of the arguments `id` and `at`. */
  readonly path: ErrorPath;
}

/**
 * Every method returns the resource in its new state; a call whose effect already holds changes nothing.
 * All throw NOT_FOUND, FORBIDDEN, BAD_USER_INPUT and CONFLICT; those that begin or enlarge a deployment DEPLOYMENTS_DISABLED.
 */
export class DeploymentService {
  constructor(
    private readonly settlements: SettlementService,
    private readonly limits: { readonly ingestWindowDays: number },
  ) {}

  /** Deploys a hosted resource from `at` on, or (ready: false) requests its deployment. */
  async deploy(actor: Actor, request: DeployRequest): Promise<Resource> {
    const replicas = parseReplicas(request.replicas ?? 1, ['input', 'replicas']);
    const endpointUrl =
      request.endpointUrl == null
        ? null
        : parseUrl(request.endpointUrl, ['input', 'endpointUrl']).href;
    return this.call(actor, request, {
      action: 'deploy',
      types: hostedTypes,
      path: ['input'],
      callOf: (profiles) => ({
        kind: 'DEPLOY',
        placement: { ...hardwareOf(profiles, request.hardware), replicas },
        isReady: request.ready ?? true,
        endpointUrl,
      }),
    });
  }

  /** Changes hardware or replicas from `at` on. */
  async scale(actor: Actor, request: ScaleRequest): Promise<Resource> {
    const { hardware = null, replicas = null } = request;
    if (hardware === null && replicas === null) {
      throw new UserInputError('Name hardware or replicas to scale to.', { path: ['input'] });
    }
    if (replicas !== null) parseReplicas(replicas, ['input', 'replicas']);
    return this.call(actor, request, {
      action: 'scale',
      types: hostedTypes,
      path: ['input'],
      callOf: (profiles) => ({
        kind: 'SCALE',
        hardware: hardware === null ? null : hardwareOf(profiles, hardware),
        replicas,
      }),
    });
  }

  /** The requested deployment runs from `at` on. */
  async ready(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan('deploymentReady', hostedTypes, { kind: 'READY' }));
  }

  /** Ends a running or requested deployment, because it failed. */
  async fail(
    actor: Actor,
    target: LifecycleTarget & { readonly message: string },
  ): Promise<Resource> {
    const message = parseText(target.message, ['message'], FAILURE_MESSAGE_MAX);
    return this.call(
      actor,
      target,
      plan('deploymentFailed', hostedTypes, { kind: 'FAIL', message }),
    );
  }

  /** Ends a running deployment, or withdraws a requested one. */
  async undeploy(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan('undeploy', hostedTypes, { kind: 'UNDEPLOY' }));
  }

  async deployWorkflow(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(
      actor,
      target,
      plan('deployWorkflow', [workflowType], {
        kind: 'DEPLOY',
        placement: null,
        isReady: true,
        endpointUrl: null,
      }),
    );
  }

  async undeployWorkflow(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan('undeployWorkflow', [workflowType], { kind: 'UNDEPLOY' }));
  }

  /** Deletes a resource: its deployment ends for good; its usage and row stay. */
  async delete(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(
      actor,
      target,
      plan('deleteResource', Object.values(typeOfKind), { kind: 'DELETE' }),
    );
  }

  private async call(actor: Actor, target: LifecycleTarget, plan: CallPlan): Promise<Resource> {
    const idPath = [...plan.path, 'id'];
    const ref = requireRef(actor, 'INGEST', { id: target.id, types: plan.types, path: idPath });
    const address = { accountId: ref.accountId, resourceId: ref.localId };
    return this.settlements.inAccount(ref.accountId, async (open) => {
      const { tx, draft, nowMs } = open;
      const [resource] = await loadResources(tx, [address]);
      if (resource === undefined || typeOfKind[resource.kind] !== ref.type) {
        throw unknownId(target.id, idPath);
      }
      const profiles = await loadHardware(tx);
      const { running, rates: known } = draft.state;
      const segment = running.find(({ resourceId }) => resourceId === resource.resourceId);
      const state = stateOf(resource, segment, profiles);
      const call = plan.callOf(profiles);
      const position = draft.position();
      const time = {
        atMs: target.at ?? nowMs,
        nowMs,
        path: [...plan.path, 'at'],
        ...this.limits,
        requireAllowed: (): void => {
          const costOf = (placement: Placement): bigint =>
            BigInt(placement.replicas) * (rateAt(known, placement.hardwareId, nowMs) ?? 0n);
          const tellsBalance = hasScope(actor, 'READ_USAGE');
          requireAllowed(position, { state, call, costOf, tellsBalance, path: plan.path });
        },
      };
      const next = decide(state, call, time);
      if (next === null) return resource;
      // The costs were judged by the present rates. The deployment also uses rates that are set meanwhile.
      const rates = await ratesFor(open, { state, next }, known);
      const change = await changeHosting(open, { address, state, next, rates, time });
      const changed = await saveLifecycle(tx, address, {
        ...next,
        requestedHardwareId: next.requested?.hardwareId ?? null,
        requestedReplicas: next.requested?.replicas ?? null,
      });
      const creditEvent = creditEventOf(call, {
        state,
        next,
        resourceId: address.resourceId,
        nowMs,
      });
      if (creditEvent !== null) draft.creditEvents.push(creditEvent);
      await applyChange(open, change);
      open.audited.push(
        auditEntry(actor, {
          action: plan.action,
          accountId: address.accountId,
          target: encodeId(ref.type, address.accountId, address.resourceId),
          name: resource.name,
          from: auditedState(state),
          to: auditedState(next),
        }),
      );
      return asStopped(changed, draft.creditEvents);
    });
  }
}

async function applyChange(
  { tx, account, draft }: OpenAccount,
  change: HostingChange,
): Promise<void> {
  const usedUp = givesBack(change) ? await loadUsedUpLots(tx, account.accountId) : null;
  applyHostingChange(draft, change, usedUp);
}

// The account was read before we knew that it will run on this hardware. A rate that was set since is not in its state, and
// whoever set it did not see the deployment.
async function ratesFor(
  { tx, account, draft }: OpenAccount,
  { state, next }: { readonly state: LifecycleState; readonly next: LifecycleState },
  known: readonly HardwareRate[],
): Promise<readonly HardwareRate[]> {
  const { running } = next;
  if (running === null || running.hardwareId === state.running?.hardwareId) return known;
  const rates = await holdRatesKnownTo(tx, account, running.hardwareId);
  learnRates(draft, rates);
  return rates;
}

// The call may cause the stop itself. The resource's row is then written with the rest of the settlement.
function asStopped(resource: Resource, creditEvents: readonly CreditEvent[]): Resource {
  const stop = creditEvents.find(
    (one) =>
      one.what === 'DEPLOYMENT_STOPPED' &&
      one.cause === 'NEGATIVE_LIMIT' &&
      one.resourceId === resource.resourceId,
  );
  return stop === undefined
    ? resource
    : {
        ...resource,
        status: 'UNDEPLOYED',
        failureMessage: STOPPED_MESSAGE,
        stoppedAtMs: stop.atMs,
      };
}

/** The credit event of a call: a deployment starts, changes or stops. */
function creditEventOf(
  call: LifecycleCall,
  change: {
    readonly state: LifecycleState;
    readonly next: LifecycleState;
    readonly resourceId: number;
    readonly nowMs: number;
  },
): DeploymentChange | null {
  const { state, next, resourceId } = change;
  const event = { resourceId, atMs: next.lifecycleAtMs ?? change.nowMs };
  switch (call.kind) {
    case 'DEPLOY':
    case 'READY':
      return next.running === null ? null : { ...event, what: 'DEPLOYMENT_STARTED' };
    case 'SCALE':
      return { ...event, what: 'DEPLOYMENT_CHANGED' };
    // A deployment that failed before it ran has ended too.
    case 'FAIL':
      return { ...event, what: 'DEPLOYMENT_STOPPED', cause: 'FAILED' };
    case 'UNDEPLOY':
    case 'DELETE':
      return state.running === null
        ? null
        : { ...event, what: 'DEPLOYMENT_STOPPED', cause: CAUSES[call.kind] };
  }
}

const CAUSES = { UNDEPLOY: 'UNDEPLOYED', DELETE: 'DELETED' } as const;

function plan(action: AuditedAction, types: readonly NodeType[], call: LifecycleCall): CallPlan {
  return { action, types, path: [], callOf: () => call };
}

function stateOf(
  resource: Resource,
  running: HostingSegment | undefined,
  profiles: readonly HardwareProfile[],
): LifecycleState {
  const { requestedHardwareId, requestedReplicas } = resource;
  return {
    status: resource.status,
    running: running === undefined ? null : placementOf(profiles, running),
    requested:
      requestedHardwareId === null
        ? null
        : placementOf(profiles, {
            hardwareId: requestedHardwareId,
            replicas: requestedReplicas ?? 1,
          }),
    endpointUrl: resource.endpointUrl,
    failureMessage: resource.failureMessage,
    lifecycleAtMs: resource.lifecycleAtMs,
    deployedAtMs: resource.deployedAtMs,
    changedAtMs: resource.changedAtMs,
    stoppedAtMs: resource.stoppedAtMs,
  };
}

function placementOf(
  profiles: readonly HardwareProfile[],
  of: { readonly hardwareId: number; readonly replicas: number },
): Placement {
  const profile = profiles.find((known) => known.hardwareId === of.hardwareId);
  invariant(profile !== undefined, 'hosting is on known hardware', { hardwareId: of.hardwareId });
  return { hardwareId: of.hardwareId, hardware: profile.name, replicas: of.replicas };
}

function auditedState(state: LifecycleState): Fields {
  const { status, running, requested, endpointUrl, failureMessage } = state;
  const { hardware = null, replicas = null } = requested ?? running ?? {};
  return { status, hardware, replicas, endpointUrl, failureMessage, atMs: state.lifecycleAtMs };
}

function hardwareOf(
  profiles: readonly HardwareProfile[],
  name: string,
): Omit<Placement, 'replicas'> {
  const { hardwareId } = hardwareNamed(profiles, name, ['input', 'hardware']);
  return { hardwareId, hardware: name };
}
