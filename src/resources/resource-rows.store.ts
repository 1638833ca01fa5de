// How a resource is read: by the thousand, so all of its columns at once (db/columnar).

import { type ColumnarQuery, queryColumns, type Columns } from '../db/columnar.ts';
import type { Tx } from '../db/database.ts';
import { intValue, orNull, sqlMs, textValue, valueOf } from '../db/decode.ts';
import { resourceKinds, resourceStatuses, type Resource } from './resource.ts';

// greatest() passes over nulls.
const RESOURCE = `r.account_id, r.resource_id, r.kind, r.external_id, r.name, r.owner, ${sqlMs('r.created_at')} as created_ms,
  r.model_id, r.language, r.language_version, r.ocr_model, r.status, r.endpoint_url, r.failure_message,
  r.requested_hardware_id, r.requested_replicas, ${sqlMs('r.lifecycle_at')} as lifecycle_ms,
  ${sqlMs('r.deployed_at')} as deployed_ms, ${sqlMs('r.changed_at')} as changed_ms,
  ${sqlMs('r.stopped_at')} as stopped_ms,
  ${sqlMs('r.last_event_at')} as last_event_ms,
  ${sqlMs('greatest(r.deployed_at, r.hosted_from)')} as last_deployed_ms,
  ${sqlMs('greatest(r.lifecycle_at, r.stopped_at, r.hosted_to)')} as last_lifecycle_activity_ms`;
const RESOURCE_COLUMNS = [
  'account_id',
  'resource_id',
  'kind',
  'external_id',
  'name',
  'owner',
  'created_ms',
  'model_id',
  'language',
  'language_version',
  'ocr_model',
  'status',
  'endpoint_url',
  'failure_message',
  'requested_hardware_id',
  'requested_replicas',
  'lifecycle_ms',
  'deployed_ms',
  'changed_ms',
  'stopped_ms',
  'last_event_ms',
  'last_deployed_ms',
  'last_lifecycle_activity_ms',
];

/** Runs a statement that gives resources. */
export async function selectResources(
  tx: Tx,
  select: Pick<ColumnarQuery, 'name' | 'with' | 'parameters'> & {
    /** What follows the columns; the resource is `r`. */
    readonly from: string;
  },
): Promise<readonly Resource[]> {
  const { from, ...query } = select;
  const sql = `select ${RESOURCE} ${from}`;
  return resourcesFrom(await queryColumns(tx, { ...query, columns: RESOURCE_COLUMNS, sql }));
}

const textOrNullValue = orNull(textValue);
const intOrNullValue = orNull(intValue);

function resourcesFrom(columns: Columns): readonly Resource[] {
  const read = {
    accountId: columns.read('account_id', intValue),
    resourceId: columns.read('resource_id', intValue),
    kind: columns.read('kind', valueOf(resourceKinds)),
    externalId: columns.read('external_id', textValue),
    name: columns.read('name', textValue),
    owner: columns.read('owner', textOrNullValue),
    createdAtMs: columns.read('created_ms', intValue),
    modelId: columns.read('model_id', intOrNullValue),
    language: columns.read('language', textOrNullValue),
    languageVersion: columns.read('language_version', textOrNullValue),
    ocrModel: columns.read('ocr_model', textOrNullValue),
    status: columns.read('status', valueOf(resourceStatuses)),
    endpointUrl: columns.read('endpoint_url', textOrNullValue),
    failureMessage: columns.read('failure_message', textOrNullValue),
    requestedHardwareId: columns.read('requested_hardware_id', intOrNullValue),
    requestedReplicas: columns.read('requested_replicas', intOrNullValue),
    lifecycleAtMs: columns.read('lifecycle_ms', intOrNullValue),
    deployedAtMs: columns.read('deployed_ms', intOrNullValue),
    changedAtMs: columns.read('changed_ms', intOrNullValue),
    stoppedAtMs: columns.read('stopped_ms', intOrNullValue),
    lastDeployedAtMs: columns.read('last_deployed_ms', intOrNullValue),
    lastLifecycleActivityAtMs: columns.read('last_lifecycle_activity_ms', intOrNullValue),
    lastEventAtMs: columns.read('last_event_ms', intOrNullValue),
  };
  return columns.rows((index) => ({
    accountId: read.accountId(index),
    resourceId: read.resourceId(index),
    kind: read.kind(index),
    externalId: read.externalId(index),
    name: read.name(index),
    owner: read.owner(index),
    createdAtMs: read.createdAtMs(index),
    modelId: read.modelId(index),
    language: read.language(index),
    languageVersion: read.languageVersion(index),
    ocrModel: read.ocrModel(index),
    status: read.status(index),
    endpointUrl: read.endpointUrl(index),
    failureMessage: read.failureMessage(index),
    requestedHardwareId: read.requestedHardwareId(index),
    requestedReplicas: read.requestedReplicas(index),
    lifecycleAtMs: read.lifecycleAtMs(index),
    deployedAtMs: read.deployedAtMs(index),
    changedAtMs: read.changedAtMs(index),
    stoppedAtMs: read.stoppedAtMs(index),
    lastDeployedAtMs: read.lastDeployedAtMs(index),
    lastLifecycleActivityAtMs: read.lastLifecycleActivityAtMs(index),
    lastEventAtMs: read.lastEventAtMs(index),
  }));
}
