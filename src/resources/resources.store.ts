import { invariant } from '../core/errors.ts';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn } from '../db/columns.ts';
import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { at, atOrNull, int, oneOf, type Row, text } from '../db/decode.ts';
import { sql, type Sql, unnested } from '../db/sql.ts';
import { keptBefore } from './former-rows.store.ts';
import type { ModelAddress } from './models.store.ts';
import { selectResources } from './resource-rows.store.ts';
import {
  refKey,
  type Resource,
  type ResourceKey,
  resourceKinds,
  type ResourceKind,
  type ResourceRef,
  resourceStatuses,
  type ResourceStatus,
} from './resource.ts';

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

/** The key of a resource. */
export interface ResourceAddress {
  readonly accountId: number;
  readonly resourceId: number;
}

/** The resources with these ids, in no order; unknown ids are left out. */
export async function loadResources(
  tx: Tx,
  refs: readonly ResourceAddress[],
): Promise<readonly Resource[]> {
  return rowsByAccount(tx, refs, (asked) =>
    selectResources(tx, {
      name: 'resources.loadResources',
      from: sql`from ${unnested(asked, {
        account_id: ['int', (ref) => ref.accountId],
        resource_id: ['int', (ref) => ref.resourceId],
      })}
     join resource r on r.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and r.resource_id = k.resource_id`,
    }),
  );
}

/** All resources of some kinds, deleted ones too, by account and id. */
export async function listResourcesOf(
  tx: Tx,
  accountIds: readonly number[],
  kinds: readonly ResourceKind[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.listResourcesOf',
    from: sql`from resource r where r.account_id = any(${accountIds}::int[]) and r.kind = any(${kinds}::resource_kind[])
     order by r.account_id, r.resource_id`,
  });
}

/** The deployments of some models, deleted ones too, by account and id. */
export async function listDeploymentsOf(
  tx: Tx,
  models: readonly ModelAddress[],
): Promise<readonly Resource[]> {
  return rowsByAccount(tx, models, (asked) =>
    selectResources(tx, {
      name: 'resources.listDeploymentsOf',
      from: sql`from ${unnested(asked, {
        account_id: ['int', (model) => model.accountId],
        model_id: ['int', (model) => model.modelId],
      })}
     join resource r on r.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and r.model_id = k.model_id
     order by r.account_id, r.resource_id`,
    }),
  );
}

/** The resources that an account's names refer to, in the order asked; null for an unknown name. */
export async function resolveResourceRefs(
  tx: Tx,
  accountId: number,
  refs: readonly ResourceRef[],
): Promise<readonly (ResourceKey | null)[]> {
  const named = new Map(refs.map((ref) => [refKey(ref), ref]));
  const rows =
    await tx.query(sql`/* resources.resolveResourceRefs */ select r.resource_id, r.kind, r.external_id
     ${fromNamed(accountId, [...named.values()])}`);
  const found = new Map(rows.map(keyFromRow).map((key) => [refKey(key), key]));
  return refs.map((ref) => found.get(refKey(ref)) ?? null);
}

/** The resources that an account's ids refer to, in the order asked; null for an unknown id. */
export async function resolveResourceIds(
  tx: Tx,
  accountId: number,
  resourceIds: readonly number[],
): Promise<readonly (ResourceKey | null)[]> {
  const rows =
    await tx.query(sql`/* resources.resolveResourceIds */ select r.resource_id, r.kind, r.external_id from resource r
     where r.account_id = ${accountId} and r.resource_id = any(${[...new Set(resourceIds)]}::int[])`);
  const found = new Map(rows.map(keyFromRow).map((key) => [key.resourceId, key]));
  return resourceIds.map((resourceId) => found.get(resourceId) ?? null);
}

/** The account's resources that have one of these names, in no order. */
export async function findResources(
  tx: Tx,
  accountId: number,
  refs: readonly ResourceRef[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.findResources',
    from: fromNamed(accountId, refs),
  });
}

/** The resources `r` that have one of some names. */
function fromNamed(accountId: number, refs: readonly ResourceRef[]): Sql {
  return sql`from ${unnested(refs, {
    kind: ['resource_kind', (ref) => ref.kind],
    external_id: ['text', (ref) => ref.externalId],
  })}
     join resource r on r.account_id = ${accountId} and r.kind = k.kind and r.external_id = k.external_id`;
}

/** The columns that registering writes. */
type RegisteredResource = Pick<
  Resource,
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

