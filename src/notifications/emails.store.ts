import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  big,
  int,
  ms,
  msOrNull,
  oneOf,
  type Row,
  text,
  textOrNull,
  texts,
} from '../db/decode.ts';
import {
  deliveryStatuses,
  type DeliveryStatus,
  type Email,
  type EmailContent,
  emailKinds,
  type EmailKind,
} from './email.ts';
import type { Hosting } from './facts.ts';
import { raw, sql, unnested, unnestedOf } from '../db/sql.ts';

@Entity('email')
export class EmailRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'email_id', ...sequenceColumn }) emailId!: number;
  @Column({ name: 'kind', type: 'enum', enum: emailKinds, enumName: 'email_kind' })
  kind!: EmailKind;
  @Column({ name: 'to_addresses', type: 'text', array: true }) to!: string[];
  @Column({ name: 'subject', type: 'text' }) subject!: string;
  @Column({ name: 'text', type: 'text' }) text!: string;
  @Column({ name: 'html', type: 'text' }) html!: string;
  @Column({ name: 'message_id', type: 'text' }) messageId!: string;
  @Column({ name: 'status', type: 'enum', enum: deliveryStatuses, enumName: 'email_status' })
  status!: DeliveryStatus;
  @Column({ name: 'attempts', type: 'int' }) attempts!: number;
  @Column({ name: 'last_error', type: 'text', nullable: true }) lastError!: string | null;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'delivered_at', ...instantColumn, nullable: true }) deliveredAtMs!: number | null;
}

const COLUMNS = `account_id, email_id, kind, to_addresses, subject, text, html, message_id, status, attempts, last_error,
  created_at, delivered_at`;

/** The key of an email. */
export interface EmailRef {
  readonly accountId: number;
  readonly emailId: number;
}

/** The outcome of an attempt to send. */
export interface Attempt {
  readonly status: DeliveryStatus;
  readonly lastError: string | null;
  readonly deliveredAtMs: number | null;
}

/**
 * Inserts emails of one locked account, with ids in the order given. Of all emails since
 * `sinceMs` at most `limit` are sent. The others begin as FAILED with `surplusError`, and do not count.
 * @returns the ids of those to be sent, in the order given
 */
export async function insertEmails(
  tx: Tx,
  account: { readonly accountId: number; readonly to: readonly string[]; readonly domain: string },
  emails: readonly EmailContent[],
  written: {
    readonly createdAtMs: number;
    readonly limit: number;
    readonly sinceMs: number;
    readonly surplusError: string;
  },
): Promise<readonly number[]> {
  const { accountId } = account;
  const [numbered, [recent = {}]] = await Promise.all([
    tx.query(
      sql`/* emails.takeIds */ select nextval('email_email_id_seq') as email_id from generate_series(1, ${emails.length}::int)`,
    ),
    tx.query(sql`/* emails.countRecent */ select count(*) as emails from email
       where account_id = ${accountId} and created_at >= ${at(written.sinceMs)} and (status <> 'FAILED' or attempts > 0)`),
  ]);
  const sentMax = written.limit - int(recent, 'emails');
  const rows = emails.map((email, index) => ({
    ...email,
    emailId: int(numbered[index] ?? {}, 'email_id'),
    isSent: index < sentMax,
  }));
  tx.later(sql`/* emails.insertEmails */ insert into email (account_id, email_id, kind, to_addresses, subject, text, html, message_id,
       status, last_error, created_at)
     select own.account_id, k.email_id, k.kind, ${account.to}::text[], k.subject, k.text, k.html,
       concat('<', own.account_id, '.', k.email_id, '.', ${written.createdAtMs.toString(36)}::text, '@', ${account.domain}::text, '>'),
       k.status, case when k.status = 'FAILED' then ${written.surplusError}::text end, ${at(written.createdAtMs)}::timestamptz
     from ${unnestedOf(accountId, rows, {
       email_id: ['bigint', (row) => row.emailId],
       kind: ['email_kind', (row) => row.kind],
       subject: ['text', (row) => row.subject],
       text: ['text', (row) => row.text],
       html: ['text', (row) => row.html],
       status: ['email_status', (row) => (row.isSent ? 'PENDING' : 'FAILED')],
     })}`);
  return rows.flatMap((row) => (row.isSent ? [row.emailId] : []));
}

