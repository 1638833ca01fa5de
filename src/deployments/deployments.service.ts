import { requireRef } from '../access/authorize.ts';
import type { AccountService } from '../account/account.service.ts';
import { loadHardware, loadRates } from '../catalogue/catalogue.store.ts';
import {
  hardwareNamed,
  type HardwareProfile,
  type HardwareRate,
  rateAt,
} from '../catalogue/rates.ts';
import { ConflictError, invariant, UserInputError, type ErrorPath } from '../core/errors.ts';
import { type Actor, type NodeType, unknownId } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import { parseText } from '../core/text.ts';
import type { Tx } from '../db/database.ts';
import { type HostingSegment, splitByRates } from '../hosting/charge.ts';
import {
  closeSegment,
  insertSegments,
  loadOverlapping,
  loadRunning,
} from '../hosting/hosting.store.ts';
import { type Resource, typeOfKind } from '../resources/resource.ts';
import { loadResources, saveLifecycle } from '../resources/resources.store.ts';
import {
  decide,
  type LifecycleCall,
  type LifecycleState,
  parseReplicas,
  type Placement,
} from './lifecycle.ts';

const FAILURE_MESSAGE_MAX = 2_000;
const ENDPOINT_URL_MAX = 2_048;

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

interface Catalogue {
  readonly profiles: readonly HardwareProfile[];
  readonly rates: readonly HardwareRate[];
}

interface CallPlan {
  /** Types that the id may be of. */
  readonly types: readonly NodeType[];
  /** Makes the call out of its request, once the hardware is known. */
  readonly callOf: (profiles: readonly HardwareProfile[]) => LifecycleCall;
  /** Of the arguments `id` and `at`. */
  readonly path: ErrorPath;
}

/**
 * Every method answers with the resource as it is afterwards; a call whose effect already holds changes nothing.
 * All throw NOT_FOUND, FORBIDDEN, BAD_USER_INPUT and CONFLICT.
 */
export class DeploymentService {
  constructor(
    private readonly accounts: AccountService,
    private readonly limits: { readonly ingestWindowDays: number },
  ) {}

  /** Runs a hosted resource from `at` on, or (ready: false) asks for it. */
  async deploy(actor: Actor, request: DeployRequest): Promise<Resource> {
    const { endpointUrl = null } = request;
    const replicas = parseReplicas(request.replicas ?? 1, ['input', 'replicas']);
    if (endpointUrl !== null) parseText(endpointUrl, ['input', 'endpointUrl'], ENDPOINT_URL_MAX);
    return this.call(actor, request, {
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
      types: hostedTypes,
      path: ['input'],
      callOf: (profiles) => ({
        kind: 'SCALE',
        hardware: hardware === null ? null : hardwareOf(profiles, hardware),
        replicas,
      }),
    });
  }

  /** What was asked for runs from `at` on. */
  async ready(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan(hostedTypes, { kind: 'READY' }));
  }

  /** Ends what runs or was asked for, because it failed. */
  async fail(
    actor: Actor,
    target: LifecycleTarget & { readonly message: string },
  ): Promise<Resource> {
    const message = parseText(target.message, ['message'], FAILURE_MESSAGE_MAX);
    return this.call(actor, target, plan(hostedTypes, { kind: 'FAIL', message }));
  }

  /** Ends what runs, or takes back what was asked for. */
  async undeploy(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan(hostedTypes, { kind: 'UNDEPLOY' }));
  }

  async deployWorkflow(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(
      actor,
      target,
      plan([workflowType], { kind: 'DEPLOY', placement: null, isReady: true, endpointUrl: null }),
    );
  }

  async undeployWorkflow(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan([workflowType], { kind: 'UNDEPLOY' }));
  }

  /** Ends what runs, for ever; usage and row stay. */
  async delete(actor: Actor, target: LifecycleTarget): Promise<Resource> {
    return this.call(actor, target, plan(Object.values(typeOfKind), { kind: 'DELETE' }));
  }

  private async call(actor: Actor, target: LifecycleTarget, plan: CallPlan): Promise<Resource> {
    const idPath = [...plan.path, 'id'];
    const ref = requireRef(actor, 'INGEST', { id: target.id, types: plan.types, path: idPath });
    const address = { accountId: ref.accountId, resourceId: ref.localId };
    return this.accounts.inAccount(ref.accountId, async (tx) => {
      const [resource] = await loadResources(tx, [address]);
      if (resource === undefined || typeOfKind[resource.kind] !== ref.type) {
        throw unknownId(target.id, idPath);
      }
      const [running] = await loadRunning(tx, [address]);
      const catalogue = { profiles: await loadHardware(tx), rates: await loadRates(tx, null) };
      const state = stateOf(resource, running, catalogue.profiles);
      // Another gateway's clock may be a moment ahead of ours: what it did last is not after now.
      const nowMs = Math.max(this.accounts.nowMs(), resource.lifecycleAtMs ?? 0);
      const atMs = target.at ?? nowMs;
      const time = { atMs, nowMs, path: [...plan.path, 'at'], ...this.limits };
      const next = decide(state, plan.callOf(catalogue.profiles), time);
      if (next === null) return resource;
      await writeHosting(tx, { resource, running, next, catalogue, time });
      await saveLifecycle(tx, address, {
        ...next,
        requestedHardwareId: next.requested?.hardwareId ?? null,
        requestedReplicas: next.requested?.replicas ?? null,
      });
      const [changed] = await loadResources(tx, [address]);
      invariant(changed !== undefined, 'a changed resource is there', address);
      return changed;
    });
  }
}

