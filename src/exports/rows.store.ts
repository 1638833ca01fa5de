// The rows of exports, each kind in an order of its own that its cursors follow, as they were when the export began.

import type { Range } from '../core/range.ts';
import type { CursorKey } from '../core/cursor.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  bigValue,
  boolValue,
  type Decode,
  int,
  intValue,
  orNull,
  sqlMs,
  textValue,
  valueOf,
} from '../db/decode.ts';
import { rowsInBatches } from '../db/server-cursor.ts';
import { rowReader, selectList, type Shape } from '../db/shape.ts';
import { empty, sql, type Sql } from '../db/sql.ts';
import { allocationUnits } from '../engine/lots.ts';
import { SEGMENT } from '../hosting/hosting.store.ts';
import type { ExportAsOf } from './request.ts';
import type { AlertRow, AllocationRow, EventRow, LedgerRow, SegmentRow } from './rows.ts';

/** Which rows: an account's, in a range of time, as of an instant, after a place in their order. */
export interface RowsOf {
  readonly accountId: number;
  readonly range: Range;
  readonly asOf: ExportAsOf;
  readonly after: CursorKey | null;
}

/** A statement and what it reads. */
interface Read<T> {
  readonly shape: Shape<T>;
  /** What follows the select list, without the order. */
  readonly from: (of: RowsOf) => Sql;
  readonly order: Sql;
}

async function* readRows<T extends object>(
  tx: Tx,
  of: RowsOf,
  { shape, from, order }: Read<T>,
): AsyncGenerator<readonly T[]> {
  const select = sql`select ${selectList(shape)} ${from(of)} order by ${order}`;
  const read = rowReader(shape);
  for await (const rows of rowsInBatches(tx, select)) yield rows.map(read);
}

/** How many rows there are, counted no further than `max + 1`. */
async function countRows(tx: Tx, from: Sql, max: number): Promise<number> {
  const rows = await tx.query(
    sql`/* exports.countRows */ select count(*) from (select 1 ${from} limit ${max + 1}) x`,
  );
  return int(rows[0] ?? {}, 'count');
}

function counter<T>(read: Read<T>): (tx: Tx, of: RowsOf, max: number) => Promise<number> {
  return (tx, of, max) => countRows(tx, read.from(of), max);
}

const textOrNullValue = orNull(textValue);
const msOrNullValue = orNull(intValue);
const floatOrNullValue: Decode<number | null> = (value, column) =>
  value === null ? null : Number(textValue(value, column));

const NAMES = {
  resourceExternalId: ['r.external_id', textOrNullValue],
  resourceName: ['r.name', textOrNullValue],
  owner: ['r.owner', textOrNullValue],
  modelExternalId: ['m.external_id', textOrNullValue],
  modelName: ['m.name', textOrNullValue],
} as const;

const EVENTS: Read<EventRow> = {
  shape: {
    accountId: ['e.account_id', intValue],
    seq: ['e.seq', intValue],
    source: ['e.source', textValue],
    eventId: ['e.event_id', textValue],
    usageType: ['e.type', textValue],
    resourceKind: ['e.kind', textValue],
    ...NAMES,
    quantity: ['e.quantity', intValue],
    unit: ['e.unit', textOrNullValue],
    creditsMicro: ['e.credits_micro::text', bigValue],
    occurredAtMs: [sqlMs('e.occurred_at'), intValue],
    recordedAtMs: [sqlMs('e.recorded_at'), intValue],
    voidedAtMs: [sqlMs('e.voided_at'), msOrNullValue],
    voidReason: ['e.void_reason', textOrNullValue],
  },
  from: ({ accountId, range, asOf, after }) => sql`from (
       select account_id, seq, source, event_id, type, kind, subject_id, quantity, unit, credits_micro, occurred_at, recorded_at,
         case when coalesce(void_change, 0) <= ${asOf.lastChange} then voided_at end as voided_at,
         case when coalesce(void_change, 0) <= ${asOf.lastChange} then void_reason end as void_reason
       from usage_event
       where account_id = ${accountId} and type <> 'HOSTING' and seq <= ${asOf.lastSeq}
         and occurred_at >= ${at(range.fromMs)} and occurred_at < ${at(range.toMs)}
         ${after === null ? empty : sql`and (occurred_at, seq) > (${at(Number(after.value))}::timestamptz, ${after.id}::bigint)`}) e
     left join resource r on r.account_id = e.account_id and e.kind <> 'MODEL' and r.resource_id = e.subject_id
     left join model m on m.account_id = e.account_id
       and m.model_id = case when e.kind = 'MODEL' then e.subject_id else r.model_id end`,
  order: sql`e.occurred_at, e.seq`,
};

