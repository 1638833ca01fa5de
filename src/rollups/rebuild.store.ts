// An account moved to another zone: its day tiers are rebuilt. Until this commits, views read the old days, by the zone that is
// stored with them.

import type { Tx } from '../db/database.ts';
import { int, text } from '../db/decode.ts';
import { raw, sql } from '../db/sql.ts';
import { sumsAdded } from './rollups.store.ts';
import { dayEdges } from './sums.ts';
import { QUARTER_HOUR_MS } from './tier-plan.ts';
import { rebuildUnits } from './units.store.ts';

const REBUILD_WITHIN_MS = 600_000;

/** Rebuilds the day tiers of an account that moved; of none that another gateway folds. Its segments are to be folded again. */
export async function rebuildDays(tx: Tx, accountId: number): Promise<void> {
  const [state] = await tx.query(sql`/* rollups.lockState */ select time_zone from rollup_state
     where account_id = ${accountId} for update skip locked`);
  if (state === undefined) return;
  // For a large account this takes longer than any view may. Only voids of the same account wait for it.
  await tx.allowLong(REBUILD_WITHIN_MS);
  const [account = {}] = await tx.query(
    sql`/* rollups.zone */ select time_zone from account where account_id = ${accountId}`,
  );
  const timeZone = text(account, 'time_zone');
  await rebuildUnits(tx, accountId, timeZone);
  if (text(state, 'time_zone') === timeZone) return;
  for (const table of ['usage_by_account', 'usage_by_resource']) {
    await tx.query(
      sql`/* rollups.dropDays */ delete from ${raw(table)} where account_id = ${accountId} and tier >= 2`,
    );
  }
  const span =
    await tx.query(sql`/* rollups.spanOfQuarters */ select min(bucket) as first, max(bucket) as last
     from usage_by_resource where account_id = ${accountId} and tier = 0`);
  if (span[0] !== undefined && span[0]['first'] !== null) {
    const firstMs = int(span[0], 'first') * QUARTER_HOUR_MS;
    const lastMs = int(span[0], 'last') * QUARTER_HOUR_MS;
    const days = dayEdges(timeZone, { firstMs, lastMs });
    await tx.query(sql`/* rollups.rebuildDays */ with
       sums as materialized (
         select u.account_id, null::int as quarter, width_bucket(u.bucket, ${days.edgeQuarters}::int[]) - 1 + ${days.firstDay}::int as day, coalesce(r.kind, 'MODEL') as kind,
           u.type, u.subject_id, 0 as hardware_id, sum(u.events) as events, sum(u.quantity) as quantity, sum(u.credits_micro) as credits_micro,
           0 as hosting_ms, 0 as replica_ms
         from usage_by_resource u
           left join resource r on r.account_id = u.account_id and r.resource_id = u.subject_id
         where u.account_id = ${accountId} and u.tier = 0 group by 1, 3, 4, 5, 6),
       ${sumsAdded()}
       select 1`);
  }
  await tx.query(sql`/* rollups.unfold */ update hosting_segment set folded = false
     where account_id = ${accountId} and folded and voided_at is null`);
  await tx.query(
    sql`/* rollups.setZone */ update rollup_state set time_zone = ${timeZone}, epoch = epoch + 1
     where account_id = ${accountId}`,
  );
}
