// What an account needs before its events can be folded: hours of its resources, and days of its zone. Meanwhile views read what
// there was before, by the state that is stored with it.

import type { Tx } from '../db/database.ts';
import { bool, int, intOrNull, text } from '../db/decode.ts';
import { sql } from '../db/sql.ts';
import { hasArchives } from '../archives/archives.store.ts';
import { convertNext } from './hours.store.ts';
import { addToTiers } from './rollups.store.ts';
import { localDaysOf } from './sums.ts';
import { quartersPastHour } from './tier-plan.ts';
import { localDay, localDaysTable, utcDays, utcDaysFrom } from './tiers.store.ts';
import { rebuildUnits } from './units.store.ts';

const REBUILD_WITHIN_MS = 600_000;

/** Takes the next step of preparing an account; none while another gateway folds it. */
export async function prepareNext(tx: Tx, accountId: number): Promise<void> {
  const [state] =
    await tx.query(sql`/* rollups.lockState */ select watermark, time_zone, quarters_from from rollup_state
     where account_id = ${accountId} for update skip locked`);
  if (state === undefined) return;
  const quartersFrom = intOrNull(state, 'quarters_from');
  const foldedZone = text(state, 'time_zone');
  if (quartersFrom !== null) {
    await convertNext(tx, { accountId, timeZone: foldedZone, quartersFrom });
    return;
  }
  const [account = {}] =
    await tx.query(sql`/* rollups.zone */ select time_zone, ${hasArchives(sql`${accountId}::int`)} as has_archives
     from account a where account_id = ${accountId}`);
  const timeZone = text(account, 'time_zone');
  // For a large account this takes longer than any view may. Only voids of the same account wait for it.
  await tx.allowLong(REBUILD_WITHIN_MS);
  await rebuildUnits(tx, accountId, timeZone);
  // Without all events its days stay those of the former zone.
  if (timeZone === foldedZone || bool(account, 'has_archives')) return;
  await rebuild(tx, accountId, { timeZone, foldedZone, watermark: int(state, 'watermark') });
}

/** An account that moved, and what of its events is folded. */
interface Moved {
  readonly timeZone: string;
  readonly foldedZone: string;
  readonly watermark: number;
}

// Days of the new zone cut hours of the old one, so both are summed from the events. The account's segments are to be folded again.
async function rebuild(tx: Tx, accountId: number, moved: Moved): Promise<void> {
  const { timeZone, watermark } = moved;
  await tx.query(
    sql`/* rollups.dropDays */ delete from usage_by_account where account_id = ${accountId} and tier >= 2`,
  );
  await tx.query(
    sql`/* rollups.dropResourceDays */ delete from usage_by_resource where account_id = ${accountId}`,
  );
  const hasOtherHours = quartersPastHour(timeZone) !== quartersPastHour(moved.foldedZone);
  if (hasOtherHours) {
    await tx.query(
      sql`/* rollups.dropHours */ delete from usage_by_resource_hour where account_id = ${accountId}`,
    );
  }
  const [folded = {}] =
    await tx.query(sql`/* rollups.daysOfFolded */ select ${utcDays(sql`occurred_at`)} as utc_days
     from usage_event where account_id = ${accountId}`);
  const days = utcDaysFrom(folded, 'utc_days');
  if (days.length > 0) {
    await addToTiers(tx, {
      name: 'rollups.rebuild',
      accountIds: [accountId],
      sets: sql`zone as materialized (${localDaysTable(localDaysOf([{ timeZone, utcDays: days }]))}),
       events as materialized (
         select account_id, kind, type, subject_id, quantity, credits_micro,
           floor(date_part('epoch', occurred_at) / 900)::int as quarter
         from usage_event
         where account_id = ${accountId} and seq <= ${watermark} and voided_at is null and type <> 'HOSTING'),
       resource_sums as materialized (
         select e.account_id, null::int as quarter, ${hasOtherHours ? sql`(e.quarter - zone.past_hour) >> 2` : sql`null::int`} as hour,
           ${localDay()} as day, e.kind, e.type, e.subject_id, 0 as hardware_id,
           count(*) as events, bigint_sum(e.quantity) as quantity, bigint_sum(e.credits_micro) as credits_micro,
           0 as hosting_ms, 0 as replica_ms
         from events e cross join zone group by 1, 3, 4, 5, 6, 7)`,
    });
  }
  await tx.query(sql`/* rollups.unfold */ update hosting_segment set folded = false
     where account_id = ${accountId} and folded and voided_at is null`);
  await tx.query(sql`/* rollups.setZone */ update rollup_state set time_zone = ${timeZone}, epoch = epoch + 1
     where account_id = ${accountId}`);
}
