import { invariant } from '../core/errors.ts';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, atOrNull, int, ms, msOrNull, oneOf, type Row, text } from '../db/decode.ts';
import { asTheyWere, keptBefore, type RowsAsOf } from './former-rows.store.ts';
import { selectResources } from './resource-rows.store.ts';
import {
  type Model,
  modelTypes,
  refKey,
  type Resource,
  type ResourceKey,
  resourceKinds,
  type ResourceKind,
  type ResourceRef,
  resourceStatuses,
  type ResourceStatus,
} from './resource.ts';

@Entity('model')
export class ModelRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'model_id', type: 'int' }) modelId!: number;
  @Column({ name: 'external_id', type: 'text' }) externalId!: string;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'type', type: 'text' }) type!: string;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'last_event_at', ...instantColumn, nullable: true }) lastEventAtMs!:
    number | null;
}

@Entity('resource')
export class ResourceRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'resource_id', type: 'int' }) resourceId!: number;
  @Column({ name: 'kind', type: 'enum', enum: resourceKinds, enumName: 'resource_kind' })
  kind!: ResourceKind;
  @Column({ name: 'external_id', type: 'text' }) externalId!: string;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'owner', type: 'text', nullable: true }) owner!: string | null;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'model_id', type: 'int', nullable: true }) modelId!: number | null;
  @Column({ name: 'language', type: 'text', nullable: true }) language!: string | null;
  @Column({ name: 'language_version', type: 'text', nullable: true }) languageVersion!:
    string | null;
  @Column({ name: 'ocr_model', type: 'text', nullable: true }) ocrModel!: string | null;
  @Column({ name: 'status', type: 'enum', enum: resourceStatuses, enumName: 'resource_status' })
  status!: ResourceStatus;
  @Column({ name: 'endpoint_url', type: 'text', nullable: true }) endpointUrl!: string | null;
  @Column({ name: 'failure_message', type: 'text', nullable: true }) failureMessage!: string | null;
  @Column({ name: 'requested_hardware_id', type: 'int', nullable: true })
  requestedHardwareId!: number | null;
  @Column({ name: 'requested_replicas', type: 'int', nullable: true })
  requestedReplicas!: number | null;
  @Column({ name: 'lifecycle_at', ...instantColumn, nullable: true }) lifecycleAtMs!: number | null;
  @Column({ name: 'deployed_at', ...instantColumn, nullable: true }) deployedAtMs!: number | null;
  @Column({ name: 'changed_at', ...instantColumn, nullable: true }) changedAtMs!: number | null;
  @Column({ name: 'stopped_at', ...instantColumn, nullable: true }) stoppedAtMs!: number | null;
  @Column({ name: 'hosted_from', ...instantColumn, nullable: true }) hostedFromMs!: number | null;
  @Column({ name: 'hosted_to', ...instantColumn, nullable: true }) hostedToMs!: number | null;
  @Column({ name: 'last_event_at', ...instantColumn, nullable: true }) lastEventAtMs!:
    number | null;
}

const MODEL = `m.account_id, m.model_id, m.external_id, m.name, m.type, m.created_at,
  (select max(greatest(r.deployed_at, r.hosted_from)) from resource r
   where r.account_id = m.account_id and r.model_id = m.model_id) as last_deployed_at`;

/** Points to one resource of any account. */
export interface ResourceAddress {
  readonly accountId: number;
  readonly resourceId: number;
}

/** Points to one model of any account. */
export interface ModelAddress {
  readonly accountId: number;
  readonly modelId: number;
}

/** The resources under these ids, in no order; unknown ones are left out. */
export async function loadResources(
  tx: Tx,
  refs: readonly ResourceAddress[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.loadResources',
    from: `from unnest($1::int[], $2::int[]) as k (account_id, resource_id)
     join resource r using (account_id, resource_id)`,
    parameters: [refs.map((ref) => ref.accountId), refs.map((ref) => ref.resourceId)],
  });
}

/** The models under these ids, in no order; unknown ones are left out. */
export async function loadModels(tx: Tx, refs: readonly ModelAddress[]): Promise<readonly Model[]> {
  const rows = await tx.query(
    `/* resources.loadModels */ select ${MODEL} from unnest($1::int[], $2::int[]) as k (account_id, model_id)
     join model m using (account_id, model_id)`,
    [refs.map((ref) => ref.accountId), refs.map((ref) => ref.modelId)],
  );
  return rows.map(modelFromRow);
}

