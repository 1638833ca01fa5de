// Folds the events and ended segments of many accounts together: a fixed number of statements for any number of accounts. Every
// join and key has the account. What is folded is locked by the accounts' rollup states, never by the accounts, so recording goes on.

import { groupBy } from '../core/group.ts';
import { accountOf } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { bool, int, intOrNull, type Row, text, valueOf } from '../db/decode.ts';
import { fromRow, selectList, type Shape } from '../db/shape.ts';
import { sql, unnested } from '../db/sql.ts';
import { hasArchives } from '../archives/archives.store.ts';
import { SEGMENT } from '../hosting/hosting.store.ts';
import { resourceKinds } from '../resources/resource.ts';
import { addSums, addToTiers, isToFold, startStates } from './rollups.store.ts';
import { daySums, type FoldedSegment, localDaysOf } from './sums.ts';
import { localDay, localDaysTable, utcDays, utcDaysFrom } from './tiers.store.ts';
import { foldUnits, type UnitChunk } from './units.store.ts';

/** How many events one transaction folds. */
export const EVENTS_PER_FOLD = 20_000;
/** How many accounts one transaction folds. */
export const ACCOUNTS_PER_FOLD = 1_000;
const SEGMENTS_PER_FOLD = 2_000;

/** What one transaction left of the accounts that it was asked to fold. */
export interface Folded {
  /** There is more to fold. */
  readonly behind: readonly number[];
  /** Another gateway folds them, or one of their events is being voided. */
  readonly elsewhere: readonly number[];
  /** They have to be prepared first: they moved to another zone, or have the tiers of an earlier release. */
  readonly toPrepare: readonly number[];
}

/** An account whose rollup state is locked, and which of its events are to be folded: `(fromSeq, toSeq]`. */
interface LockedAccount {
  readonly accountId: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly lastSeq: number;
  readonly lastChange: number;
  /** The days, by UTC, on which the events happened; empty when there are none. */
  readonly utcDays: readonly number[];
  /** Whose days the day tiers hold. */
  readonly timeZone: string;
  readonly isToPrepare: boolean;
  /** By whoever recorded its events. */
  readonly isMarked: boolean;
  readonly hasSegments: boolean;
  readonly units: {
    readonly watermark: number;
    readonly change: number;
    readonly timeZone: string;
  } | null;
}

/**
 * Folds the next events and segments of accounts, as many as one transaction should. @param tx that spans accounts
 * @param eventsMax over all accounts, those first that have the fewest
 */
export async function foldTogether(
  tx: Tx,
  accountIds: readonly number[],
  eventsMax: number = EVENTS_PER_FOLD,
): Promise<Folded> {
  const locked = await lockAccounts(tx, accountIds, eventsMax);
  const lockedIds = new Set(locked.map(({ accountId }) => accountId));
  const elsewhere = accountIds.filter((accountId) => !lockedIds.has(accountId));
  const started = elsewhere.length === 0 ? [] : await startStates(tx, elsewhere);
  const ready = locked.filter((account) => !account.isToPrepare);
  await foldEvents(tx, ready);
  const withSegments = ready.filter((account) => account.hasSegments);
  const segments = withSegments.length === 0 ? 0 : await foldSegments(tx, withSegments);
  const units = unitChunks(ready, eventsMax);
  if (units.length > 0) await foldUnits(tx, units);
  const unitsBehind = new Set(units.flatMap((chunk) => (chunk.isLast ? [] : [chunk.accountId])));
  const isBehind = ({ accountId, toSeq, lastSeq, hasSegments }: LockedAccount): boolean =>
    toSeq < lastSeq ||
    unitsBehind.has(accountId) ||
    (hasSegments && segments === SEGMENTS_PER_FOLD);
  return {
    behind: [...started, ...ready.filter(isBehind).map(({ accountId }) => accountId)],
    elsewhere,
    toPrepare: locked.filter((account) => account.isToPrepare).map(({ accountId }) => accountId),
  };
}

