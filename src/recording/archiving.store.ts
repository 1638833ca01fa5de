// Takes an account's month of events out of the table, and puts it back. Only the owner of the database may do either.

import type { Tx } from '../db/database.ts';
import { int, type Row, text, textOrNull } from '../db/decode.ts';
import { rowsInBatches } from '../db/server-cursor.ts';
import { raw, sql, type Sql } from '../db/sql.ts';

/** A month stays for so many days after its end, by the account's own clock. */
const KEPT_DAYS = 62;
const WITHIN_MS = 3_600_000;

/** What the rows of an account's month come to. Only a void changes a recorded event, and that changes these figures. */
export interface MonthFigures {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly events: number;
  readonly voided: number;
}

/** An account with events of a month. */
export interface MonthOfAccount extends MonthFigures {
  readonly accountId: number;
  /** Why it cannot be archived yet; null: it can. */
  readonly waitsFor: string | null;
}

/** An account's line of an archived event. */
export interface EventLine {
  readonly accountId: number;
  /** JSON without a line feed. */
  readonly line: string;
}

/** Where an account's month is, as gzip of its own within a file. */
export interface FilePlace {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** An account's month in a file. */
export interface FiledMonth extends FilePlace {
  readonly accountId: number;
  readonly events: number;
  /** Of its lines, each with its line feed; in hex. */
  readonly sha256: string;
}

/** An account's month that is archived. */
export interface ArchivedMonth extends FiledMonth {
  /** "2026-01" */
  readonly month: string;
}

/**
 * Opens a transaction of a command, which logs in as the owner, to what only the owner may do.
 * @throws when it logs in as anybody else
 */
export async function becomeOwner(tx: Tx): Promise<void> {
  await tx.allowLong(WITHIN_MS);
  await tx.query(sql`/* archiving.becomeOwner */ set local role none`);
}

/** The months, in UTC, before one ("2026-02") in which events were recorded that are in the table. */
export async function listMonths(tx: Tx, before: string): Promise<readonly string[]> {
  await tx.allowLong(WITHIN_MS);
  const rows =
    await tx.query(sql`/* archiving.listMonths */ select distinct to_char(date_trunc('month', recorded_at), 'YYYY-MM') as month
     from usage_event where recorded_at < ${firstOf(before)} order by 1`);
  return rows.map((row) => text(row, 'month'));
}

/** The accounts with events of a month, by id. */
export async function listAccountsOf(tx: Tx, month: string): Promise<readonly MonthOfAccount[]> {
  await tx.allowLong(WITHIN_MS);
  const rows =
    await tx.query(sql`/* archiving.listAccounts */ select o.*, ${waitsFor(month)} as waits_for
     from (
       select account_id, min(seq) as first_seq, max(seq) as last_seq, count(*) as events, count(voided_at) as voided,
         max(void_change) as last_void_change
       from usage_event e where ${isOf(month)} group by account_id) o
     ${STATE}
     order by o.account_id`);
  return rows.map((row) => ({
    accountId: int(row, 'account_id'),
    ...figures(row),
    waitsFor: textOrNull(row, 'waits_for'),
  }));
}

// Of o, which has an account's month.
const STATE = raw(`join account a using (account_id) left join rollup_state s using (account_id)
     left join unit_rollup_state u using (account_id) left join credit_state c using (account_id)`);

function waitsFor(month: string): Sql {
  return sql`case
       when ${firstOf(month)} + interval '1 month' + ${raw(`interval '${KEPT_DAYS} days'`)}
         > case when a.is_test then a.settled_at else greatest(a.settled_at, now()) end
         then ${`it ended less than ${KEPT_DAYS} days ago`}
       when s.watermark is null or s.watermark < o.last_seq or s.time_zone <> a.time_zone or s.quarters_from is not null
         or u.watermark < o.last_seq or u.change < o.last_void_change or u.time_zone <> a.time_zone
         then 'its events are not folded yet'
       when exists (
           select from ledger_entry l where l.account_id = o.account_id and l.cycle_id > coalesce(c.last_statement, 0)
             and l.first_seq <= o.last_seq and l.last_seq >= o.first_seq)
         then 'a cycle in which they were charged or voided has no statement yet'
     end`;
}

/** The events of some accounts in a month, by account and seq. */
export async function* readLines(
  tx: Tx,
  accountIds: readonly number[],
  month: string,
): AsyncGenerator<readonly EventLine[]> {
  const lines = sql`select account_id, row_to_json(line)::text as line from (
       select ${COLUMNS} from usage_event e where account_id = any(${accountIds}::int[]) and ${isOf(month)}
       order by account_id, seq) line`;
  for await (const rows of rowsInBatches(tx, lines)) yield rows.map(lineFromRow);
}

const COLUMNS =
  raw(`account_id, seq, source, event_id, type, kind, subject_id, quantity, unit, credits_micro, occurred_at, recorded_at,
  ended_at, hardware_id, voided_at, void_reason, void_change`);

/**
 * Moves an account's month from the table into the archive: from this transaction on, readers know that it is archived.
 * @param tx of the owner
 * @returns what was taken out; null when it may not be, any more: then the transaction must not be committed
 */
export async function takeOut(tx: Tx, archived: ArchivedMonth): Promise<MonthFigures | null> {
  const { accountId, month, file, offset, bytes } = archived;
  const first = firstOf(month);
  const [row] = await tx.query(sql`/* archiving.takeOut */ with
     gone as (
       delete from usage_event e where account_id = ${accountId} and ${isOf(month)}
       returning seq, subject_id, type, quantity, credits_micro, occurred_at, voided_at, void_change,
         voided_at is null and type <> 'HOSTING' as counts),
     subjects as (
       insert into usage_archive_subject (account_id, month, subject_id, last_used_at)
       select ${accountId}, ${first}::date, subject_id, max(occurred_at) filter (where counts)
       from gone where type <> 'HOSTING' group by subject_id),
     hours as (
       select coalesce(range_agg(int4range(hour, hour + 1)), '{}') as used_hours from (
         select distinct floor(extract(epoch from occurred_at) / 3600)::int as hour from gone where type <> 'HOSTING') used)
     insert into usage_archive (account_id, month, first_seq, last_seq, events, voided, last_void_change, first_used_at,
       used_hours, counted_events, counted_quantity, counted_credits_micro, sha256, file, file_offset, file_bytes, archived_at)
     select ${accountId}, ${first}::date, min(seq), max(seq), count(*), count(voided_at), max(void_change),
       min(occurred_at) filter (where counts), (select used_hours from hours), count(*) filter (where counts),
       coalesce(sum(quantity) filter (where counts), 0), coalesce(sum(credits_micro) filter (where counts), 0),
       ${`\\x${archived.sha256}`}::bytea, ${file}, ${offset}, ${bytes}, now()
     from gone having count(*) > 0
     returning first_seq, last_seq, events, voided`);
  if (row === undefined) return null;
  // Voids lock the event first and then this state, as here. Whoever rebuilds sums from events holds it.
  await tx.query(
    sql`/* archiving.lockState */ select 1 from rollup_state where account_id = ${accountId} for update`,
  );
  const [state] = await tx.query(sql`/* archiving.judge */ select ${waitsFor(month)} as waits_for
     from (select * from usage_archive where account_id = ${accountId} and month = ${first}::date) o ${STATE}`);
  return state === undefined || textOrNull(state, 'waits_for') !== null ? null : figures(row);
}

/** The archived months of accounts that are in one file, or of one month. */
export async function listArchived(
  tx: Tx,
  of: { readonly month: string } | { readonly file: string },
): Promise<readonly ArchivedMonth[]> {
  const isAsked = 'month' in of ? sql`month = ${firstOf(of.month)}::date` : sql`file = ${of.file}`;
  const rows =
    await tx.query(sql`/* archiving.listArchived */ select account_id, to_char(month, 'YYYY-MM') as month, events, file,
       encode(sha256, 'hex') as sha256, file_offset, file_bytes
     from usage_archive where ${isAsked} order by file, account_id`);
  return rows.map((row) => ({
    accountId: int(row, 'account_id'),
    month: text(row, 'month'),
    events: int(row, 'events'),
    sha256: text(row, 'sha256'),
    file: text(row, 'file'),
    offset: int(row, 'file_offset'),
    bytes: int(row, 'file_bytes'),
  }));
}

/** Puts lines of an account back into the table. @param tx of the owner */
export async function putBack(tx: Tx, lines: readonly string[]): Promise<void> {
  await tx.query(sql`/* archiving.putBack */ insert into usage_event (${COLUMNS})
     select ${COLUMNS} from unnest(${lines}::text[]) l(line) cross join lateral json_populate_record(null::usage_event, l.line::json)`);
}

/** Ends the archive of an account's month whose events are back. @param tx of the owner */
export async function endArchive(
  tx: Tx,
  { accountId, month }: { readonly accountId: number; readonly month: string },
): Promise<void> {
  // Days of another zone wait for all events to be there.
  await tx.query(
    sql`/* archiving.fold */ update rollup_state set fold_at = clock_timestamp() where account_id = ${accountId}`,
  );
  for (const table of [raw('usage_archive'), raw('usage_archive_subject')]) {
    await tx.query(
      sql`/* archiving.end */ delete from ${table} where account_id = ${accountId} and month = ${firstOf(month)}::date`,
    );
  }
}

function isOf(month: string): Sql {
  const first = firstOf(month);
  return sql`e.recorded_at >= ${first} and e.recorded_at < ${first} + interval '1 month'`;
}

/** The first instant of a month, in sessions of UTC. */
function firstOf(month: string): Sql {
  return sql`${`${month}-01`}::timestamptz`;
}

function figures(row: Row): MonthFigures {
  return {
    firstSeq: int(row, 'first_seq'),
    lastSeq: int(row, 'last_seq'),
    events: int(row, 'events'),
    voided: int(row, 'voided'),
  };
}

function lineFromRow(row: Row): EventLine {
  return { accountId: int(row, 'account_id'), line: text(row, 'line') };
}