/** All resources of some kinds, deleted ones too, by account and id. */
export async function listResourcesOf(
  tx: Tx,
  accountIds: readonly number[],
  kinds: readonly ResourceKind[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.listResourcesOf',
    from: `from resource r
     where r.account_id = any($1) and r.kind = any($2::resource_kind[]) order by r.account_id, r.resource_id`,
    parameters: [accountIds, kinds],
  });
}

/** All models of some accounts, by account and id. */
export async function listModelsOf(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly Model[]> {
  const rows = await tx.query(
    `/* resources.listModelsOf */ select ${MODEL} from model m
     where m.account_id = any($1) order by m.account_id, m.model_id`,
    [accountIds],
  );
  return rows.map(modelFromRow);
}

/** All models of an account as they were, by id. When their deployments were deployed last is as it is now. */
export async function listModelsAsOf(
  tx: Tx,
  { accountId, lastLocalId, lastChange }: RowsAsOf,
): Promise<readonly Model[]> {
  const rows = await tx.query(
    `/* resources.listModelsAsOf */ select ${MODEL} from (select r.* ${asTheyWere('model')}) m order by m.model_id`,
    [accountId, lastLocalId, lastChange],
  );
  return rows.map(modelFromRow);
}

/** The deployments of some models, deleted ones too, by account and id. */
export async function listDeploymentsOf(
  tx: Tx,
  models: readonly ModelAddress[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.listDeploymentsOf',
    from: `from unnest($1::int[], $2::int[]) as k (account_id, model_id)
     join resource r using (account_id, model_id) order by r.account_id, r.resource_id`,
    parameters: [models.map((model) => model.accountId), models.map((model) => model.modelId)],
  });
}

/** What an account's names stand for, each at its own place; null where nothing has that name. */
export async function resolveResourceRefs(
  tx: Tx,
  accountId: number,
  refs: readonly ResourceRef[],
): Promise<readonly (ResourceKey | null)[]> {
  const named = new Map(refs.map((ref) => [refKey(ref), ref]));
  const rows = await tx.query(
    `/* resources.resolveResourceRefs */ select r.resource_id, r.kind, r.external_id
     from unnest($2::resource_kind[], $3::text[]) as k (kind, external_id)
     join resource r on r.account_id = $1 and r.kind = k.kind and r.external_id = k.external_id`,
    [
      accountId,
      [...named.values()].map((ref) => ref.kind),
      [...named.values()].map((ref) => ref.externalId),
    ],
  );
  const found = new Map(rows.map(keyFromRow).map((key) => [refKey(key), key]));
  return refs.map((ref) => found.get(refKey(ref)) ?? null);
}

/** What an account's resource ids stand for, each at its own place; null where there is no such resource. */
export async function resolveResourceIds(
  tx: Tx,
  accountId: number,
  resourceIds: readonly number[],
): Promise<readonly (ResourceKey | null)[]> {
  const rows = await tx.query(
    `/* resources.resolveResourceIds */ select r.resource_id, r.kind, r.external_id from resource r
     where r.account_id = $1 and r.resource_id = any($2::int[])`,
    [accountId, [...new Set(resourceIds)]],
  );
  const found = new Map(rows.map(keyFromRow).map((key) => [key.resourceId, key]));
  return resourceIds.map((resourceId) => found.get(resourceId) ?? null);
}

/** The ids of an account's models by their external ids, each at its own place; null where there is none. */
export async function resolveModelRefs(
  tx: Tx,
  accountId: number,
  externalIds: readonly string[],
): Promise<readonly (number | null)[]> {
  const found = new Map<string, number>();
  for (const model of await findModels(tx, accountId, externalIds)) {
    found.set(model.externalId, model.modelId);
  }
  return externalIds.map((externalId) => found.get(externalId) ?? null);
}