/** Usage events, by when they happened. */
export function readEvents(tx: Tx, of: RowsOf): AsyncIterable<readonly EventRow[]> {
  return readRows(tx, of, EVENTS);
}
export const countEvents = counter(EVENTS);

const LEDGER: Read<LedgerRow> = {
  shape: {
    accountId: ['l.account_id', intValue],
    sequence: ['l.sequence', intValue],
    kind: ['l.kind', textValue],
    amountMicro: ['l.amount_micro::text', bigValue],
    balanceMicro: ['l.balance_micro::text', bigValue],
    bookedAtMs: [sqlMs('l.booked_at'), intValue],
    recordedAtMs: [sqlMs('l.recorded_at'), intValue],
    cycleId: ['l.cycle_id', intValue],
    allocationId: ['l.allocation_id', orNull(intValue)],
    description: ['l.description', textValue],
  },
  from: ({ accountId, range, asOf, after }) => sql`from ledger_entry l
     where l.account_id = ${accountId} and l.sequence > ${after?.id ?? 0} and l.sequence <= ${asOf.lastEntry}
       and l.booked_at >= ${at(range.fromMs)} and l.booked_at < ${at(range.toMs)}`,
  order: sql`l.sequence`,
};

/** Entries of the ledger, by sequence. */
export function readLedger(tx: Tx, of: RowsOf): AsyncIterable<readonly LedgerRow[]> {
  return readRows(tx, of, LEDGER);
}
export const countLedger = counter(LEDGER);

const ALLOCATIONS: Read<AllocationRow> = {
  shape: {
    accountId: ['a.account_id', intValue],
    allocationId: ['a.allocation_id', intValue],
    unit: ['a.unit', valueOf(allocationUnits)],
    source: ['a.source', textValue],
    amountMicro: ['a.amount_micro::text', bigValue],
    spentMicro: ['a.spent_micro::text', bigValue],
    priority: ['a.priority', intValue],
    effectiveAtMs: [sqlMs('a.effective_at'), intValue],
    expiresAtMs: [sqlMs('a.expires_at'), msOrNullValue],
    voidedAtMs: [sqlMs('a.voided_then'), msOrNullValue],
    createdAtMs: [sqlMs('a.created_at'), intValue],
    isEveryCycle: ['a.series_id is not null', boolValue],
    isReturn: ['a.is_return', boolValue],
    note: ['a.note', textOrNullValue],
  },
  // A void is known by its instant and, where the account's clock stands, by its entry.
  from: ({ accountId, range, asOf, after }) => sql`from (
       select c.*, case when voided_at <= ${at(asOf.nowMs)} and not exists (
           select from ledger_entry l where l.account_id = c.account_id and l.sequence > ${asOf.lastEntry}
             and l.allocation_id = c.allocation_id and l.kind = 'VOID') then voided_at end as voided_then
       from credit_allocation c
       where account_id = ${accountId} and allocation_id > ${after?.id ?? 0} and allocation_id <= ${asOf.lastLocalId}
         and effective_at < ${at(range.toMs)} and (expires_at is null or expires_at > ${at(range.fromMs)})) a`,
  order: sql`a.allocation_id`,
};

