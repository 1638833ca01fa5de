import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ConflictError, invariant } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { sqlState } from '../db/sql-state.ts';
import {
  at,
  atOrNull,
  bigValue,
  bool,
  boolValue,
  intValue,
  ms,
  orNull,
  type Row,
  sqlMs,
} from '../db/decode.ts';
import { fromRow, selectList, type Shape } from '../db/shape.ts';
import type { Read } from '../db/combined-read.ts';
import type { RecordedHosting, ResourceAddress } from '../resources/resources.store.ts';
import { resourceKinds, type ResourceKind } from '../resources/resource.ts';
import type { HostingSegment } from './charge.ts';
import { sql, unnested, unnestedOf } from '../db/sql.ts';

@Entity('hosting_segment')
export class HostingSegmentRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'segment_id', ...sequenceColumn }) segmentId!: number;
  @Column({ name: 'resource_id', type: 'int' }) resourceId!: number;
  @Column({ name: 'kind', type: 'enum', enum: resourceKinds, enumName: 'resource_kind' })
  kind!: ResourceKind;
  @Column({ name: 'hardware_id', type: 'int' }) hardwareId!: number;
  @Column({ name: 'replicas', type: 'int' }) replicas!: number;
  @Column({ name: 'rate_micro_per_hour', ...bigintColumn }) rateMicroPerHour!: bigint;
  @Column({ name: 'from_at', ...instantColumn }) fromMs!: number;
  @Column({ name: 'to_at', ...instantColumn, nullable: true }) toMs!: number | null;
  @Column({ name: 'event_seq', ...sequenceColumn, nullable: true }) eventSeq!: number | null;
  @Column({ name: 'folded', type: 'boolean', default: false }) folded!: boolean;
  @Column({ name: 'voided_at', ...instantColumn, nullable: true }) voidedAtMs!: number | null;
  @Column({ name: 'posted_micro', ...bigintColumn, nullable: true }) postedMicro!: bigint | null;
}

/** How a segment `s` is read. */
export const SEGMENT: Shape<HostingSegment> = {
  accountId: ['s.account_id', intValue],
  segmentId: ['s.segment_id', intValue],
  resourceId: ['s.resource_id', intValue],
  hardwareId: ['s.hardware_id', intValue],
  replicas: ['s.replicas', intValue],
  rateMicroPerHour: ['s.rate_micro_per_hour::text', bigValue],
  fromMs: [sqlMs('s.from_at'), intValue],
  toMs: [sqlMs('s.to_at'), orNull(intValue)],
  eventSeq: ['s.event_seq', orNull(intValue)],
};
const POSTED_SEGMENT: Shape<PostedSegment> = {
  ...SEGMENT,
  postedMicro: ['s.posted_micro::text', orNull(bigValue)],
};
const LIFECYCLE_SEGMENT: Shape<LifecycleSegment> = {
  ...POSTED_SEGMENT,
  folded: ['s.folded', boolValue],
};
/** The select list that segmentFromRow reads. */
export const SEGMENT_LIST = selectList(SEGMENT);
const EXCLUSION_VIOLATION = '23P01';

/** A numbered segment to insert. Nothing of it is posted unless `postedMicro` says so. */
export type NewSegment = HostingSegment & { readonly postedMicro?: bigint };

/** The running segments of some resources, in no order; at most one of each. */
export async function loadRunning(
  tx: Tx,
  refs: readonly ResourceAddress[],
): Promise<readonly HostingSegment[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* hosting.loadRunning */ select ${SEGMENT_LIST} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      resource_id: ['int', (ref) => ref.resourceId],
    })}
     join hosting_segment s on s.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and s.resource_id = k.resource_id
     where s.to_at is null and s.voided_at is null`),
  );
  return rows.map(segmentFromRow);
}

/** The segments with these ids, voided ones too, in no order; unknown ids are left out. */
export async function loadSegmentsById(
  tx: Tx,
  refs: readonly { readonly accountId: number; readonly segmentId: number }[],
): Promise<readonly HostingSegment[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* hosting.loadSegmentsById */ select ${SEGMENT_LIST} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      segment_id: ['bigint', (ref) => ref.segmentId],
    })}
     join hosting_segment s on s.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and s.segment_id = k.segment_id`),
  );
  return rows.map(segmentFromRow);
}