/** Which of these model ids the account has, each at its own place; null where there is no such model. */
export async function resolveModelIds(
  tx: Tx,
  accountId: number,
  modelIds: readonly number[],
): Promise<readonly (number | null)[]> {
  const rows = await tx.query(
    `/* resources.resolveModelIds */ select model_id from model where account_id = $1 and model_id = any($2::int[])`,
    [accountId, [...new Set(modelIds)]],
  );
  const known = new Set(rows.map((row) => int(row, 'model_id')));
  return modelIds.map((modelId) => (known.has(modelId) ? modelId : null));
}

/** The account's models that have one of these external ids, in no order. */
export async function findModels(
  tx: Tx,
  accountId: number,
  externalIds: readonly string[],
): Promise<readonly Model[]> {
  const rows = await tx.query(
    `/* resources.findModels */ select ${MODEL} from model m where m.account_id = $1 and m.external_id = any($2::text[])`,
    [accountId, [...new Set(externalIds)]],
  );
  return rows.map(modelFromRow);
}

/** The account's resources that have one of these names, in no order. */
export async function findResources(
  tx: Tx,
  accountId: number,
  refs: readonly ResourceRef[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.findResources',
    from: `from unnest($2::resource_kind[], $3::text[]) as k (kind, external_id)
     join resource r on r.account_id = $1 and r.kind = k.kind and r.external_id = k.external_id`,
    parameters: [accountId, refs.map((ref) => ref.kind), refs.map((ref) => ref.externalId)],
  });
}

/** Inserts models, or gives those that exist (by id) their new name. */
export async function saveModels(
  tx: Tx,
  models: readonly Omit<Model, 'lastDeployedAtMs'>[],
): Promise<void> {
  await tx.query(
    `/* resources.saveModels */ with ${keptBefore.saveModels}
     insert into model (account_id, model_id, external_id, name, type, created_at)
     select * from unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
     on conflict (account_id, model_id) do update set name = excluded.name`,
    [
      models.map((model) => model.accountId),
      models.map((model) => model.modelId),
      models.map((model) => model.externalId),
      models.map((model) => model.name),
      models.map((model) => model.type),
      models.map((model) => at(model.createdAtMs)),
    ],
  );
}

/** What registering writes of a resource. */
type RegisteredResource = Pick<
  Resource,
  | 'accountId'
  | 'resourceId'
  | 'kind'
  | 'externalId'
  | 'name'
  | 'owner'
  | 'createdAtMs'
  | 'modelId'
  | 'language'
  | 'languageVersion'
  | 'ocrModel'
>;

/** Inserts resources, or gives those that exist (by id) what registering again may change. */
export async function saveResources(
  tx: Tx,
  resources: readonly RegisteredResource[],
): Promise<void> {
  await tx.query(
    `/* resources.saveResources */ with ${keptBefore.saveResources}
     insert into resource (account_id, resource_id, kind, external_id, name, owner,
       created_at, model_id, language, language_version, ocr_model)
     select * from unnest($1::int[], $2::int[], $3::resource_kind[], $4::text[], $5::text[], $6::text[],
       $7::timestamptz[], $8::int[], $9::text[], $10::text[], $11::text[])
     on conflict (account_id, resource_id) do update set name = excluded.name, owner = excluded.owner,
       language = excluded.language, language_version = excluded.language_version, ocr_model = excluded.ocr_model`,
    [
      resources.map((resource) => resource.accountId),
      resources.map((resource) => resource.resourceId),
      resources.map((resource) => resource.kind),
      resources.map((resource) => resource.externalId),
      resources.map((resource) => resource.name),
      resources.map((resource) => resource.owner),
      resources.map((resource) => at(resource.createdAtMs)),
      resources.map((resource) => resource.modelId),
      resources.map((resource) => resource.language),
      resources.map((resource) => resource.languageVersion),
      resources.map((resource) => resource.ocrModel),
    ],
  );
}

/** What a lifecycle call writes of a resource. */
type LifecycleColumns = Pick<
  Resource,
  | 'status'
  | 'endpointUrl'
  | 'failureMessage'
  | 'requestedHardwareId'
  | 'requestedReplicas'
  | 'lifecycleAtMs'
  | 'deployedAtMs'
  | 'changedAtMs'
  | 'stoppedAtMs'
>;

