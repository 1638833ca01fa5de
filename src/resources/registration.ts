// Registering creates or updates by (account, kind, externalId). A whole batch is decided at once, from what exists to
// what is to be written, so that a batch costs a fixed number of statements. A name that comes twice in a
// batch is registered twice, in order: the later one updates the earlier.

import { parseNotAfter } from '../core/check.ts';
import { ConflictError, type ErrorPath, UserInputError } from '../core/errors.ts';
import { parseOptionalText, parseText } from '../core/text.ts';
import {
  type Model,
  type ModelType,
  refKey,
  type Resource,
  type ResourceKind,
} from './resource.ts';

export const RESOURCES_PER_CALL_MAX = 5_000;

/** One resource to register, as the API takes it. Which optional fields are required depends on the kind. */
export interface RegisterRequest {
  readonly kind: ResourceKind;
  readonly externalId: string;
  readonly name: string;
  readonly owner?: string | null;
  readonly createdAt?: number | null;
  readonly modelExternalId?: string | null;
  readonly modelName?: string | null;
  readonly modelType?: ModelType | null;
  readonly language?: string | null;
  readonly languageVersion?: string | null;
  readonly ocrModel?: string | null;
}

/** One model to register, as the API takes it. */
export interface RegisterModelRequest {
  readonly externalId: string;
  readonly name: string;
  readonly type: ModelType;
  readonly createdAt?: number | null;
}

/** A checked request for a model. `name` is null when the model is only referred to. */
export interface ModelRegistration {
  readonly externalId: string;
  readonly name: string | null;
  readonly type: ModelType;
  readonly createdAtMs: number;
  /** The argument that an error about the model names. */
  readonly path: ErrorPath;
}

/** A checked request for a resource. */
export interface Registration {
  readonly kind: ResourceKind;
  readonly externalId: string;
  readonly name: string;
  readonly owner: string | null;
  readonly createdAtMs: number;
  readonly model: ModelRegistration | null;
  readonly language: string | null;
  readonly languageVersion: string | null;
  readonly ocrModel: string | null;
  /** The request's place among the call's arguments. */
  readonly path: ErrorPath;
}

/** A model or resource with the values to be written; new ones have no id yet. */
export type PlannedModel = Omit<Model, 'accountId' | 'modelId' | 'lastDeployedAtMs'> & {
  readonly modelId: number | null;
};
interface PlannedResource extends Omit<Registration, 'model' | 'path'> {
  readonly resourceId: number | null;
  readonly modelExternalId: string | null;
}

const kindFields = [
  'modelExternalId',
  'modelName',
  'modelType',
  'language',
  'languageVersion',
  'ocrModel',
] as const;
type KindField = (typeof kindFields)[number];

const fieldsOfKind: Readonly<Record<ResourceKind, readonly KindField[]>> = {
  WORKFLOW: [],
  MODEL_DEPLOYMENT: ['modelExternalId', 'modelName', 'modelType'],
  GUARDRAIL: [],
  CUSTOM_SCRIPT: ['language', 'languageVersion'],
  OCR_DEPLOYMENT: ['ocrModel'],
  BROWSER_POD: [],
};

/**
 * Checks one resource to register and fills in its defaults.
 * @param path of the request among the call's arguments
 * @throws UserInputError naming the field
 */
export function parseRegistration(
  request: RegisterRequest,
  nowMs: number,
  path: ErrorPath,
): Registration {
  const { kind } = request;
  for (const field of kindFields) {
    const isGiven = (request[field] ?? null) !== null;
    if (isGiven && !fieldsOfKind[kind].includes(field)) {
      throw new UserInputError(`${field} does not belong to the kind ${kind}: leave it out.`, {
        path: [...path, field],
      });
    }
  }
  const isScript = kind === 'CUSTOM_SCRIPT';
  return {
    kind,
    externalId: parseText(request.externalId, [...path, 'externalId']),
    name: parseText(request.name, [...path, 'name']),
    owner: parseOptionalText(request.owner, [...path, 'owner']),
    createdAtMs: parseNotAfter(request.createdAt ?? nowMs, nowMs, [...path, 'createdAt']),
    model: kind === 'MODEL_DEPLOYMENT' ? parseModelOf(request, nowMs, path) : null,
    language: isScript ? neededText(request, 'language', path) : null,
    languageVersion: isScript ? neededText(request, 'languageVersion', path) : null,
    ocrModel: kind === 'OCR_DEPLOYMENT' ? neededText(request, 'ocrModel', path) : null,
    path,
  };
}

/** Checks a model to register. @throws UserInputError naming the field */
export function parseModelRegistration(
  request: RegisterModelRequest,
  nowMs: number,
  path: ErrorPath,
): ModelRegistration {
  return {
    externalId: parseText(request.externalId, [...path, 'externalId']),
    name: parseText(request.name, [...path, 'name']),
    type: request.type,
    createdAtMs: parseNotAfter(request.createdAt ?? nowMs, nowMs, [...path, 'createdAt']),
    path: [...path, 'type'],
  };
}