/** Inserts resources of a locked account, and updates those that exist (have an id). */
export async function saveResources(
  tx: Tx,
  accountId: number,
  resources: readonly RegisteredResource[],
): Promise<void> {
  const changing = sql`join given k using (resource_id)
       where o.account_id = ${accountId} and (o.name, o.owner, o.language, o.language_version, o.ocr_model)
         is distinct from (k.name, k.owner, k.language, k.language_version, k.ocr_model)`;
  await tx.query(sql`/* resources.saveResources */ with given as (
       select * from ${unnested(resources, {
         resource_id: ['int', (resource) => resource.resourceId],
         kind: ['resource_kind', (resource) => resource.kind],
         external_id: ['text', (resource) => resource.externalId],
         name: ['text', (resource) => resource.name],
         owner: ['text', (resource) => resource.owner],
         created_at: ['timestamptz', (resource) => at(resource.createdAtMs)],
         model_id: ['int', (resource) => resource.modelId],
         language: ['text', (resource) => resource.language],
         language_version: ['text', (resource) => resource.languageVersion],
         ocr_model: ['text', (resource) => resource.ocrModel],
       })}),
     ${keptBefore('resource', accountId, changing)}
     insert into resource (account_id, resource_id, kind, external_id, name, owner,
       created_at, model_id, language, language_version, ocr_model)
     select ${accountId}, given.* from given
     on conflict (account_id, resource_id) do update set name = excluded.name, owner = excluded.owner,
       language = excluded.language, language_version = excluded.language_version, ocr_model = excluded.ocr_model`);
}

/** The columns that a lifecycle call writes. */
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
  const { accountId, resourceId } = address;
  const [changed] = await selectResources(tx, {
    name: 'resources.saveLifecycle',
    with: sql`${oneKeptBefore(address)},
      r as (update resource set status = ${columns.status}, endpoint_url = ${columns.endpointUrl},
        failure_message = ${columns.failureMessage}, requested_hardware_id = ${columns.requestedHardwareId},
        requested_replicas = ${columns.requestedReplicas}, lifecycle_at = ${atOrNull(columns.lifecycleAtMs)},
        deployed_at = ${atOrNull(columns.deployedAtMs)}, changed_at = ${atOrNull(columns.changedAtMs)},
        stopped_at = ${atOrNull(columns.stoppedAtMs)}
      where account_id = ${accountId} and resource_id = ${resourceId} returning *)`,
    from: sql`from r`,
  });
  invariant(changed !== undefined, 'a changed resource is there', { ...address });
  return changed;
}

/** Marks deployments, running or requested, as stopped at the negative limit. The last lifecycle call is kept. */
export async function saveStops(
  tx: Tx,
  accountId: number,
  stops: readonly { readonly resourceId: number; readonly atMs: number }[],
  message: string,
): Promise<void> {
  await tx.query(sql`/* resources.saveStops */ with given as (
       select * from ${unnested(stops, {
         resource_id: ['int', (stop) => stop.resourceId],
         stopped_at: ['timestamptz', (stop) => at(stop.atMs)],
       })}),
     ${keptBefore('resource', accountId, sql`join given k using (resource_id) where o.account_id = ${accountId}`)}
     update resource r set status = 'UNDEPLOYED', failure_message = ${message}, stopped_at = k.stopped_at,
       changed_at = case when r.status = 'DEPLOYED' then k.stopped_at else r.changed_at end,
       requested_hardware_id = null, requested_replicas = null
     from given k where r.account_id = ${accountId} and r.resource_id = k.resource_id`);
}

/** A resource's hosting that was recorded afterwards: latest begin and latest end of its periods. */
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
  const changing = sql`join given k using (resource_id) where o.account_id = ${accountId}
       and (k.from_at > o.hosted_from or k.to_at > o.hosted_to or o.hosted_from is null)`;
  await tx.query(sql`/* resources.raiseRecordedHosting */ with given as (
       select * from ${unnested(recorded, {
         resource_id: ['int', (one) => one.resourceId],
         from_at: ['timestamptz', (one) => at(one.fromMs)],
         to_at: ['timestamptz', (one) => at(one.toMs)],
       })}),
     ${keptBefore('resource', accountId, changing)}
     update resource r
     set hosted_from = greatest(r.hosted_from, k.from_at), hosted_to = greatest(r.hosted_to, k.to_at)
     from given k where r.account_id = ${accountId} and r.resource_id = k.resource_id`);
}

/** Writes a resource's recorded hosting after a void; null when no period is left. */
export async function setRecordedHosting(
  tx: Tx,
  address: ResourceAddress,
  left: Omit<RecordedHosting, 'resourceId'> | null,
): Promise<void> {
  const { accountId, resourceId } = address;
  await tx.query(sql`/* resources.setRecordedHosting */ with ${oneKeptBefore(address)}
     update resource set hosted_from = ${atOrNull(left?.fromMs ?? null)}, hosted_to = ${atOrNull(left?.toMs ?? null)}
     where account_id = ${accountId} and resource_id = ${resourceId}`);
}

function oneKeptBefore({ accountId, resourceId }: ResourceAddress): Sql {
  const changing = sql`where o.account_id = ${accountId} and o.resource_id = ${resourceId}`;
  return keptBefore('resource', accountId, changing);
}

function keyFromRow(row: Row): ResourceKey {
  return {
    resourceId: int(row, 'resource_id'),
    kind: oneOf(row, 'kind', resourceKinds),
    externalId: text(row, 'external_id'),
  };
}
