import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { AccountTotals } from '../account/account.ts';
import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  big,
  bool,
  int,
  intOrNull,
  ms,
  msOrNull,
  oneOf,
  type Row,
  text,
  textOrNull,
} from '../db/decode.ts';
import { violatedConstraint } from '../db/sql-state.ts';
import { type Column as SqlColumn, empty, join, sql, type Sql, unnested } from '../db/sql.ts';
import { type EventFilter, type EventIdentity, identityKey, type RecordedEvent } from './event.ts';
import type { NewEvent } from './admission.ts';
import { requireNotArchived } from '../archives/archives.store.ts';
import { invariant } from '../core/errors.ts';
import { markedAsDue } from '../rollups/rollups.store.ts';
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
  @Column({ name: 'unit', type: 'text', nullable: true }) unit!: string | null;
  @Column({ name: 'credits_micro', ...bigintColumn }) creditsMicro!: bigint;
  @Column({ name: 'occurred_at', ...instantColumn }) occurredAtMs!: number;
  @Column({ name: 'recorded_at', ...instantColumn }) recordedAtMs!: number;
  @Column({ name: 'ended_at', ...instantColumn, nullable: true }) endedAtMs!: number | null;
  @Column({ name: 'hardware_id', type: 'int', nullable: true }) hardwareId!: number | null;
  @Column({ name: 'voided_at', ...instantColumn, nullable: true }) voidedAtMs!: number | null;
  @Column({ name: 'void_reason', type: 'text', nullable: true }) voidReason!: string | null;
  @Column({ name: 'void_change', ...sequenceColumn, nullable: true }) voidChange!: number | null;
}

@Entity('usage_identity')
export class UsageIdentityRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'content_hash', type: 'int' }) contentHash!: number;
  @Column({ name: 'seq', ...sequenceColumn }) seq!: number;
  @PrimaryColumn({ name: 'hash', type: 'uuid' }) hash!: string;
}

const EVENT = sql`e.account_id, e.seq, e.source, e.event_id, e.type, e.kind, e.subject_id, e.quantity, e.unit, e.credits_micro,
  e.occurred_at, e.recorded_at, e.ended_at, e.hardware_id, e.voided_at`;

/** An event under the identity that was looked for. Two identities have the same hash only by chance, but then theirs differ. */
interface FoundEvent {
  readonly asked: EventIdentity;
  readonly seq: number;
  /** Null: it is archived. */
  readonly event: RecordedEvent | null;
}

/** The recorded events with the hashes of these identities, archived ones too, in no order. */
export async function loadRecorded(
  tx: Tx,
  accountId: number,
  identities: readonly EventIdentity[],
): Promise<readonly FoundEvent[]> {
  // Each limit keeps the planner on the index: without statistics (the first import) it would hash all rows of the account.
  const rows = await tx.query(sql`/* usage.loadRecorded */ with
     asked as materialized (
       select k.*, usage_identity_hash(k.source, k.event_id) as hash from ${unnested(identities, {
         source: ['text', (one) => one.source],
         event_id: ['text', (one) => one.eventId],
       })})
     select ${EVENT}, found.seq as found_seq, asked.source as asked_source, asked.event_id as asked_event_id from asked
     cross join lateral (
       select i.seq from usage_identity i where i.account_id = ${accountId} and i.hash = asked.hash limit 1) found
     left join lateral (
       select * from usage_event u where u.account_id = ${accountId} and u.seq = found.seq limit 1) e on true`);
  return rows.map((row) => ({
    asked: { source: text(row, 'asked_source'), eventId: text(row, 'asked_event_id') },
    seq: int(row, 'found_seq'),
    event: row['seq'] === null ? null : eventFromRow(row),
  }));
}

/** What is to be compared with an archived event of the same identity: nulls where the account has no such thing. */
export interface ContentToCompare extends EventIdentity {
  readonly type: string;
  readonly kind: string | null;
  readonly subjectId: number | null;
  readonly quantity: number;
  readonly unit: string | null;
  readonly creditsMicro: bigint;
  readonly occurredAtMs: number;
  readonly endedAtMs: number | null;
  readonly hardwareId: number | null;
}