/**
 * The models to write: each external id once. A model that is only referred to keeps its name. A new one
 * without a name is named by its external id.
 * @throws ConflictError when a model would change its type
 */
export function planModels(
  registrations: readonly ModelRegistration[],
  existing: readonly Model[],
): ReadonlyMap<string, PlannedModel> {
  const known = new Map<string, PlannedModel>(existing.map((model) => [model.externalId, model]));
  const planned = new Map<string, PlannedModel>();
  for (const registration of registrations) {
    const { externalId } = registration;
    const before = planned.get(externalId) ?? known.get(externalId);
    planned.set(
      externalId,
      before === undefined ? newModel(registration) : updatedModel(before, registration),
    );
  }
  return planned;
}

/**
 * The resources to write: each (kind, externalId) once, under `refKey`. An owner that is left out stays as it is.
 * @param modelsById the models that existing deployments belong to, by id
 * @throws ConflictError for a deleted resource, or a deployment that would change its model
 */
export function planResources(
  registrations: readonly Registration[],
  existing: readonly Resource[],
  modelsById: ReadonlyMap<number, Pick<Model, 'externalId'>>,
): ReadonlyMap<string, PlannedResource> {
  const known = new Map(existing.map((resource) => [refKey(resource), resource]));
  const planned = new Map<string, PlannedResource>();
  for (const registration of registrations) {
    const key = refKey(registration);
    const row = known.get(key);
    requireNotDeleted(row, registration.path);
    const before = planned.get(key) ?? (row && plannedFromRow(row, modelsById));
    planned.set(
      key,
      before === undefined ? newResource(registration) : updatedResource(before, registration),
    );
  }
  return planned;
}

function newModel({ externalId, name, type, createdAtMs }: ModelRegistration): PlannedModel {
  return { modelId: null, externalId, name: name ?? externalId, type, createdAtMs };
}

function updatedModel(before: PlannedModel, { name, type, path }: ModelRegistration): PlannedModel {
  if (before.type === type) return { ...before, name: name ?? before.name };
  throw new ConflictError(
    `The model ${JSON.stringify(before.externalId)} is of type ${before.type}; a model's type never changes.`,
    { path },
  );
}

function newResource(registration: Registration): PlannedResource {
  return {
    resourceId: null,
    kind: registration.kind,
    externalId: registration.externalId,
    name: registration.name,
    owner: registration.owner,
    createdAtMs: registration.createdAtMs,
    modelExternalId: registration.model?.externalId ?? null,
    language: registration.language,
    languageVersion: registration.languageVersion,
    ocrModel: registration.ocrModel,
  };
}

function updatedResource(before: PlannedResource, registration: Registration): PlannedResource {
  const after = newResource(registration);
  if (before.modelExternalId !== after.modelExternalId) {
    throw new ConflictError(
      `The deployment ${JSON.stringify(before.externalId)} is of the model ${JSON.stringify(before.modelExternalId)}; a deployment's model never changes.`,
      { path: registration.model?.path ?? registration.path },
    );
  }
  return {
    ...after,
    resourceId: before.resourceId,
    owner: after.owner ?? before.owner,
    createdAtMs: before.createdAtMs,
  };
}

function requireNotDeleted(row: Resource | undefined, path: ErrorPath): void {
  if (row?.status !== 'DELETED') return;
  throw new ConflictError(
    `The ${row.kind} ${JSON.stringify(row.externalId)} was deleted: its externalId cannot be used again.`,
    { path: [...path, 'externalId'] },
  );
}

function plannedFromRow(
  row: Resource,
  modelsById: ReadonlyMap<number, Pick<Model, 'externalId'>>,
): PlannedResource {
  const { resourceId, kind, externalId, name, owner, createdAtMs } = row;
  const model = row.modelId === null ? undefined : modelsById.get(row.modelId);
  return {
    resourceId,
    kind,
    externalId,
    name,
    owner,
    createdAtMs,
    modelExternalId: model?.externalId ?? null,
    language: row.language,
    languageVersion: row.languageVersion,
    ocrModel: row.ocrModel,
  };
}

function parseModelOf(request: RegisterRequest, nowMs: number, path: ErrorPath): ModelRegistration {
  const { modelType = null } = request;
  const externalId = neededText(request, 'modelExternalId', path);
  if (modelType === null) throw missing('modelType', request.kind, path);
  return {
    externalId,
    type: modelType,
    name: parseOptionalText(request.modelName, [...path, 'modelName']),
    createdAtMs: parseNotAfter(request.createdAt ?? nowMs, nowMs, [...path, 'createdAt']),
    path: [...path, 'modelExternalId'],
  };
}

function neededText(
  request: RegisterRequest,
  field: Exclude<KindField, 'modelType'>,
  path: ErrorPath,
): string {
  const text = parseOptionalText(request[field], [...path, field]);
  if (text === null) throw missing(field, request.kind, path);
  return text;
}

function missing(field: KindField, kind: ResourceKind, path: ErrorPath): UserInputError {
  return new UserInputError(`${field} is needed for the kind ${kind}.`, { path: [...path, field] });
}
