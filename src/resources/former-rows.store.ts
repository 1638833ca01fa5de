// Earlier versions of resources and models. Each write that changes rows keeps their old versions under the account's next
// change number, so that the later pages of a list show what its first page showed.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { raw, sql, type Sql } from '../db/sql.ts';
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

/** Up to which point rows are seen: no rows with later numbers, and no later changes. */
export interface RowsAsOf {
  readonly accountId: number;
  readonly lastLocalId: number;
  readonly lastChange: number;
}

/**
 * Parts of a `with` that copy rows of a locked account before the statement changes them. They take a change even where there is
 * nothing to copy, since what views remember of resources and hosting goes by it. Copies older than a day are deleted, a hundred at a time.
 * @param changing selects which rows `o` will change: "join … where …"
 */
export function keptBefore(table: 'resource' | 'model', accountId: number, changing: Sql): Sql {
  return sql`numbered as (
      update account set last_change = last_change + 1 where account_id = ${accountId} returning last_change),
    kept as (
      insert into former_row (account_id, change, local_id, former)
      select o.account_id, numbered.last_change, o.${raw(table)}_id, to_jsonb(o) - 'last_event_at'
      from numbered cross join ${raw(table)} o ${changing}),
    forgotten as (
      delete from former_row f using (
        select change, local_id from former_row where account_id = ${accountId} order by change limit 100) oldest
      where f.account_id = ${accountId} and f.change = oldest.change and f.local_id = oldest.local_id
        and f.kept_at < now() - interval '1 day')`;
}

/** Rows of a table in their version as of `rows`, as `r`: "from … where …". */
export function asTheyWere(table: 'resource' | 'model', rows: RowsAsOf): Sql {
  const { accountId, lastLocalId, lastChange } = rows;
  // Columns that are not copied (when it was used last) have their present values.
  return sql`from ${raw(table)} o
    left join (
      select distinct on (local_id) local_id, former from former_row
      where account_id = ${accountId} and change > ${lastChange} order by local_id, change) f
      on f.local_id = o.${raw(table)}_id
    cross join lateral jsonb_populate_record(o, f.former) r
    where o.account_id = ${accountId} and o.${raw(table)}_id <= ${lastLocalId}::bigint`;
}

/** The resources of some kinds in an earlier version, deleted ones too, by id. Their last use is the present value. */
export async function listResourcesAsOf(
  tx: Tx,
  rows: RowsAsOf,
  kinds: readonly ResourceKind[],
): Promise<readonly Resource[]> {
  return selectResources(tx, {
    name: 'resources.listResourcesAsOf',
    from: sql`${asTheyWere('resource', rows)} and o.kind = any(${kinds}::resource_kind[]) order by r.resource_id`,
  });
}