/** Whether each has the content of the recorded event with its identity, by all that is left of it: its hash. In order. */
export async function compareContents(
  tx: Tx,
  accountId: number,
  contents: readonly ContentToCompare[],
): Promise<readonly boolean[]> {
  const rows =
    await tx.query(sql`/* usage.compareContents */ select coalesce(i.content_hash = usage_content_hash(k.type, k.kind,
         k.subject_id, k.quantity, k.unit, k.credits_micro, k.occurred_ms, k.ended_ms, k.hardware_id), false) as is_same
     from ${unnested(
       contents,
       {
         source: ['text', (content) => content.source],
         event_id: ['text', (content) => content.eventId],
         ...CONTENT,
       },
       { ordinal: 'n' },
     )} left join usage_identity i on i.account_id = ${accountId} and i.hash = usage_identity_hash(k.source, k.event_id)
     order by k.n`);
  return rows.map((row) => bool(row, 'is_same'));
}

const CONTENT: Readonly<Record<string, SqlColumn<Omit<ContentToCompare, keyof EventIdentity>>>> = {
  type: ['usage_type', (content) => content.type],
  kind: ['resource_kind', (content) => content.kind],
  subject_id: ['int', (content) => content.subjectId],
  quantity: ['bigint', (content) => content.quantity],
  unit: ['text', (content) => content.unit],
  credits_micro: ['bigint', (content) => content.creditsMicro],
  occurred_ms: ['bigint', (content) => content.occurredAtMs],
  ended_ms: ['bigint', (content) => content.endedAtMs],
  hardware_id: ['int', (content) => content.hardwareId],
};

/**
 * Inserts numbered events of a locked account with their identities, and sets the account's numbers and sums to `totals`, by the
 * commit. If one of the identities is taken, that fails (isIdentityTaken): looking for them first would cost more than all else.
 */
export function insertEvents(
  tx: Tx,
  accountId: number,
  batch: {
    readonly events: readonly NewEvent[];
    /** When they are recorded. */
    readonly nowMs: number;
    readonly totals: AccountTotals;
  },
): void {
  const { events, nowMs, totals } = batch;
  const counted = sql`update account set last_seq = ${totals.lastSeq}, recorded_quantity = ${totals.quantity},
         recorded_credits_micro = ${totals.creditsMicro} where account_id = ${accountId}`;
  const marked = markedAsDue(accountId, { isFirst: events[0]?.seq === 1 });
  // Beside the account's own row, a statement runs on the account's server alone, where the tables are distributed.
  const identified = (
    from: Sql,
  ): Sql => sql`insert into usage_identity (account_id, content_hash, seq, hash)
       select own.account_id, usage_content_hash(k.type, k.kind, k.subject_id, k.quantity, k.unit, k.credits_micro,
           k.occurred_ms, k.ended_ms, k.hardware_id),
         k.seq, usage_identity_hash(k.source, k.event_id)
       from account own cross join ${from} where own.account_id = ${accountId}`;
  const inserted = (
    from: Sql,
  ): Sql => sql`insert into usage_event (account_id, recorded_at, seq, source, event_id, type, kind,
       subject_id, quantity, unit, credits_micro, occurred_at, ended_at, hardware_id)
     select own.account_id, ${at(nowMs)}::timestamptz, k.seq, k.source, k.event_id, k.type, k.kind, k.subject_id, k.quantity, k.unit,
       k.credits_micro, to_timestamp(k.occurred_ms / 1000::float8), to_timestamp(k.ended_ms / 1000::float8), k.hardware_id
     from account own cross join ${from} where own.account_id = ${accountId}`;
  if (tx.isDistributed) {
    // There each statement inserts into one table.
    const rows = newEvents(events);
    for (const change of [counted, marked, identified(rows), inserted(rows)]) {
      tx.later(sql`/* usage.insertEvents */ ${change}`);
    }
    return;
  }
  tx.later(sql`/* usage.insertEvents */ with counted as (${counted}),
     marked as (${marked}),
     k as materialized (select * from ${newEvents(events)}),
     identified as (${identified(sql`k`)})
     ${inserted(sql`k`)}`);
}

/** Whether a transaction failed because an identity that it was to insert is taken. Nothing of it was committed. */
export function isIdentityTaken(error: unknown): boolean {
  return violatedConstraint(error)?.startsWith('usage_identity_pkey') === true;
}

function newEvents(events: readonly NewEvent[]): Sql {
  return unnested(events, {
    seq: ['bigint', (event) => event.seq],
    source: ['text', (event) => event.source],
    event_id: ['text', (event) => event.eventId],
    ...CONTENT,
  });
}

const MAKE_WITHIN_MS = 600_000;

/**
 * Makes the partitions for events of this month and the next three, where they are missing. Whoever reads events waits for it, so
 * it gives up soon where others, such as exports, read for long: there are months left to try again.
 */
