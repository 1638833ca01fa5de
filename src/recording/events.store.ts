import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Range } from '../core/range.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { AccountTotals } from '../account/account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  big,
  int,
  intOrNull,
  ms,
  msOrNull,
  oneOf,
  type Row,
  text,
} from '../db/decode.ts';
import type { EventContent } from './event.ts';
import type { NewEvent } from './admission.ts';
import { subjectKinds, usageTypes } from '../rollups/kinds.ts';

@Entity('usage_event')
export class UsageEventRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'seq', ...sequenceColumn }) seq!: number;
  @Column({ name: 'source', type: 'text' }) source!: string;
  @Column({ name: 'event_id', type: 'text' }) eventId!: string;
  @Column({ name: 'type', type: 'enum', enum: usageTypes, enumName: 'usage_type' }) type!: string;
  @Column({ name: 'kind', type: 'enum', enum: subjectKinds, enumName: 'resource_kind' })
  kind!: string;
  @Column({ name: 'subject_id', type: 'int' }) subjectId!: number;
  @Column({ name: 'quantity', ...bigintColumn }) quantity!: bigint;
  @Column({ name: 'credits_micro', ...bigintColumn }) creditsMicro!: bigint;
  @Column({ name: 'occurred_at', ...instantColumn }) occurredAtMs!: number;
  @Column({ name: 'recorded_at', ...instantColumn }) recordedAtMs!: number;
  @Column({ name: 'ended_at', ...instantColumn, nullable: true }) endedAtMs!: number | null;
  @Column({ name: 'hardware_id', type: 'int', nullable: true }) hardwareId!: number | null;
  @Column({ name: 'voided_at', ...instantColumn, nullable: true }) voidedAtMs!: number | null;
  @Column({ name: 'void_reason', type: 'text', nullable: true }) voidReason!: string | null;
  @Column({ name: 'void_change', ...sequenceColumn, nullable: true }) voidChange!: number | null;
}

/** An event, or a hosting period, as it was recorded. */
export interface RecordedEvent extends EventContent {
  readonly accountId: number;
  readonly seq: number;
  readonly source: string;
  readonly eventId: string;
  readonly recordedAtMs: number;
  readonly voidedAtMs: number | null;
}

export interface EventIdentity {
  readonly source: string;
  readonly eventId: string;
}

/** Which of an account's events are listed; null: any. */
export interface EventFilter {
  readonly range: Range | null;
  readonly resourceId: number | null;
  readonly modelId: number | null;
  readonly source: string | null;
  readonly eventId: string | null;
}

const CONTENT = `e.type, e.kind, e.subject_id, e.quantity, e.credits_micro, e.occurred_at, e.ended_at, e.hardware_id`;
const EVENT = `e.account_id, e.seq, e.source, e.event_id, ${CONTENT}, e.recorded_at, e.voided_at`;

/** What is recorded under identities, among the events up to a number; in no order. */
export async function loadRecorded(
  tx: Tx,
  accountId: number,
  identities: readonly EventIdentity[],
  lastSeq: number,
): Promise<readonly RecordedEvent[]> {
  // The limit keeps the planner on the index of identities: without statistics (the first import) it would rather hash
  // all events of the account.
  const rows = await tx.query(
    `/* usage.loadRecorded */ select found.* from unnest($2::text[], $3::text[]) as k (source, event_id)
     cross join lateral (
       select ${EVENT} from usage_event e
       where e.account_id = $1 and e.source = k.source and e.event_id = k.event_id limit 1) found
     where found.seq <= $4`,
    [
      accountId,
      textArray(identities.map((one) => one.source)),
      textArray(identities.map((one) => one.eventId)),
      lastSeq,
    ],
  );
  return rows.map(eventFromRow);
}

/**
 * Inserts numbered events of a locked account, and brings the account's numbers and sums to `totals`. What has an identity
 * that is recorded already is left out. @returns how many were inserted
 */