// The states are locked before the accounts' numbers are read, and the events are read by a later statement: so no event is
// missed that is voided or folded by others meanwhile.
async function lockAccounts(
  tx: Tx,
  accountIds: readonly number[],
  eventsMax: number,
): Promise<readonly LockedAccount[]> {
  const ofChunk = accountOf(tx, accountIds, sql`c.account_id`);
  const rows = await tx.query(sql`/* rollups.lockAccounts */ with
     locked as materialized (
       select account_id, watermark, time_zone, fold_at, quarters_from from rollup_state
       where account_id = any(${accountIds}::int[]) for update skip locked),
     behind as materialized (
       select s.account_id, s.watermark, s.fold_at, s.quarters_from, s.time_zone as folded_zone, a.time_zone, a.last_seq, a.last_change,
         greatest(s.watermark, a.last_seq) as target,
         -- A sum of int8 is numeric, which no index of seq is searched by.
         (${eventsMax}::int8 - coalesce(sum(greatest(a.last_seq - s.watermark, 0)) over (
           order by greatest(a.last_seq - s.watermark, 0), s.account_id rows between unbounded preceding and 1 preceding), 0))::int8 as events_left
       from locked s join account a on a.account_id = ${accountOf(tx, accountIds, sql`s.account_id`)}),
     chunk as materialized (
       select *, least(target, watermark + greatest(events_left, 0)) as to_seq from behind)
     select c.account_id, c.watermark, c.to_seq, c.last_seq, c.last_change, c.folded_zone as time_zone, c.fold_at is not null as is_marked,
       c.time_zone <> c.folded_zone and not ${hasArchives(ofChunk)} or c.time_zone <> coalesce(u.time_zone, c.time_zone)
         or c.quarters_from is not null as is_to_prepare,
       u.watermark as unit_watermark, u.change as unit_change, u.time_zone as unit_zone, chunk_days.utc_days, exists (
         select from hosting_segment s where s.account_id = ${ofChunk} and ${isToFold('s')}) as has_segments
     from chunk c left join unit_rollup_state u on u.account_id = ${ofChunk} left join lateral (
       -- Fenced: the planner would walk the index by time, past all other events.
       select ${utcDays(sql`occurred_at`)} as utc_days from (
         select occurred_at from usage_event e
         where e.account_id = ${ofChunk} and e.seq > c.watermark and e.seq <= c.to_seq offset 0) e) chunk_days
       on c.to_seq > c.watermark
     order by c.account_id`);
  return rows.map(lockedFromRow);
}

function lockedFromRow(row: Row): LockedAccount {
  const unitWatermark = intOrNull(row, 'unit_watermark');
  return {
    accountId: int(row, 'account_id'),
    fromSeq: int(row, 'watermark'),
    toSeq: int(row, 'to_seq'),
    lastSeq: int(row, 'last_seq'),
    lastChange: int(row, 'last_change'),
    utcDays: utcDaysFrom(row, 'utc_days'),
    timeZone: text(row, 'time_zone'),
    isToPrepare: bool(row, 'is_to_prepare'),
    isMarked: bool(row, 'is_marked'),
    hasSegments: bool(row, 'has_segments'),
    units:
      unitWatermark === null
        ? null
        : {
            watermark: unitWatermark,
            change: int(row, 'unit_change'),
            timeZone: text(row, 'unit_zone'),
          },
  };
}