/** A segment with the part of its cost that is posted to the ledger; null while nothing is. */
export interface PostedSegment extends HostingSegment {
  readonly postedMicro: bigint | null;
}

/** All running segments of some accounts, by account and id. */
export function runningOf(accountIds: readonly number[]): Read<PostedSegment> {
  return {
    select: sql`select ${selectList(POSTED_SEGMENT)} from hosting_segment s
      where s.account_id = any(${accountIds}::int[]) and s.to_at is null and s.voided_at is null
      order by s.account_id, s.segment_id`,
    fromRow: (row) => fromRow(POSTED_SEGMENT, row),
  };
}

/** What the clock changed in an account's segments: ended, posted, and begun where a rate took effect. */
export interface SettledSegments {
  readonly ended: readonly (HostingSegment & { readonly postedMicro: bigint })[];
  readonly posted: readonly (HostingSegment & { readonly postedMicro: bigint })[];
  readonly begun: readonly (HostingSegment & { readonly postedMicro: bigint })[];
}

/**
 * Writes what the clock or a lifecycle call changed in an account's segments. One that ended where it began is voided.
 * Changed segments are folded anew (a caller that shortens a folded one removes it from the rollups).
 */
export async function saveSettledSegments(
  tx: Tx,
  accountId: number,
  { ended, posted, begun }: SettledSegments,
): Promise<void> {
  const changed = [...ended, ...posted];
  if (changed.length > 0) {
    tx.later(sql`/* hosting.saveSettledSegments */ update hosting_segment s set posted_micro = k.posted_micro, folded = false,
         to_at = case when k.to_at > s.from_at then k.to_at end, voided_at = case when k.to_at <= s.from_at then k.to_at end
       from ${unnested(changed, {
         segment_id: ['bigint', (segment) => segment.segmentId],
         posted_micro: ['bigint', (segment) => segment.postedMicro],
         to_at: ['timestamptz', (segment) => atOrNull(segment.toMs)],
       })}
       where s.account_id = ${accountId} and s.segment_id = k.segment_id`);
  }
  const lasting = begun.filter((segment) => segment.toMs !== segment.fromMs);
  if (lasting.length > 0) await insertSegments(tx, lasting);
}

/** The segments of an account's resources that have a part within a range, running ones too, by resource and begin. */
export async function loadOverlapping(
  tx: Tx,
  accountId: number,
  resourceIds: readonly number[],
  range: Range,
): Promise<readonly HostingSegment[]> {
  const rows =
    await tx.query(sql`/* hosting.loadOverlapping */ select ${SEGMENT_LIST} from hosting_segment s
     where s.account_id = ${accountId} and s.resource_id = any(${resourceIds}::int[]) and s.from_at < ${at(range.toMs)}
       and (s.to_at > ${at(range.fromMs)} or s.to_at is null) and s.voided_at is null
     order by s.resource_id, s.from_at`);
  return rows.map(segmentFromRow);
}

/**
 * Inserts numbered segments of one locked account.
 * @throws CONFLICT when one overlaps another of the same resource
 */