export async function insertEvents(
  tx: Tx,
  accountId: number,
  batch: {
    readonly events: readonly NewEvent[];
    readonly totals: AccountTotals;
    readonly nowMs: number;
  },
): Promise<number> {
  const { events, totals } = batch;
  // Where no event has an end, the lists of what only periods have are empty: unnest fills them up with nulls.
  const periods = events.some((event) => event.endedAtMs !== null) ? events : [];
  const rows = await tx.query(
    `/* usage.insertEvents */ with counted as (
       update account set last_seq = $2, recorded_quantity = $3, recorded_credits_micro = $4 where account_id = $1),
     inserted as (
       insert into usage_event (account_id, recorded_at, seq, source, event_id, type, kind, subject_id, quantity,
         credits_micro, occurred_at, ended_at, hardware_id)
       select $1, $5, k.seq, k.source, k.event_id, k.type, k.kind, k.subject_id, k.quantity, k.credits_micro,
         to_timestamp(k.occurred_ms / 1000::float8), to_timestamp(k.ended_ms / 1000::float8), k.hardware_id
       from unnest($6::bigint[], $7::text[], $8::text[], $9::usage_type[], $10::resource_kind[], $11::int[],
         $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::int[]) as k (seq, source, event_id, type, kind,
         subject_id, quantity, credits_micro, occurred_ms, ended_ms, hardware_id)
       on conflict (account_id, source, event_id) do nothing returning 1)
     select count(*) from inserted`,
    [
      accountId,
      totals.lastSeq,
      totals.quantity,
      totals.creditsMicro,
      at(batch.nowMs),
      plainArray(events.map((event) => event.seq)),
      textArray(events.map((event) => event.source)),
      textArray(events.map((event) => event.eventId)),
      plainArray(events.map((event) => event.type)),
      plainArray(events.map((event) => event.kind)),
      plainArray(events.map((event) => event.subjectId)),
      plainArray(events.map((event) => event.quantity)),
      plainArray(events.map((event) => event.creditsMicro)),
      plainArray(events.map((event) => event.occurredAtMs)),
      plainArray(periods.map((event) => event.endedAtMs ?? 'null')),
      plainArray(periods.map((event) => event.hardwareId ?? 'null')),
    ],
  );
  return int(rows[0] ?? {}, 'count');
}

/** Brings the numbers and sums of a locked account to `totals`. */
export async function setTotals(tx: Tx, accountId: number, totals: AccountTotals): Promise<void> {
  await tx.query(
    `/* usage.setTotals */ update account set last_seq = $2, recorded_quantity = $3, recorded_credits_micro = $4
     where account_id = $1`,
    [accountId, totals.lastSeq, totals.quantity, totals.creditsMicro],
  );
}

/** The event or hosting period with an identity, or null. */
export async function findRecorded(
  tx: Tx,
  accountId: number,
  identity: EventIdentity,
): Promise<RecordedEvent | null> {
  const rows = await tx.query(
    `/* usage.findRecorded */ select ${EVENT} from usage_event e
     where e.account_id = $1 and e.source = $2 and e.event_id = $3`,
    [accountId, identity.source, identity.eventId],
  );
  return rows[0] === undefined ? null : eventFromRow(rows[0]);
}

/** Marks an event of a locked account as taken back; its row and its identity stay. */
export async function markVoided(
  tx: Tx,
  event: { readonly accountId: number; readonly seq: number },
  voiding: { readonly atMs: number; readonly reason: string },
): Promise<void> {
  await tx.query(
    `/* usage.markVoided */ with numbered as (
       update account set last_change = last_change + 1 where account_id = $1 returning last_change)
     update usage_event set voided_at = $3, void_reason = $4, void_change = numbered.last_change from numbered
     where account_id = $1 and seq = $2`,
    [event.accountId, event.seq, at(voiding.atMs), voiding.reason],
  );
}

