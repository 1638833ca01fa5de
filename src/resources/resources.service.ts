import { requireAccount, requireRef } from '../access/authorize.ts';
import type { AccountService } from '../account/account.service.ts';
import { takeLocalIds } from '../account/account.store.ts';
import { invariant, NotFoundError, UserInputError, type ErrorPath } from '../core/errors.ts';
import { type Actor, encodeId, type NodeRef, type Scope, unknownId } from '../core/identity.ts';
import type { TakeEvents } from '../core/rate.ts';
import { parseText } from '../core/text.ts';
import type { Tx } from '../db/database.ts';
import {
  type ModelRegistration,
  parseModelRegistration,
  parseRegistration,
  planModels,
  type PlannedModel,
  planResources,
  RESOURCES_PER_CALL_MAX,
  type RegisterModelRequest,
  type Registration,
  type RegisterRequest,
} from './registration.ts';
import { type Model, refKey, type Resource, type ResourceKind, typeOfKind } from './resource.ts';
import { findModels, loadModels, saveModels } from './models.store.ts';
import { findResources, loadResources, saveResources } from './resources.store.ts';

/** One resource to register; the call determines the kind. */
interface NamedRequest extends Omit<RegisterRequest, 'kind'> {
  readonly accountId?: string | null;
}

const resourceTypes = Object.values(typeOfKind);

export class ResourceService {
  /** @param takeEvents left out: any number of resources is registered */
  constructor(
    private readonly accounts: AccountService,
    private readonly takeEvents?: TakeEvents,
  ) {}

  /**
   * Registers resources of any kinds, all or none, in a fixed number of statements.
   * @returns their opaque ids in the order given
   * @throws FORBIDDEN, NOT_FOUND, RATE_LIMITED, BAD_USER_INPUT and CONFLICT, with the path of the field: ['resources', 17, 'kind']
   */
  async registerAll(
    actor: Actor,
    accountId: string | null,
    requests: readonly RegisterRequest[],
  ): Promise<readonly string[]> {
    const account = requireAccount(actor, 'INGEST', { accountId, path: ['accountId'] });
    if (requests.length > RESOURCES_PER_CALL_MAX) {
      throw new UserInputError(
        `resources has ${requests.length} entries; at most ${RESOURCES_PER_CALL_MAX} are registered in one call.`,
        { path: ['resources'] },
      );
    }
    await this.takeEvents?.(account, requests.length);
    return this.accounts.inAccount(account, async (tx, _owner, nowMs) => {
      const registrations = requests.map((request, index) =>
        parseRegistration(request, nowMs, ['resources', index]),
      );
      const resourceIds = await registerInOrder(tx, account, registrations);
      return resourceIds.map((resourceId, index) => {
        const kind = registrations[index]?.kind;
        invariant(kind !== undefined, 'an id for each registration', { index });
        return encodeId(typeOfKind[kind], account, resourceId);
      });
    });
  }