export async function makeMonths(tx: Tx): Promise<void> {
  // Moving what clocks of test accounts left in a month may take long.
  await tx.allowLong(MAKE_WITHIN_MS);
  await tx.query(sql`/* usage.giveUpSoon */ select set_config('lock_timeout', '200', true)`);
  await tx.query(sql`/* usage.makeMonths */ select make_usage_months()`);
}

/** The event or hosting period with an identity, or null. @throws ArchivedError when it is archived */
export async function findRecorded(
  tx: Tx,
  accountId: number,
  identity: EventIdentity,
): Promise<RecordedEvent | null> {
  const [found] = await loadRecorded(tx, accountId, [identity]);
  if (found === undefined) return null;
  const { seq, event } = found;
  if (event === null) await requireNotArchived(tx, { accountId, seqs: { first: seq, last: seq } });
  return event !== null && identityKey(event) === identityKey(identity) ? event : null;
}

/**
 * Marks an event of a locked account as voided; its row and its identity stay.
 * @throws ArchivedError when it was archived since it was read
 */
export async function markVoided(
  tx: Tx,
  event: { readonly accountId: number; readonly seq: number; readonly recordedAtMs: number },
  voiding: { readonly atMs: number; readonly reason: string },
): Promise<void> {
  const { accountId, seq, recordedAtMs } = event;
  const rows = await tx.query(sql`/* usage.markVoided */ with numbered as (
       update account set last_change = last_change + 1 where account_id = ${accountId} returning last_change)
     update usage_event set voided_at = ${at(voiding.atMs)}, void_reason = ${voiding.reason}, void_change = numbered.last_change
     from numbered where account_id = ${accountId} and seq = ${seq} and recorded_at = ${at(recordedAtMs)} returning seq`);
  if (rows.length > 0) return;
  await requireNotArchived(tx, { accountId, seqs: { first: seq, last: seq } });
  invariant(false, 'an event that was read is there', { accountId, seq });
}