/** The events and hosting periods under these numbers, in no order; unknown ones are left out. */
export async function loadEvents(
  tx: Tx,
  refs: readonly { readonly accountId: number; readonly seq: number }[],
): Promise<readonly RecordedEvent[]> {
  const rows = await tx.query(
    `/* usage.loadEvents */ select ${EVENT} from unnest($1::int[], $2::bigint[]) as k (account_id, seq)
     join usage_event e using (account_id, seq)`,
    [refs.map((ref) => ref.accountId), refs.map((ref) => ref.seq)],
  );
  return rows.map(eventFromRow);
}

// `$2` to `$7`: begin, end, resource, model, source, event id of a filter; each null when it does not matter.
const MATCHES = `e.account_id = $1 and e.type <> 'HOSTING'
  and ($2::timestamptz is null or e.occurred_at >= $2) and ($3::timestamptz is null or e.occurred_at < $3)
  and ($4::int is null or (e.kind <> 'MODEL' and e.subject_id = $4))
  and ($5::int is null or (e.kind = 'MODEL' and e.subject_id = $5))
  and ($6::text is null or e.source = $6) and ($7::text is null or e.event_id = $7)`;

/** Usage events of an account, newest first (of one instant, the last recorded first), after a place in that order. */
export async function listEvents(
  tx: Tx,
  accountId: number,
  filter: EventFilter,
  page: {
    readonly after: { readonly occurredAtMs: number; readonly seq: number } | null;
    readonly limit: number;
  },
): Promise<readonly RecordedEvent[]> {
  const rows = await tx.query(
    `/* usage.listEvents */ select ${EVENT} from usage_event e
     where ${MATCHES} and ($8::timestamptz is null or (e.occurred_at, e.seq) < ($8, $9::bigint))
     order by e.occurred_at desc, e.seq desc limit $10`,
    [
      ...filterValues(accountId, filter),
      atOrNull(page.after?.occurredAtMs ?? null),
      page.after?.seq ?? null,
      page.limit,
    ],
  );
  return rows.map(eventFromRow);
}

/** How many usage events of an account a filter matches. */
export async function countEvents(tx: Tx, accountId: number, filter: EventFilter): Promise<number> {
  const rows = await tx.query(
    `/* usage.countEvents */ select count(*) from usage_event e where ${MATCHES}`,
    filterValues(accountId, filter),
  );
  return int(rows[0] ?? {}, 'count');
}

function filterValues(accountId: number, filter: EventFilter): readonly unknown[] {
  return [
    accountId,
    atOrNull(filter.range?.fromMs ?? null),
    atOrNull(filter.range?.toMs ?? null),
    filter.resourceId,
    filter.modelId,
    filter.source,
    filter.eventId,
  ];
}

function eventFromRow(row: Row): RecordedEvent {
  return {
    accountId: int(row, 'account_id'),
    seq: int(row, 'seq'),
    source: text(row, 'source'),
    eventId: text(row, 'event_id'),
    type: oneOf(row, 'type', usageTypes),
    kind: oneOf(row, 'kind', subjectKinds),
    subjectId: int(row, 'subject_id'),
    quantity: int(row, 'quantity'),
    creditsMicro: big(row, 'credits_micro'),
    occurredAtMs: ms(row, 'occurred_at'),
    recordedAtMs: ms(row, 'recorded_at'),
    endedAtMs: msOrNull(row, 'ended_at'),
    hardwareId: intOrNull(row, 'hardware_id'),
    voidedAtMs: msOrNull(row, 'voided_at'),
  };
}

// Written by hand: the driver's own way of writing the lists of a batch takes longer than all that is decided about it.
function plainArray(values: readonly (number | bigint | string)[]): string {
  return `{${values.join(',')}}`;
}

function textArray(values: readonly string[]): string {
  if (values.length === 0) return '{}';
  const escaped = values.map((value) =>
    /["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value,
  );
  return `{"${escaped.join('","')}"}`;
}
