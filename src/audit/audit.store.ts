import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Range } from '../core/range.ts';
import { NO_ACCOUNT } from '../core/identity.ts';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, bool, int, ms, oneOf, type Row, text, textOrNull } from '../db/decode.ts';
import { join, raw, sql, type Sql } from '../db/sql.ts';
import { type AuditEntry, auditedActions, type FieldChange, type NewAuditEntry } from './audit.ts';

@Entity('audit_entry')
export class AuditEntryRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'entry_id', ...sequenceColumn }) entryId!: number;
  @Column({ name: 'at', ...instantColumn }) atMs!: number;
  @Column({ name: 'actor', type: 'text' }) actor!: string;
  @Column({ name: 'is_operator', type: 'boolean' }) isOperator!: boolean;
  @Column({ name: 'action', type: 'text' }) action!: string;
  @Column({ name: 'target', type: 'text' }) target!: string;
  @Column({ name: 'summary', type: 'text' }) summary!: string;
  @Column({ name: 'changes', type: 'jsonb' }) changes!: unknown;
  @Column({ name: 'request_id', type: 'text', nullable: true }) requestId!: string | null;
  @Column({ name: 'address', type: 'text', nullable: true }) address!: string | null;
}

const COLUMNS =
  'entry_id, account_id, at, actor, is_operator, action, target, summary, changes::text, request_id, address';

/** Adds entries in the transaction of their changes, by the commit. @param atMs the real time */
export function insertAudit(tx: Tx, entries: readonly NewAuditEntry[], atMs: number): void {
  const rows = entries.map(
    (
      entry,
    ) => sql`(${at(atMs)}, ${entry.accountId ?? NO_ACCOUNT}, ${entry.actor}, ${entry.isOperator}, ${entry.action},
       ${entry.target}, ${entry.summary}, ${JSON.stringify(entry.changes)}, ${entry.requestId}, ${entry.address})`,
  );
  tx.later(sql`/* audit.insertAudit */ insert into audit_entry
       (at, account_id, actor, is_operator, action, target, summary, changes, request_id, address) values ${join(rows)}`);
}

/** Which entries to list; null is no condition. */
export interface AuditList {
  readonly accountId: number | null;
  readonly action: string | null;
  readonly actor: string | null;
  readonly target: string | null;
  readonly range: Range | null;
}

function isListed({ accountId, action, actor, target, range }: AuditList): Sql {
  const conditions = [sql`true`];
  if (accountId !== null) conditions.push(sql`account_id = ${accountId}`);
  if (action !== null) conditions.push(sql`action = ${action}`);
  if (actor !== null) conditions.push(sql`actor = ${actor}`);
  if (target !== null) conditions.push(sql`target = ${target}`);
  if (range !== null) {
    conditions.push(sql`at >= ${at(range.fromMs)} and at < ${at(range.toMs)}`);
  }
  return join(conditions, ' and ');
}

/** The entries of a list, newest first, after a place in that order. */
export async function listAudit(
  tx: Tx,
  list: AuditList,
  page: {
    readonly after: Pick<AuditEntry, 'atMs' | 'entryId'> | null;
    readonly limit: number;
  },
): Promise<readonly AuditEntry[]> {
  const { after } = page;
  const isAfter =
    after === null
      ? sql`true`
      : sql`(at, entry_id) < (${at(after.atMs)}, ${after.entryId}::bigint)`;
  const rows = await tx.query(sql`/* audit.listAudit */ select ${raw(COLUMNS)} from audit_entry
     where ${isListed(list)} and ${isAfter} order by at desc, entry_id desc limit ${page.limit}`);
  return rows.map(entryFromRow);
}

/** How many entries a list has. */
export async function countAudit(tx: Tx, list: AuditList): Promise<number> {
  const rows = await tx.query(
    sql`/* audit.countAudit */ select count(*) from audit_entry where ${isListed(list)}`,
  );
  return int(rows[0] ?? {}, 'count');
}

/** An entry of an account, or (account null) of none. */
export async function findAudit(
  tx: Tx,
  accountId: number | null,
  entryId: number,
): Promise<AuditEntry | null> {
  const rows = await tx.query(sql`/* audit.findAudit */ select ${raw(COLUMNS)} from audit_entry
     where account_id = ${accountId ?? NO_ACCOUNT} and entry_id = ${entryId}`);
  return rows[0] === undefined ? null : entryFromRow(rows[0]);
}

function entryFromRow(row: Row): AuditEntry {
  const accountId = int(row, 'account_id');
  return {
    entryId: int(row, 'entry_id'),
    accountId: accountId === NO_ACCOUNT ? null : accountId,
    atMs: ms(row, 'at'),
    actor: text(row, 'actor'),
    isOperator: bool(row, 'is_operator'),
    action: oneOf(row, 'action', auditedActions),
    target: text(row, 'target'),
    summary: text(row, 'summary'),
    // insertAudit wrote it in this form.
    changes: JSON.parse(text(row, 'changes')) as readonly FieldChange[],
    requestId: textOrNull(row, 'request_id'),
    address: textOrNull(row, 'address'),
  };
}
