// Which months of an account's events are archived: they are in a file, and not in usage_event. Whoever reads events asks here, in the
// same snapshot, whether archived ones would count, and what is kept of them. `npm run archive` writes these tables; nobody else names them.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ArchivedError } from '../core/errors.ts';
import { INT_MAX } from '../core/micro.ts';
import { HOUR_MS } from '../core/range.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, answersByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { int, intOrNull, text } from '../db/decode.ts';
import { empty, raw, sql, type Sql, unnested } from '../db/sql.ts';

@Entity('usage_archive')
export class UsageArchiveRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'month', type: 'date' }) month!: string;
  @Column({ name: 'first_seq', ...sequenceColumn }) firstSeq!: number;
  @Column({ name: 'last_seq', ...sequenceColumn }) lastSeq!: number;
  @Column({ name: 'events', ...sequenceColumn }) events!: number;
  @Column({ name: 'voided', ...sequenceColumn }) voided!: number;
  @Column({ name: 'last_void_change', ...sequenceColumn, nullable: true })
  lastVoidChange!: number | null;
  @Column({ name: 'first_used_at', ...instantColumn, nullable: true }) firstUsedAtMs!:
    number | null;
  @Column({ name: 'used_hours', type: 'int4multirange' }) usedHours!: string;
  @Column({ name: 'counted_events', ...sequenceColumn }) countedEvents!: number;
  @Column({ name: 'counted_quantity', ...bigintColumn }) countedQuantity!: bigint;
  @Column({ name: 'counted_credits_micro', ...bigintColumn }) countedCreditsMicro!: bigint;
  @Column({ name: 'sha256', type: 'bytea' }) sha256!: Buffer;
  @Column({ name: 'file', type: 'text' }) file!: string;
  @Column({ name: 'file_offset', ...sequenceColumn }) fileOffset!: number;
  @Column({ name: 'file_bytes', ...sequenceColumn }) fileBytes!: number;
  @Column({ name: 'archived_at', ...instantColumn }) archivedAtMs!: number;
}

@Entity('usage_archive_subject')
export class UsageArchiveSubjectRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'month', type: 'date' }) month!: string;
  @PrimaryColumn({ name: 'subject_id', type: 'int' }) subjectId!: number;
  @Column({ name: 'last_used_at', ...instantColumn, nullable: true }) lastUsedAtMs!: number | null;
}

/** Events that are about to be read. Each of its parts is enough for an archived event to be among them. */
export interface EventsToRead {
  readonly accountId: number;
  /** By when they happened: `[fromMs, toMs)`, in whole hours around it. Hosting periods are not meant. */
  readonly used?: { readonly fromMs: number; readonly toMs: number };
  /** By number: from the first to the last. */
  readonly seqs?: { readonly first: number; readonly last: number };
  /** Those that a later change voided. */
  readonly voidedAfter?: number;
}

const MONTH = raw(`to_char(a.month, 'YYYY-MM')`);

/** The archived months in which events may be among those to read, for each question in order; nearly always none. */
export async function findArchived(
  tx: Tx,
  questions: readonly EventsToRead[],
): Promise<readonly (readonly string[])[]> {
  return answersByAccount(tx, questions, (asked) => monthsOf(tx, asked));
}

async function monthsOf(
  tx: Tx,
  questions: readonly EventsToRead[],
): Promise<readonly (readonly string[])[]> {
  const found = questions.map((): string[] => []);
  if (questions.length === 0) return found;
  const rows =
    await tx.query(sql`/* archives.find */ select k.n::int as n, ${MONTH} as month from ${unnested(
      questions,
      {
        account_id: ['int', ({ accountId }) => accountId],
        from_hour: ['int', ({ used }) => (used === undefined ? null : hourOf(used.fromMs))],
        to_hour: ['int', ({ used }) => (used === undefined ? null : hourOf(used.toMs - 1) + 1)],
        first_seq: ['int8', ({ seqs }) => seqs?.first ?? null],
        last_seq: ['int8', ({ seqs }) => seqs?.last ?? null],
        change: ['int8', ({ voidedAfter }) => voidedAfter ?? null],
      },
      { ordinal: 'n' },
    )} join usage_archive a on a.account_id = ${accountOf(tx, questions, sql`k.account_id`)}
     where a.last_seq >= k.first_seq and a.first_seq <= k.last_seq or a.last_void_change > k.change
       or k.from_hour < k.to_hour and a.used_hours && int4range(k.from_hour, k.to_hour)
     order by k.n, a.month`);
  for (const row of rows) found[int(row, 'n') - 1]?.push(text(row, 'month'));
  return found;
}