export async function findEmail(tx: Tx, ref: EmailRef): Promise<Email | null> {
  const rows = await tx.query(
    sql`/* emails.findEmail */ select ${raw(COLUMNS)} from email where account_id = ${ref.accountId} and email_id = ${ref.emailId}`,
  );
  return rows[0] === undefined ? null : emailFromRow(rows[0]);
}

/** Stores an attempt. @returns the number of attempts; null when the email was no longer to be sent */
export async function saveAttempt(tx: Tx, ref: EmailRef, attempt: Attempt): Promise<number | null> {
  const rows =
    await tx.query(sql`/* emails.saveAttempt */ update email set attempts = attempts + 1, status = ${attempt.status}, last_error = ${attempt.lastError}, delivered_at = ${atOrNull(attempt.deliveredAtMs)}
     where account_id = ${ref.accountId} and email_id = ${ref.emailId} and status = 'PENDING' returning attempts`);
  return rows[0] === undefined ? null : int(rows[0], 'attempts');
}

/** Gives up all pending emails of an account. */
export async function failPendingEmails(tx: Tx, accountId: number, error: string): Promise<void> {
  await tx.query(sql`/* emails.failPending */ update email set status = 'FAILED', last_error = ${error}
     where account_id = ${accountId} and status = 'PENDING'`);
}

/** Emails of an account, newest first, after a given one. */
export async function listEmails(
  tx: Tx,
  accountId: number,
  page: { readonly afterId: number | null; readonly limit: number },
): Promise<readonly Email[]> {
  const rows = await tx.query(sql`/* emails.listEmails */ select ${raw(COLUMNS)} from email
     where account_id = ${accountId} and email_id < ${page.afterId ?? Number.MAX_SAFE_INTEGER} order by email_id desc limit ${page.limit}`);
  return rows.map(emailFromRow);
}

export async function countEmails(tx: Tx, accountId: number): Promise<number> {
  const rows = await tx.query(
    sql`/* emails.countEmails */ select count(*) from email where account_id = ${accountId}`,
  );
  return int(rows[0] ?? {}, 'count');
}

/** The hosting by lifecycle calls at some instants: segments that run, begin or end there. */
export async function loadHostingAt(
  tx: Tx,
  accountId: number,
  instantsMs: readonly number[],
): Promise<readonly Hosting[]> {
  const rows =
    await tx.query(sql`/* emails.loadHostingAt */ select s.resource_id, h.name as hardware, s.replicas, s.rate_micro_per_hour, s.from_at, s.to_at
     from hosting_segment s join hardware_profile h using (hardware_id)
     where s.account_id = ${accountId} and s.voided_at is null and s.event_seq is null
       and exists (select from ${unnested(instantsMs, { at: ['timestamptz', (value) => at(value)] }, { as: 'i' })}
         where s.from_at <= i.at and (s.to_at is null or s.to_at >= i.at))
     order by s.resource_id, s.from_at`);
  return rows.map((row) => ({
    resourceId: int(row, 'resource_id'),
    hardware: text(row, 'hardware'),
    replicas: int(row, 'replicas'),
    rateMicroPerHour: big(row, 'rate_micro_per_hour'),
    fromMs: ms(row, 'from_at'),
    toMs: msOrNull(row, 'to_at'),
  }));
}

function emailFromRow(row: Row): Email {
  return {
    accountId: int(row, 'account_id'),
    emailId: int(row, 'email_id'),
    kind: oneOf(row, 'kind', emailKinds),
    to: texts(row, 'to_addresses'),
    subject: text(row, 'subject'),
    text: text(row, 'text'),
    html: text(row, 'html'),
    messageId: text(row, 'message_id'),
    status: oneOf(row, 'status', deliveryStatuses),
    attempts: int(row, 'attempts'),
    lastError: textOrNull(row, 'last_error'),
    createdAtMs: ms(row, 'created_at'),
    deliveredAtMs: msOrNull(row, 'delivered_at'),
  };
}