/** The events and hosting periods with these numbers, in no order; unknown ones are left out. */
export async function loadEvents(
  tx: Tx,
  refs: readonly { readonly accountId: number; readonly seq: number }[],
): Promise<readonly RecordedEvent[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* usage.loadEvents */ select ${EVENT} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      seq: ['bigint', (ref) => ref.seq],
    })}
     join usage_event e on e.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and e.seq = k.seq`),
  );
  return rows.map(eventFromRow);
}

/** Accounts have fewer sources, unless each of many devices is one. */
const SOURCES_MAX = 200;

/** The sources of an account's events, each found by one step along their index; null: there are more than so many. */
async function loadSources(tx: Tx, accountId: number): Promise<readonly string[] | null> {
  const after = (source: Sql): Sql =>
    sql`(select min(e.source) from usage_event e where e.account_id = ${accountId} and e.source > ${source})`;
  const rows = await tx.query(sql`/* usage.loadSources */ with recursive found (source) as (
       select ${after(sql`''`)}
       union all select ${after(sql`found.source`)} from found where found.source is not null)
     select source from found where source is not null limit ${SOURCES_MAX + 1}`);
  return rows.length > SOURCES_MAX ? null : rows.map((row) => text(row, 'source'));
}

/** So few are read as they are, and put in order then. */
const RARE_MAX = 1_000;

/**
 * Runs a statement over the events `e` of an account that match a filter. Those of a rare source, resource or model are found by their
 * index; of a common one, the newest are found by time. Which it is, is counted: the planner knows nothing of one account alone.
 */
async function queryMatching(
  tx: Tx,
  accountId: number,
  filter: EventFilter,
  statementOn: (events: Sql) => Sql,
): Promise<readonly Row[]> {
  const all = sql`usage_event e where ${matches(accountId, filter)}`;
  const indexed = await indexedCondition(tx, accountId, filter);
  if (indexed === null) return tx.query(statementOn(all));
  tx.later(
    sql`/* usage.planForValues */ select set_config('plan_cache_mode', 'force_custom_plan', true)`,
  );
  const [counted = {}] = await tx.query(sql`/* usage.countRare */ select count(*) from (
       select from usage_event e where ${indexed} limit ${RARE_MAX + 1}) e`);
  const few = sql`(select * from usage_event e where ${indexed} offset 0) e where ${matches(accountId, filter)}`;
  const rows = await tx.query(statementOn(int(counted, 'count') > RARE_MAX ? all : few));
  // Other statements of the snapshot are not to be planned anew.
  tx.later(sql`/* usage.planAsEver */ set local plan_cache_mode to default`);
  return rows;
}

/** What of a filter the index of sources and subjects tells; null: nothing. The index of resources leads with the source. */
async function indexedCondition(
  tx: Tx,
  accountId: number,
  { resourceId, modelId, source, eventId }: EventFilter,
): Promise<Sql | null> {
  const subjectId = resourceId ?? modelId;
  if (eventId !== null || (subjectId === null && source === null)) return null;
  const sources = source === null ? await loadSources(tx, accountId) : [source];
  if (sources === null) return null;
  return sql`e.account_id = ${accountId} and e.source = any(${sources}::text[])
    ${subjectId === null ? empty : sql`and e.subject_id = ${subjectId}`}`;
}

/** The condition that an event `e` of an account matches a filter. */
function matches(accountId: number, filter: EventFilter): Sql {
  const { range, resourceId, modelId, source, eventId } = filter;
  const conditions = [sql`e.account_id = ${accountId} and e.type <> 'HOSTING'`];
  if (range !== null) {
    conditions.push(
      sql`e.occurred_at >= ${at(range.fromMs)} and e.occurred_at < ${at(range.toMs)}`,
    );
  }
  if (resourceId !== null) conditions.push(sql`e.kind <> 'MODEL' and e.subject_id = ${resourceId}`);
  if (modelId !== null) conditions.push(sql`e.kind = 'MODEL' and e.subject_id = ${modelId}`);
  if (source !== null) conditions.push(sql`e.source = ${source}`);
  if (eventId !== null) conditions.push(sql`e.event_id = ${eventId}`);
  if (source !== null && eventId !== null) {
    conditions.push(sql`e.seq = (select i.seq from usage_identity i
       where i.account_id = ${accountId} and i.hash = usage_identity_hash(${source}, ${eventId}))`);
  }
  return join(conditions, ' and ');
}

/** Whether nothing but time tells the events of a filter apart. */
function isByTime({ resourceId, modelId, source, eventId }: EventFilter): boolean {
  return [resourceId, modelId, source, eventId].every((one) => one === null);
}

/** Usage events of an account, newest first (at the same instant, the last recorded first), after a place in that order. */
export async function listEvents(
  tx: Tx,
  accountId: number,
  filter: EventFilter,
  page: {
    readonly after: { readonly occurredAtMs: number; readonly seq: number } | null;
    readonly limit: number;
  },
): Promise<readonly RecordedEvent[]> {
  const { after, limit } = page;
  const isAfter =
    after === null
      ? empty
      : sql`and (e.occurred_at, e.seq) < (${at(after.occurredAtMs)}::timestamptz, ${after.seq}::bigint)`;
  // No index of all months gives the order by both, so the page's earliest instant is found first, by the order of time alone: otherwise
  // each page would read and sort all events of the account. The range's beginning is left out there: the page ends there or
  // later, and the planner takes a range with two ends for so few events that it sorts them.
  const isOfPage = isByTime(filter)
    ? sql`and e.occurred_at >= (select min(occurred_at) from (
        select e.occurred_at from usage_event e where ${matches(accountId, { ...filter, range: null })} ${isAfter}
          ${filter.range === null ? empty : sql`and e.occurred_at < ${at(filter.range.toMs)}`}
        order by e.occurred_at desc limit ${limit}) page)`
    : empty;
  const rows = await queryMatching(
    tx,
    accountId,
    filter,
    (events) => sql`/* usage.listEvents */ select ${EVENT} from ${events} ${isAfter} ${isOfPage}
     order by e.occurred_at desc, e.seq desc limit ${limit}`,
  );
  return rows.map(eventFromRow);
}

/** How many usage events of an account a filter matches. */
export async function countEvents(tx: Tx, accountId: number, filter: EventFilter): Promise<number> {
  const [counted = {}] = await queryMatching(
    tx,
    accountId,
    filter,
    (events) => sql`/* usage.countEvents */ select count(*) from ${events}`,
  );
  return int(counted, 'count');
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
    unit: textOrNull(row, 'unit'),
    creditsMicro: big(row, 'credits_micro'),
    occurredAtMs: ms(row, 'occurred_at'),
    recordedAtMs: ms(row, 'recorded_at'),
    endedAtMs: msOrNull(row, 'ended_at'),
    hardwareId: intOrNull(row, 'hardware_id'),
    voidedAtMs: msOrNull(row, 'voided_at'),
  };
}