  /** Registers one resource that is not a model deployment. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, CONFLICT */
  async register(
    actor: Actor,
    kind: Exclude<ResourceKind, 'MODEL_DEPLOYMENT'>,
    request: NamedRequest,
  ): Promise<Resource> {
    const accountId = requireAccount(actor, 'INGEST', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    return this.accounts.inAccount(accountId, async (tx, _owner, nowMs) => {
      const registration = parseRegistration({ ...request, kind }, nowMs, ['input']);
      return registerOne(tx, accountId, registration);
    });
  }

  /** Registers a deployment of a registered model. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, CONFLICT */
  async registerDeployment(
    actor: Actor,
    request: NamedRequest & { readonly modelId: string },
  ): Promise<Resource> {
    const path = ['input', 'modelId'];
    const ref = requireRef(actor, 'INGEST', { id: request.modelId, types: ['Model'], path });
    const accountId = request.accountId ?? null;
    requireSameAccount(actor, 'INGEST', { ref, id: request.modelId, path, accountId });
    return this.accounts.inAccount(ref.accountId, async (tx, _owner, nowMs) => {
      const [model] = await loadModels(tx, [{ accountId: ref.accountId, modelId: ref.localId }]);
      if (model === undefined) throw unknownId(request.modelId, path);
      const registration = parseRegistration(
        {
          ...request,
          kind: 'MODEL_DEPLOYMENT',
          modelExternalId: model.externalId,
          modelType: model.type,
        },
        nowMs,
        ['input'],
      );
      return registerOne(tx, ref.accountId, registration, path);
    });
  }

  /** Registers a model. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, CONFLICT (its type never changes) */
  async registerModel(
    actor: Actor,
    request: RegisterModelRequest & { readonly accountId?: string | null },
  ): Promise<Model> {
    const accountId = requireAccount(actor, 'INGEST', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    return this.accounts.inAccount(accountId, async (tx, _owner, nowMs) => {
      const registration = parseModelRegistration(request, nowMs, ['input']);
      const existing = await findModels(tx, accountId, [registration.externalId]);
      const models = await writeModels(tx, accountId, planModels([registration], existing));
      const modelId = models.get(registration.externalId);
      invariant(modelId !== undefined, 'a registered model has an id', { accountId });
      const [model] = await loadModels(tx, [{ accountId, modelId }]);
      invariant(model !== undefined, 'a registered model is there', { accountId, modelId });
      return model;
    });
  }

  /** The resource with an id, or with a kind and external id. @throws NOT_FOUND, FORBIDDEN, BAD_USER_INPUT */
  async find(
    actor: Actor,
    tx: Tx,
    named: {
      readonly id: string | null;
      readonly kind: ResourceKind | null;
      readonly externalId: string | null;
      readonly accountId: string | null;
    },
  ): Promise<Resource> {
    const { id, kind, externalId } = named;
    if (id !== null && kind === null && externalId === null) return findById(actor, tx, id, named);
    if (id !== null || kind === null || externalId === null) {
      throw new UserInputError('Name the resource either by id, or by kind and externalId.', {
        path: id === null ? ['externalId'] : ['id'],
      });
    }
    const accountId = requireAccount(actor, 'READ_USAGE', {
      accountId: named.accountId,
      path: ['accountId'],
    });
    parseText(externalId, ['externalId']);
    const [resource] = await findResources(tx, accountId, [{ kind, externalId }]);
    if (resource !== undefined) return resource;
    throw new NotFoundError(
      `No ${kind} has the externalId ${JSON.stringify(externalId.slice(0, 80))}.`,
      { path: ['externalId'] },
    );
  }
}

async function findById(
  actor: Actor,
  tx: Tx,
  id: string,
  named: { readonly accountId: string | null },
): Promise<Resource> {
  const ref = requireRef(actor, 'READ_USAGE', { id, types: resourceTypes, path: ['id'] });
  requireSameAccount(actor, 'READ_USAGE', { ref, id, path: ['id'], accountId: named.accountId });
  const { accountId, localId: resourceId } = ref;
  const [resource] = await loadResources(tx, [{ accountId, resourceId }]);
  if (resource !== undefined && typeOfKind[resource.kind] === ref.type) return resource;
  throw unknownId(id, ['id']);
}

// An id includes its account. If the request names another account beside it, the id counts as unknown.
function requireSameAccount(
  actor: Actor,
  scope: Scope,
  named: {
    readonly ref: NodeRef;
    readonly id: string;
    readonly path: ErrorPath;
    readonly accountId: string | null;
  },
): void {
  const { ref, id, path, accountId } = named;
  if (accountId === null) return;
  const beside = [...path.slice(0, -1), 'accountId'];
  const own = requireAccount(actor, scope, { accountId, path: beside });
  if (own !== ref.accountId) throw unknownId(id, path);
}

async function registerOne(
  tx: Tx,
  accountId: number,
  registration: Registration,
  modelPath?: ErrorPath,
): Promise<Resource> {
  const { model } = registration;
  const [resourceId] = await registerInOrder(tx, accountId, [
    modelPath === undefined || model === null
      ? registration
      : { ...registration, model: { ...model, path: modelPath } },
  ]);
  invariant(resourceId !== undefined, 'a registered resource has an id', { accountId });
  const [resource] = await loadResources(tx, [{ accountId, resourceId }]);
  invariant(resource !== undefined, 'a registered resource is there', { accountId, resourceId });
  return resource;
}

/** Creates and updates resources. @returns their ids in the order of the registrations */
async function registerInOrder(
  tx: Tx,
  accountId: number,
  registrations: readonly Registration[],
): Promise<readonly number[]> {
  if (registrations.length === 0) return [];
  const existing = await findResources(tx, accountId, distinct(registrations));
  const modelIds = existing.flatMap((resource) => resource.modelId ?? []);
  const owningModels = await loadModels(
    tx,
    [...new Set(modelIds)].map((modelId) => ({ accountId, modelId })),
  );
  const planned = planResources(
    registrations,
    existing,
    new Map(owningModels.map((model) => [model.modelId, model])),
  );
  const models = await registerModelsOf(tx, accountId, registrations);
  const rows = [...planned.values()];
  const created = rows.filter((row) => row.resourceId === null);
  const firstId = created.length === 0 ? 0 : await takeLocalIds(tx, accountId, created.length);
  const newIds = new Map(created.map((row, index) => [refKey(row), firstId + index]));
  const idOf = (key: string): number => {
    const resourceId = planned.get(key)?.resourceId ?? newIds.get(key);
    invariant(resourceId !== undefined, 'every registration is planned', { key });
    return resourceId;
  };
  await saveResources(
    tx,
    accountId,
    rows.map((row) => ({
      ...row,
      resourceId: idOf(refKey(row)),
      modelId: row.modelExternalId === null ? null : (models.get(row.modelExternalId) ?? null),
    })),
  );
  return registrations.map((registration) => idOf(refKey(registration)));
}

async function registerModelsOf(
  tx: Tx,
  accountId: number,
  registrations: readonly Registration[],
): Promise<ReadonlyMap<string, number>> {
  const models: readonly ModelRegistration[] = registrations.flatMap(
    (registration) => registration.model ?? [],
  );
  if (models.length === 0) return new Map();
  const existing = await findModels(
    tx,
    accountId,
    models.map((model) => model.externalId),
  );
  return writeModels(tx, accountId, planModels(models, existing));
}

/** @returns the models' ids by external id */
async function writeModels(
  tx: Tx,
  accountId: number,
  planned: ReadonlyMap<string, PlannedModel>,
): Promise<ReadonlyMap<string, number>> {
  const models = [...planned.values()];
  const created = models.filter((model) => model.modelId === null);
  const firstId = created.length === 0 ? 0 : await takeLocalIds(tx, accountId, created.length);
  const newIds = new Map(created.map((model, index) => [model.externalId, firstId + index]));
  const numbered = models.map((model) => {
    const modelId = model.modelId ?? newIds.get(model.externalId);
    invariant(modelId !== undefined, 'every model is numbered', { externalId: model.externalId });
    return { ...model, modelId };
  });
  await saveModels(tx, accountId, numbered);
  return new Map(numbered.map((model) => [model.externalId, model.modelId]));
}

function distinct(registrations: readonly Registration[]): readonly Registration[] {
  return [...new Map(registrations.map((one) => [refKey(one), one])).values()];
}