/** @returns the resource as it is now */
export async function saveLifecycle(
  tx: Tx,
  address: ResourceAddress,
  columns: LifecycleColumns,
): Promise<Resource> {
  const [changed] = await selectResources(tx, {
    name: 'resources.saveLifecycle',
    with: `${keptBefore.saveLifecycle},
      r as (update resource set status = $3, endpoint_url = $4, failure_message = $5, requested_hardware_id = $6,
        requested_replicas = $7, lifecycle_at = $8, deployed_at = $9, changed_at = $10, stopped_at = $11
      where account_id = $1 and resource_id = $2 returning *)`,
    from: 'from r',
    parameters: [
      address.accountId,
      address.resourceId,
      columns.status,
      columns.endpointUrl,
      columns.failureMessage,
      columns.requestedHardwareId,
      columns.requestedReplicas,
      atOrNull(columns.lifecycleAtMs),
      atOrNull(columns.deployedAtMs),
      atOrNull(columns.changedAtMs),
      atOrNull(columns.stoppedAtMs),
    ],
  });
  invariant(changed !== undefined, 'a changed resource is there', { ...address });
  return changed;
}

/** Marks deployments, running or asked for, as stopped at the negative limit. The last lifecycle call stays as it was. */
export async function saveStops(
  tx: Tx,
  accountId: number,
  stops: readonly { readonly resourceId: number; readonly atMs: number }[],
  message: string,
): Promise<void> {
  await tx.query(
    `/* resources.saveStops */ with ${keptBefore.saveStops}
     update resource r set status = 'UNDEPLOYED', failure_message = $4, stopped_at = k.stopped_at,
       changed_at = case r.status when 'DEPLOYED' then k.stopped_at else r.changed_at end,
       requested_hardware_id = null, requested_replicas = null
     from unnest($2::int[], $3::timestamptz[]) as k (resource_id, stopped_at)
     where r.account_id = $1 and r.resource_id = k.resource_id`,
    [accountId, stops.map((stop) => stop.resourceId), stops.map((stop) => at(stop.atMs)), message],
  );
}

/** The hosting of one resource that was recorded afterwards, in short: latest begin and latest end of its periods. */
export interface RecordedHosting {
  readonly resourceId: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Counts newly recorded hosting as deployments; each resource at most once. */
export async function raiseRecordedHosting(
  tx: Tx,
  accountId: number,
  recorded: readonly RecordedHosting[],
): Promise<void> {
  await tx.query(
    `/* resources.raiseRecordedHosting */ with ${keptBefore.raiseRecordedHosting}
     update resource r
     set hosted_from = greatest(r.hosted_from, k.from_at), hosted_to = greatest(r.hosted_to, k.to_at)
     from unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) as k (resource_id, from_at, to_at)
     where r.account_id = $1 and r.resource_id = k.resource_id`,
    [
      accountId,
      recorded.map((one) => one.resourceId),
      recorded.map((one) => at(one.fromMs)),
      recorded.map((one) => at(one.toMs)),
    ],
  );
}

/** Writes what is left of a resource's recorded hosting after a void; null when nothing is. */
export async function setRecordedHosting(
  tx: Tx,
  address: ResourceAddress,
  left: Omit<RecordedHosting, 'resourceId'> | null,
): Promise<void> {
  await tx.query(
    `/* resources.setRecordedHosting */ with ${keptBefore.setRecordedHosting}
     update resource set hosted_from = $3, hosted_to = $4
     where account_id = $1 and resource_id = $2`,
    [
      address.accountId,
      address.resourceId,
      atOrNull(left?.fromMs ?? null),
      atOrNull(left?.toMs ?? null),
    ],
  );
}

function keyFromRow(row: Row): ResourceKey {
  return {
    resourceId: int(row, 'resource_id'),
    kind: oneOf(row, 'kind', resourceKinds),
    externalId: text(row, 'external_id'),
  };
}

function modelFromRow(row: Row): Model {
  return {
    accountId: int(row, 'account_id'),
    modelId: int(row, 'model_id'),
    externalId: text(row, 'external_id'),
    name: text(row, 'name'),
    type: oneOf(row, 'type', modelTypes),
    createdAtMs: ms(row, 'created_at'),
    lastDeployedAtMs: msOrNull(row, 'last_deployed_at'),
  };
}
