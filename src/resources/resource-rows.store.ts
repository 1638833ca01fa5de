// Reads resources by the thousand, so it reads whole columns (db/columnar).

import { type ColumnarQuery, queryColumns } from '../db/columnar.ts';
import type { Tx } from '../db/database.ts';
import { intValue, orNull, sqlMs, textValue, valueOf } from '../db/decode.ts';
import { fromColumns, selectList, type Shape } from '../db/shape.ts';
import { sql, type Sql } from '../db/sql.ts';
import { resourceKinds, resourceStatuses, type Resource } from './resource.ts';

const textOrNull = orNull(textValue);
const intOrNull = orNull(intValue);

// greatest() ignores nulls.
const RESOURCE: Shape<Resource> = {
  accountId: ['r.account_id', intValue],
  resourceId: ['r.resource_id', intValue],
  kind: ['r.kind', valueOf(resourceKinds)],
  externalId: ['r.external_id', textValue],
  name: ['r.name', textValue],
  owner: ['r.owner', textOrNull],
  createdAtMs: [sqlMs('r.created_at'), intValue],
  modelId: ['r.model_id', intOrNull],
  language: ['r.language', textOrNull],
  languageVersion: ['r.language_version', textOrNull],
  ocrModel: ['r.ocr_model', textOrNull],
  status: ['r.status', valueOf(resourceStatuses)],
  endpointUrl: ['r.endpoint_url', textOrNull],
  failureMessage: ['r.failure_message', textOrNull],
  requestedHardwareId: ['r.requested_hardware_id', intOrNull],
  requestedReplicas: ['r.requested_replicas', intOrNull],
  lifecycleAtMs: [sqlMs('r.lifecycle_at'), intOrNull],
  deployedAtMs: [sqlMs('r.deployed_at'), intOrNull],
  changedAtMs: [sqlMs('r.changed_at'), intOrNull],
  stoppedAtMs: [sqlMs('r.stopped_at'), intOrNull],
  lastDeployedAtMs: [sqlMs('greatest(r.deployed_at, r.hosted_from)'), intOrNull],
  lastLifecycleActivityAtMs: [
    sqlMs('greatest(r.lifecycle_at, r.stopped_at, r.hosted_to)'),
    intOrNull,
  ],
  lastEventAtMs: [sqlMs('r.last_event_at'), intOrNull],
};

/** Runs a statement that returns resources. */
export async function selectResources(
  tx: Tx,
  query: Pick<ColumnarQuery, 'name' | 'with'> & {
    /** What follows the select list; the resource is `r`. */
    readonly from: Sql;
  },
): Promise<readonly Resource[]> {
  const { from, ...named } = query;
  const select = sql`select ${selectList(RESOURCE)} ${from}`;
  const columns = await queryColumns(tx, { ...named, columns: Object.keys(RESOURCE), select });
  return fromColumns(RESOURCE, columns);
}