export async function insertSegments(tx: Tx, segments: readonly NewSegment[]): Promise<void> {
  const accountId = segments[0]?.accountId;
  if (accountId === undefined) return;
  invariant(
    segments.every((segment) => segment.accountId === accountId),
    'segments of one account',
    { accountId },
  );
  await guardOverlap(
    tx.query(sql`/* hosting.insertSegments */ insert into hosting_segment (account_id, segment_id, resource_id, hardware_id,
         replicas, rate_micro_per_hour, from_at, to_at, event_seq, posted_micro, kind)
       select own.account_id, k.*, r.kind from ${unnestedOf(accountId, segments, {
         segment_id: ['bigint', (segment) => segment.segmentId],
         resource_id: ['int', (segment) => segment.resourceId],
         hardware_id: ['int', (segment) => segment.hardwareId],
         replicas: ['int', (segment) => segment.replicas],
         rate: ['bigint', (segment) => segment.rateMicroPerHour.toString()],
         from_at: ['timestamptz', (segment) => at(segment.fromMs)],
         to_at: ['timestamptz', (segment) => atOrNull(segment.toMs)],
         seq: ['bigint', (segment) => segment.eventSeq],
         posted: ['bigint', (segment) => segment.postedMicro ?? null],
       })}
         left join resource r on r.account_id = own.account_id and r.resource_id = k.resource_id`),
  );
}

/** A segment that lifecycle calls made, and whether the rollups count it. */
export interface LifecycleSegment extends PostedSegment {
  readonly folded: boolean;
}

/**
 * The segments of a resource that lifecycle calls made and that run, or ended after an instant, in order of time. They are
 * locked, so that none is folded between being read and being shortened.
 */
export async function loadLifecycleAfter(
  tx: Tx,
  address: ResourceAddress,
  atMs: number,
): Promise<readonly LifecycleSegment[]> {
  const rows =
    await tx.query(sql`/* hosting.loadLifecycleAfter */ select ${selectList(LIFECYCLE_SEGMENT)} from hosting_segment s
     where s.account_id = ${address.accountId} and s.resource_id = ${address.resourceId} and s.event_seq is null and s.voided_at is null
       and (s.to_at is null or s.to_at > ${at(atMs)}) order by s.from_at for update`);
  return rows.map((row) => fromRow(LIFECYCLE_SEGMENT, row));
}

/** Voids the segments of a period that was recorded afterwards. @returns them, and whether the rollups count them */
export async function voidSegmentsOfEvent(
  tx: Tx,
  accountId: number,
  eventSeq: number,
  atMs: number,
): Promise<readonly (HostingSegment & { readonly folded: boolean })[]> {
  const rows =
    await tx.query(sql`/* hosting.voidSegmentsOfEvent */ update hosting_segment s set voided_at = ${at(atMs)}
     where s.account_id = ${accountId} and s.event_seq = ${eventSeq} and s.voided_at is null returning ${SEGMENT_LIST}, s.folded`);
  return rows.map((row) => ({ ...segmentFromRow(row), folded: bool(row, 'folded') }));
}

/** Latest begin and latest end of a resource's recorded periods, without voided ones; null when there is none. */
export async function findRecordedHosting(
  tx: Tx,
  address: ResourceAddress,
): Promise<RecordedHosting | null> {
  const rows =
    await tx.query(sql`/* hosting.findRecordedHosting */ select max(p.from_at) as from_at, max(p.to_at) as to_at from (
       select min(s.from_at) as from_at, max(s.to_at) as to_at from hosting_segment s
       where s.account_id = ${address.accountId} and s.resource_id = ${address.resourceId} and s.event_seq is not null and s.voided_at is null
       group by s.event_seq) p
     having count(*) > 0`);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    resourceId: address.resourceId,
    fromMs: ms(row, 'from_at'),
    toMs: ms(row, 'to_at'),
  };
}

// The last safeguard: writers of hosting look for overlaps first and name the instant that conflicts.
async function guardOverlap(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (sqlState(error) !== EXCLUSION_VIOLATION) throw error;
    throw new ConflictError('The hosting overlaps other hosting of the same resource.', {
      cause: error,
    });
  }
}

/** The segment in a row of SEGMENT_LIST. */
export function segmentFromRow(row: Row): HostingSegment {
  return fromRow(SEGMENT, row);
}