/** Allocations that have a part of their time in the range, voided ones too, as they were created. */
export function readAllocations(tx: Tx, of: RowsOf): AsyncIterable<readonly AllocationRow[]> {
  return readRows(tx, of, ALLOCATIONS);
}
export const countAllocations = counter(ALLOCATIONS);

const ALERTS: Read<AlertRow> = {
  shape: {
    accountId: ['a.account_id', intValue],
    sequence: ['a.sequence', intValue],
    kind: ['a.kind', textValue],
    crossedAtMs: [sqlMs('a.crossed_at'), intValue],
    raisedAtMs: [sqlMs('a.raised_at'), intValue],
    remainingMicro: ['a.remaining_micro::text', bigValue],
    percentUsed: ['a.percent_used::text', floatOrNullValue],
    runsRemaining: ['a.runs_remaining', orNull(intValue)],
    measuredMicro: ['a.measured_micro::text', orNull(bigValue)],
    message: ['a.message', textValue],
    resolves: ['a.resolves', orNull(intValue)],
  },
  from: ({ accountId, range, asOf, after }) => sql`from alert a
     where a.account_id = ${accountId} and a.sequence > ${after?.id ?? 0} and a.sequence <= ${asOf.lastAlert}
       and a.crossed_at >= ${at(range.fromMs)} and a.crossed_at < ${at(range.toMs)}`,
  order: sql`a.sequence`,
};

/** Alerts, by sequence. */
export function readAlerts(tx: Tx, of: RowsOf): AsyncIterable<readonly AlertRow[]> {
  return readRows(tx, of, ALERTS);
}
export const countAlerts = counter(ALERTS);

const SEGMENTS: Read<SegmentRow> = {
  shape: {
    ...SEGMENT,
    resourceKind: ['s.kind', textValue],
    ...NAMES,
    hardware: ['h.name', textValue],
  },
  from: ({ accountId, range, asOf, after }) => sql`from hosting_segment s
     join resource r on r.account_id = s.account_id and r.resource_id = s.resource_id
     join hardware_profile h on h.hardware_id = s.hardware_id
     left join model m on m.account_id = r.account_id and m.model_id = r.model_id
     left join usage_event e on e.account_id = s.account_id and e.seq = s.event_seq
     where s.account_id = ${accountId} and s.from_at < ${at(Math.min(range.toMs, asOf.nowMs))}
       and (s.to_at is null or s.to_at > ${at(range.fromMs)})
       and (s.event_seq is null or s.event_seq <= ${asOf.lastSeq})
       and (s.voided_at is null or e.void_change > ${asOf.lastChange})
       ${after === null ? empty : goesOn(after)}`,
  order: sql`s.resource_id, s.from_at`,
};

// The part of a segment after a change of its rate may follow the cursor's.
function goesOn(after: CursorKey): Sql {
  return sql`and (s.resource_id > ${after.id} or (s.resource_id = ${after.id}
    and (s.to_at is null or s.to_at > ${at(Number(after.value))})))`;
}

/** Segments of hosting that have a part in the range, by resource and begin. */
export function readSegments(tx: Tx, of: RowsOf): AsyncIterable<readonly SegmentRow[]> {
  return readRows(tx, of, SEGMENTS);
}
export const countSegments = counter(SEGMENTS);

/** How far an account is written. @param nowMs its now */
export async function loadAsOf(tx: Tx, accountId: number, nowMs: number): Promise<ExportAsOf> {
  const rows =
    await tx.query(sql`/* exports.loadAsOf */ select a.last_seq, a.last_local_id, a.last_change,
       coalesce(c.last_ledger_sequence, 0) as last_entry, coalesce(c.last_alert_sequence, 0) as last_alert
     from account a left join credit_state c using (account_id) where a.account_id = ${accountId}`);
  const row = rows[0] ?? {};
  return {
    nowMs,
    lastSeq: int(row, 'last_seq'),
    lastLocalId: int(row, 'last_local_id'),
    lastChange: int(row, 'last_change'),
    lastEntry: int(row, 'last_entry'),
    lastAlert: int(row, 'last_alert'),
  };
}