function plan(types: readonly NodeType[], call: LifecycleCall): CallPlan {
  return { types, path: [], callOf: () => call };
}

interface HostingChange {
  readonly resource: Resource;
  readonly running: HostingSegment | undefined;
  readonly next: LifecycleState;
  readonly catalogue: Catalogue;
  readonly time: { readonly atMs: number; readonly nowMs: number; readonly path: ErrorPath };
}

/** Ends the running segment and begins the next one at the same instant, where what runs changes. */
async function writeHosting(tx: Tx, change: HostingChange): Promise<void> {
  const { running, next } = change;
  if (
    running?.hardwareId === next.running?.hardwareId &&
    running?.replicas === next.running?.replicas
  ) {
    return;
  }
  if (running === undefined) await requireFree(tx, change);
  else await endRunning(tx, running, change);
  if (next.running !== null) await insertSegments(tx, [newSegment(change, next.running)]);
}

async function endRunning(
  tx: Tx,
  running: HostingSegment,
  { catalogue, time: { atMs } }: HostingChange,
): Promise<void> {
  const closed = { ...running, toMs: atMs };
  const parts = atMs === running.fromMs ? [] : splitByRates(closed, catalogue.rates, atMs);
  await closeSegment(tx, running, { atMs, parts });
}

function newSegment(
  change: HostingChange,
  placement: Placement,
): Omit<HostingSegment, 'segmentId'> {
  const { resource, catalogue, time } = change;
  const { hardwareId, replicas } = placement;
  const rateMicroPerHour = rateAt(catalogue.rates, hardwareId, time.atMs);
  if (rateMicroPerHour === null) {
    throw new UserInputError(
      `${placement.hardware} has no rate yet at ${isoInstant(time.atMs)}: hosting on it cannot begin then.`,
      { path: time.path },
    );
  }
  return {
    accountId: resource.accountId,
    resourceId: resource.resourceId,
    hardwareId,
    replicas,
    rateMicroPerHour,
    fromMs: time.atMs,
    toMs: null,
    eventSeq: null,
  };
}

/** What begins now and runs on must not meet hosting that was recorded afterwards. @throws CONFLICT */
async function requireFree(tx: Tx, { resource, time }: HostingChange): Promise<void> {
  const [inTheWay] = await loadOverlapping(tx, resource.accountId, [resource.resourceId], {
    fromMs: time.atMs,
    toMs: time.nowMs + 1,
  });
  if (inTheWay === undefined) return;
  const { fromMs, toMs } = inTheWay;
  throw new ConflictError(
    `Hosting of the resource is recorded from ${isoInstant(fromMs)} to ${isoInstant(toMs ?? time.nowMs)}: it cannot begin at ${isoInstant(time.atMs)}.`,
    { path: time.path },
  );
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

function hardwareOf(
  profiles: readonly HardwareProfile[],
  name: string,
): Omit<Placement, 'replicas'> {
  const { hardwareId } = hardwareNamed(profiles, name, ['input', 'hardware']);
  return { hardwareId, hardware: name };
}
