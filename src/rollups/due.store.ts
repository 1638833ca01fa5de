// Which accounts there is something to fold of.

import type { Tx } from '../db/database.ts';
import { int, type Row } from '../db/decode.ts';
import { sql } from '../db/sql.ts';
import { hasArchives } from '../archives/archives.store.ts';
import { isToFold } from './rollups.store.ts';

/** Up to `limit` accounts whose events are due, those first that wait longest. @param except accounts that failed */
export async function findDue(
  tx: Tx,
  except: readonly number[],
  limit: number,
): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* rollups.findDue */ select account_id from rollup_state
     where fold_at <= clock_timestamp() and account_id <> all(${except}::int[]) order by fold_at limit ${limit}`);
  return rows.map(accountIdOf);
}

/** Up to `limit` accounts that have segments to fold. @param except accounts that failed */
export async function findSegmentsDue(
  tx: Tx,
  except: readonly number[],
  limit: number,
): Promise<readonly number[]> {
  const rows =
    await tx.query(sql`/* rollups.findSegmentsDue */ select distinct account_id from hosting_segment s
     where ${isToFold('s')} and account_id <> all(${except}::int[]) limit ${limit}`);
  return rows.map(accountIdOf);
}

/**
 * All accounts that are behind in anything: events beyond their watermark, segments, days of another zone, units. This reads every
 * account, so it is for the start, for now and then, and for tests.
 */
export async function findBehind(tx: Tx): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* rollups.findBehind */
     select account_id from account a left join rollup_state s using (account_id)
       where a.last_seq > coalesce(s.watermark, 0) or s.time_zone <> a.time_zone and not ${hasArchives(sql`a.account_id`)}
     union
     select account_id from hosting_segment s where ${isToFold('s')}
     union
     select account_id from account a join unit_rollup_state u using (account_id)
       where a.last_seq > u.watermark or a.last_change > u.change or a.time_zone <> u.time_zone`);
  return rows.map(accountIdOf);
}

function accountIdOf(row: Row): number {
  return int(row, 'account_id');
}
