import { requireAccount, requireRef } from '../access/authorize.ts';
import { loadHardware } from '../catalogue/catalogue.store.ts';
import { hardwareNamed, rateAt } from '../catalogue/rates.ts';
import { UserInputError } from '../core/errors.ts';
import { type Actor, unknownId } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import { readStates } from '../credits/balance.service.ts';
import { runningSegment } from '../engine/burn.ts';
import { forecast, type Forecast } from '../engine/clock.ts';
import { Draft } from '../engine/draft.ts';
import type { AccountState } from '../engine/state.ts';
import type { Tx } from '../db/database.ts';
import { typeOfKind } from '../resources/resource.ts';
import { loadResources } from '../resources/resources.store.ts';
import { parseReplicas, type Placement } from './lifecycle.ts';
import { refusalToRun } from './policy.ts';

const hostedTypes = Object.values(typeOfKind).filter((type) => type !== typeOfKind.WORKFLOW);

/** The arguments of deploymentQuote, as the API takes them. */
export interface QuoteRequest {
  readonly accountId?: string | null;
  readonly hardware: string;
  readonly replicas?: number | null;
  readonly resourceId?: string | null;
}

export interface Quote {
  readonly costMicroPerHour: bigint;
  /** Why it would be refused now; null when it is allowed. */
  readonly refusal: string | null;
  readonly currentStopsAtMs: number | null;
  /** The forecast with the deployment from now on; null when it would be refused. */
  readonly projected: Forecast | null;
}

export class QuoteService {
  /**
   * What a deployment would cost, whether it would be allowed now, and how it moves the stop. Nothing is written.
   * @param tx the request's snapshot
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async quote(actor: Actor, tx: Tx, request: QuoteRequest, realNowMs: number): Promise<Quote> {
    const path = ['input'];
    const accountId = quotedAccount(actor, request);
    const replicas = parseReplicas(request.replicas ?? 1, [...path, 'replicas']);
    const profiles = await loadHardware(tx);
    const profile = hardwareNamed(profiles, request.hardware, [...path, 'hardware']);
    const [state] = await readStates(tx, [accountId], realNowMs);
    if (state === undefined) throw unknownId(request.accountId ?? '', [...path, 'accountId']);
    const rateOf = (hardwareId: number): bigint | null =>
      rateAt(state.rates, hardwareId, state.atMs);
    const rateMicroPerHour = rateOf(profile.hardwareId);
    if (rateMicroPerHour === null) {
      throw new UserInputError(
        `${profile.name} has no rate yet at ${isoInstant(state.atMs)}: nothing can run on it now.`,
        { path: [...path, 'hardware'] },
      );
    }
    const replaced = await replacedBy(actor, tx, { state, resourceId: request.resourceId ?? null });
    const placement = { hardwareId: profile.hardwareId, hardware: profile.name, replicas };
    const costMicroPerHour = BigInt(replicas) * rateMicroPerHour;
    const cost = {
      costMicroPerHour,
      replacedMicroPerHour:
        replaced === null ? null : BigInt(replaced.replicas) * (rateOf(replaced.hardwareId) ?? 0n),
    };
    const refusal = refusalToRun(new Draft(state).position(), state.closedAtMs !== null, cost);
    const projected = withDeployment(state, { placement, rateMicroPerHour, replaced });
    return {
      costMicroPerHour,
      refusal,
      currentStopsAtMs: forecast(state).stopsAtMs,
      projected: refusal === null ? forecast(projected) : null,
    };
  }
}

function quotedAccount(actor: Actor, request: QuoteRequest): number {
  const { accountId = null, resourceId = null } = request;
  if (accountId === null && resourceId !== null && actor.accountId === null) {
    // An operator who names a deployment has named its account.
    return requireResource(actor, resourceId).accountId;
  }
  return requireAccount(actor, 'READ_USAGE', { accountId, path: ['input', 'accountId'] });
}

function requireResource(actor: Actor, id: string): ReturnType<typeof requireRef> {
  const path = ['input', 'resourceId'];
  return requireRef(actor, 'READ_USAGE', { id, types: hostedTypes, path });
}

type Running = AccountState['running'][number];

/** The running deployment that a quote would replace. @throws NOT_FOUND, BAD_USER_INPUT when it is not running */
async function replacedBy(
  actor: Actor,
  tx: Tx,
  { state, resourceId }: { readonly state: AccountState; readonly resourceId: string | null },
): Promise<Running | null> {
  if (resourceId === null) return null;
  const path = ['input', 'resourceId'];
  const ref = requireResource(actor, resourceId);
  if (ref.accountId !== state.accountId) throw unknownId(resourceId, path);
  const replaced = state.running.find((segment) => segment.resourceId === ref.localId);
  if (replaced !== undefined) return replaced;
  const [resource] = await loadResources(tx, [{ ...ref, resourceId: ref.localId }]);
  if (resource === undefined) throw unknownId(resourceId, path);
  throw new UserInputError(
    'resourceId is of no running deployment: only one that runs can be replaced.',
    { path },
  );
}

/** The state as if the deployment had begun now. */
function withDeployment(
  state: AccountState,
  begun: {
    readonly placement: Placement;
    readonly rateMicroPerHour: bigint;
    readonly replaced: Running | null;
  },
): AccountState {
  const { placement, rateMicroPerHour, replaced } = begun;
  const draft = new Draft(state);
  if (replaced !== null) {
    const isReplaced = ({ segmentId }: Running): boolean => segmentId === replaced.segmentId;
    draft.postHosting(isReplaced);
    draft.end(isReplaced);
  }
  const segment = runningSegment(
    {
      accountId: state.accountId,
      segmentId: draft.takeLocalId(),
      resourceId: replaced?.resourceId ?? 0,
      hardwareId: placement.hardwareId,
      replicas: placement.replicas,
      rateMicroPerHour,
      fromMs: state.atMs,
      toMs: null,
      eventSeq: null,
      postedMicro: null,
    },
    state.creditsFromMs,
  );
  draft.set({ running: [...draft.state.running, segment] });
  return draft.state;
}