/** For each question the error that is its answer, or null. */
export async function archivedErrors(
  tx: Tx,
  questions: readonly EventsToRead[],
): Promise<readonly (ArchivedError | null)[]> {
  const found = await findArchived(tx, questions);
  return found.map((months) => (months.length === 0 ? null : new ArchivedError(months)));
}

/** @throws ArchivedError when archived events may be among those to read */
export async function requireNotArchived(
  tx: Tx,
  ...questions: readonly EventsToRead[]
): Promise<void> {
  const months = (await findArchived(tx, questions)).flat();
  if (months.length > 0) throw new ArchivedError([...new Set(months)].sort());
}

/** Up to where a list of events, newest first, can be told. */
export interface ArchivedEnd {
  /** The end of the latest hour in which archived events happened. */
  readonly toMs: number;
  readonly months: readonly string[];
}

/** The latest archived hour of an account before an instant. @param of.subjectId only months with events of it; null: any */
export async function findArchivedEnd(
  tx: Tx,
  accountId: number,
  of: { readonly fromMs: number; readonly toMs: number; readonly subjectId: number | null },
): Promise<ArchivedEnd | null> {
  const { subjectId } = of;
  // A cursor may lie before the range.
  if (of.toMs <= of.fromMs) return null;
  const asked = sql`int4multirange(int4range(${hourOf(of.fromMs)}, ${hourOf(of.toMs - 1) + 1}))`;
  const hasSubject =
    subjectId === null
      ? empty
      : sql`and exists (select from usage_archive_subject s
         where s.account_id = a.account_id and s.month = a.month and s.subject_id = ${subjectId})`;
  const rows =
    await tx.query(sql`/* archives.findEnd */ select ${MONTH} as month, upper(a.used_hours * ${asked}) as to_hour
     from usage_archive a where a.account_id = ${accountId} and a.used_hours && ${asked} ${hasSubject} order by 2, 1`);
  const toHour = intOrNull(rows.at(-1) ?? { to_hour: null }, 'to_hour');
  if (toHour === null) return null;
  const months = rows.filter((row) => int(row, 'to_hour') === toHour);
  return { toMs: toHour * HOUR_MS, months: months.map((row) => text(row, 'month')) };
}

/** The condition that an account has archives. @param account a column, or what accountOf gives */
export function hasArchives(account: Sql): Sql {
  return sql`exists (select from usage_archive x where x.account_id = ${account})`;
}

/** A subquery: the archived months ("2026-01") in which events from one number to another may be. @param first a column, as is `last` */
export function archivesBetween(account: Sql, first: string, last: string): Sql {
  return sql`(select ${MONTH} as month from usage_archive a
       where a.account_id = ${account} and a.last_seq >= ${raw(first)} and a.first_seq <= ${raw(last)})`;
}

/** A subquery: when the first archived event happened that counts; null: none did. */
export function firstArchivedUse(account: Sql): Sql {
  return sql`(select min(x.first_used_at) from usage_archive x where x.account_id = ${account})`;
}

/** A subquery: the end of the latest hour in which archived events happened; null: none did. */
export function lastArchivedHour(account: Sql): Sql {
  return sql`(select to_timestamp(3600.0 * max(upper(x.used_hours))) from usage_archive x where x.account_id = ${account})`;
}

/** A subquery: the hours in which archived events happened, a column `hours` of ranges of hours since 1970 */
export function archivedHours(account: Sql): Sql {
  return sql`(select hours from usage_archive x cross join lateral unnest(x.used_hours) hours where x.account_id = ${account})`;
}

/** A subquery: what the rollups count of archived events, a row each archive: columns events, quantity, credits_micro */
export function archivedFigures(account: Sql): Sql {
  return sql`(select x.counted_events as events, x.counted_quantity as quantity, x.counted_credits_micro as credits_micro
       from usage_archive x where x.account_id = ${account})`;
}

/** A subquery: when the last archived event of a resource or model happened that counts; null: none did. */
export function lastArchivedUse(account: Sql, subjectId: string): Sql {
  return sql`(select max(x.last_used_at) from usage_archive_subject x
       where x.account_id = ${account} and x.subject_id = ${raw(subjectId)})`;
}

// Instants may be given that are further away than any event can be.
function hourOf(atMs: number): number {
  return Math.min(Math.max(Math.floor(atMs / HOUR_MS), -INT_MAX), INT_MAX - 1);
}
