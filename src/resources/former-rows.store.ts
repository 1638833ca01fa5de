// Resources and models as they were. Each write that changes some keeps them under the next number of the account's changes,
// so that the later pages of a list show what its first page showed.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { selectResources } from './resource-rows.store.ts';
import type { Resource, ResourceKind } from './resource.ts';

@Entity('former_row')
export class FormerRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'change', ...sequenceColumn }) change!: number;
  @PrimaryColumn({ name: 'local_id', type: 'int' }) localId!: number;
  @Column({ name: 'former', type: 'jsonb' }) former!: unknown;
  @Column({ name: 'kept_at', ...instantColumn }) keptAtMs!: number;
}

/** How far an account's rows are seen: no rows numbered later, and none as later changes left them. */
export interface RowsAsOf {
  readonly accountId: number;
  readonly lastLocalId: number;
  readonly lastChange: number;
}

/**
 * Parts of a `with` that keep rows of a locked account as they are before the statement changes them. What is older than a
 * day goes, a hundred rows at a time.
 * @param account the parameter with the account's id
 * @param changing selects from the row `o` those that change: "join … where …"
 */
function keepFormer(table: 'resource' | 'model', account: string, changing: string): string {
  return `numbered as (
      update account set last_change = last_change + 1 where account_id = ${account} returning last_change),
    kept as (
      insert into former_row (account_id, change, local_id, former)
      select o.account_id, numbered.last_change, o.${table}_id, to_jsonb(o) - 'last_event_at'
      from numbered cross join ${table} o ${changing}),
    forgotten as (
      delete from former_row f using (
        select change, local_id from former_row where account_id = ${account} order by change limit 100) oldest
      where f.account_id = ${account} and f.change = oldest.change and f.local_id = oldest.local_id
        and f.kept_at < now() - interval '1 day')`;
}

/** What each statement that changes some keeps of them, by its name and with its parameters. */
export const keptBefore = {
  saveModels: keepFormer(
    'model',
    '($1::int[])[1]',
    `join unnest($1::int[], $2::int[], $4::text[]) k (account_id, model_id, name) using (account_id, model_id)
       where o.name <> k.name`,
  ),
  saveResources: keepFormer(
    'resource',
    '($1::int[])[1]',
    `join unnest($1::int[], $2::int[], $5::text[], $6::text[], $9::text[], $10::text[], $11::text[])
         k (account_id, resource_id, name, owner, language, language_version, ocr_model) using (account_id, resource_id)
       where (o.name, o.owner, o.language, o.language_version, o.ocr_model)
         is distinct from (k.name, k.owner, k.language, k.language_version, k.ocr_model)`,
  ),
  saveLifecycle: keepFormer('resource', '$1', 'where o.account_id = $1 and o.resource_id = $2'),
  saveStops: keepFormer(
    'resource',
    '$1',
    'where o.account_id = $1 and o.resource_id = any($2::int[])',
  ),
  raiseRecordedHosting: keepFormer(
    'resource',
    '$1',
    `join unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) k (resource_id, from_at, to_at) using (resource_id)
       where o.account_id = $1 and (k.from_at > o.hosted_from or k.to_at > o.hosted_to or o.hosted_from is null)`,
  ),
  setRecordedHosting: keepFormer(
    'resource',
    '$1',
    'where o.account_id = $1 and o.resource_id = $2',
  ),
} as const;

/** Rows of a table as they were, as `r`; `$1`: the account, `$2`: its last local id then, `$3`: its last change then. */
export function asTheyWere(table: 'resource' | 'model'): string {
  // What is not kept (when it was used last) is as it is now.
  return `from ${table} o
    left join (
      select distinct on (local_id) local_id, former from former_row
      where account_id = $1 and change > $3 order by local_id, change) f on f.local_id = o.${table}_id
    cross join lateral jsonb_populate_record(o, f.former) r
    where o.account_id = $1 and o.${table}_id <= $2::bigint`;
}

/** The resources of some kinds as they were, deleted ones too, by id. When they were used last is as it is now. */
export async function listResourcesAsOf(
  tx: Tx,
  { accountId, lastLocalId, lastChange }: RowsAsOf,
  kinds: readonly ResourceKind[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.listResourcesAsOf',
    from: `${asTheyWere('resource')} and o.kind = any($4::resource_kind[]) order by r.resource_id`,
    parameters: [accountId, lastLocalId, lastChange, kinds],
  });
}