async function foldEvents(tx: Tx, accounts: readonly LockedAccount[]): Promise<void> {
  const chunks = accounts.filter(({ fromSeq, toSeq }) => toSeq > fromSeq);
  const done = accounts.filter(({ fromSeq, lastSeq, isMarked }) => isMarked && lastSeq <= fromSeq);
  if (done.length > 0) await unmark(tx, done);
  if (chunks.length === 0) return;
  const ofChunk = accountOf(tx, chunks, sql`chunk.account_id`);
  const ofLatest = accountOf(tx, chunks, sql`latest.account_id`);
  await addToTiers(tx, {
    name: 'rollups.foldEvents',
    accountIds: chunks.map(({ accountId }) => accountId),
    sets: sql`chunk as materialized (
       select * from ${unnested(chunks, {
         account_id: ['int', ({ accountId }) => accountId],
         from_seq: ['int8', ({ fromSeq }) => fromSeq],
         to_seq: ['int8', ({ toSeq }) => toSeq],
         is_last: ['boolean', ({ toSeq, lastSeq }) => toSeq >= lastSeq],
         zone: ['text', ({ timeZone }) => timeZone],
       })}),
     zone as materialized (${localDaysTable(localDaysOf(chunks))}),
     events as (
       select e.account_id, floor(date_part('epoch', e.occurred_at) / 900)::int as quarter, e.kind, e.type, e.subject_id,
         count(*) as events, bigint_sum(e.quantity) as quantity, bigint_sum(e.credits_micro) as credits_micro,
         max(e.occurred_at) as last_at
       from chunk cross join lateral (
         select * from usage_event e
         where e.account_id = ${ofChunk} and e.seq > chunk.from_seq and e.seq <= chunk.to_seq offset 0) e
       where e.voided_at is null and e.type <> 'HOSTING'
       group by 1, 2, 3, 4, 5),
     resource_sums as materialized (
       select e.*, (e.quarter - zone.past_hour) >> 2 as hour,
         ${localDay()} as day, 0 as hardware_id,
         0 as hosting_ms, 0 as replica_ms
       from events e join chunk using (account_id) join zone using (zone)),
     latest as materialized (
       select account_id, kind, subject_id, max(last_at) as last_at from resource_sums group by 1, 2, 3)`,
    updates: [
      sql`update resource r set last_event_at = latest.last_at from latest
       where r.account_id = ${ofLatest} and r.resource_id = latest.subject_id and latest.kind <> 'MODEL'
         and (r.last_event_at is null or r.last_event_at < latest.last_at)`,
      sql`update model m set last_event_at = latest.last_at from latest
       where m.account_id = ${ofLatest} and m.model_id = latest.subject_id and latest.kind = 'MODEL'
         and (m.last_event_at is null or m.last_event_at < latest.last_at)`,
      sql`update rollup_state s set watermark = chunk.to_seq, fold_at = case when not chunk.is_last then s.fold_at end
       from chunk where s.account_id = ${ofChunk}`,
    ],
  });
}

// Of accounts that were marked, but had nothing to fold.
async function unmark(tx: Tx, accounts: readonly LockedAccount[]): Promise<void> {
  const ids = accounts.map(({ accountId }) => accountId);
  await tx.query(sql`/* rollups.unmark */ update rollup_state set fold_at = null
     where account_id = any(${ids}::int[])`);
}

const FOLDED_SEGMENT: Shape<FoldedSegment> = {
  ...SEGMENT,
  kind: ['s.kind', valueOf(resourceKinds)],
};

// Which segments are folded changes, and with them the sums while the watermark stands: so the epoch rises.
async function foldSegments(tx: Tx, accounts: readonly LockedAccount[]): Promise<number> {
  const ids = accounts.map(({ accountId }) => accountId);
  const rows = await tx.query(sql`/* rollups.segmentsToFold */ with
     found as materialized (
       select account_id, segment_id from hosting_segment s
       where account_id = any(${ids}::int[]) and ${isToFold('s')}
       order by account_id limit ${SEGMENTS_PER_FOLD} for update skip locked),
     raised as (
       update rollup_state r set epoch = epoch + 1 where account_id in (select account_id from found))
     update hosting_segment s set folded = true from found
     where s.account_id = found.account_id and s.segment_id = found.segment_id
     returning ${selectList(FOLDED_SEGMENT)}`);
  if (rows.length === 0) return 0;
  const segments = groupBy(
    rows.map((row) => fromRow(FOLDED_SEGMENT, row)),
    ({ accountId }) => accountId,
  );
  const sums = accounts.flatMap(({ accountId, timeZone }) =>
    daySums(segments.get(accountId) ?? [], { timeZone, sign: 1 }),
  );
  await addSums(tx, sums);
  return rows.length;
}

/** The events with units that are to be folded, as many as one transaction should. */
function unitChunks(accounts: readonly LockedAccount[], eventsMax: number): readonly UnitChunk[] {
  let eventsLeft = eventsMax;
  return accounts.flatMap((account) => {
    const chunks = unitsOf(account, eventsLeft);
    for (const { fromSeq, toSeq } of chunks) eventsLeft -= toSeq - fromSeq;
    return chunks;
  });
}

/** The events with units that are to be folded with an account's chunk; none when it has no units, or nothing is new. */
function unitsOf(account: LockedAccount, eventsMax: number): readonly UnitChunk[] {
  const { accountId, units, lastChange } = account;
  if (units === null) return [];
  const { timeZone } = units;
  const fromSeq = units.watermark;
  const toSeq = Math.max(fromSeq, Math.min(account.toSeq, fromSeq + eventsMax));
  if (fromSeq >= account.toSeq && lastChange === units.change) return [];
  const isLast = toSeq >= account.toSeq;
  return [
    { accountId, timeZone, fromSeq, toSeq, fromChange: units.change, toChange: lastChange, isLast },
  ];
}
