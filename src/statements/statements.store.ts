import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { at, bytes, int, ms, type Row, text, textOrNull } from '../db/decode.ts';
import { raw, sql, unnested } from '../db/sql.ts';
import type { Statement, StatementRef, StoredStatement } from './statement.ts';

@Entity('statement')
export class StatementRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'number', type: 'int' }) number!: number;
  @Column({ name: 'document', type: 'text' }) document!: string;
  @Column({ name: 'sha256', type: 'bytea' }) sha256!: Buffer;
  @Column({ name: 'key_id', type: 'text' }) keyId!: string;
  @Column({ name: 'signature', type: 'bytea' }) signature!: Buffer;
  @Column({ name: 'issued_at', ...instantColumn }) issuedAtMs!: number;
  @Column({ name: 'previous_sha256', type: 'bytea', nullable: true })
  previousSha256!: Buffer | null;
  @Column({ name: 'last_sequence', ...sequenceColumn }) lastSequence!: number;
  @Column({ name: 'last_hash', type: 'bytea' }) lastHash!: Buffer;
}

/** First key of the advisory locks on an account's statements ("stmt"); the second one is the account. */
const STATEMENTS_LOCK = 0x73746d74;

const STATEMENT =
  raw(`s.account_id, s.number, encode(s.sha256, 'hex') as sha256, s.key_id, s.signature, s.issued_at,
  encode(s.previous_sha256, 'hex') as previous_sha256, s.last_sequence, encode(s.last_hash, 'hex') as last_hash`);

/** What an account's own row says of its statements. */
export interface StatementHead {
  /** The cycles before it have ended. */
  readonly cycleId: number;
  /** The number of the last statement; 0: there is none. */
  readonly lastNumber: number;
  /** In hex. */
  readonly lastSha256: string | null;
}

/** Accounts with a cycle that has ended and has no statement yet, after an account, by id. */
export async function findWithoutStatement(
  tx: Tx,
  page: { readonly afterId: number; readonly limit: number },
): Promise<readonly number[]> {
  const rows =
    await tx.query(sql`/* statements.findWithoutStatement */ select account_id from credit_state
     where cycle_id > last_statement + 1 and account_id > ${page.afterId} order by account_id limit ${page.limit}`);
  return rows.map((row) => int(row, 'account_id'));
}

/** Locks the making of an account's statements. @returns false while another gateway makes one */
export async function lockStatements(tx: Tx, accountId: number): Promise<boolean> {
  const rows = await tx.query(
    sql`/* statements.lock */ select 1 where pg_try_advisory_xact_lock(${STATEMENTS_LOCK}, ${accountId})`,
  );
  return rows.length > 0;
}

/** @returns null when there is no such account */
export async function loadStatementHead(tx: Tx, accountId: number): Promise<StatementHead | null> {
  const [row] =
    await tx.query(sql`/* statements.loadHead */ select cycle_id, last_statement, encode(last_statement_sha256, 'hex') as sha256
     from credit_state where account_id = ${accountId}`);
  if (row === undefined) return null;
  return {
    cycleId: int(row, 'cycle_id'),
    lastNumber: int(row, 'last_statement'),
    lastSha256: textOrNull(row, 'sha256'),
  };
}

/** Keeps an account's next statement. The account's row tells it from one that is put in its place later. */
export async function insertStatement(tx: Tx, statement: StoredStatement): Promise<void> {
  const { accountId, number, sha256, previousSha256 } = statement;
  const issued =
    await tx.query(sql`/* statements.advance */ update credit_state set last_statement = ${number}, last_statement_sha256 = ${bytea(sha256)}
     where account_id = ${accountId} and last_statement = ${number - 1} returning account_id`);
  if (issued.length === 0) return;
  tx.later(sql`/* statements.insert */ insert into statement (account_id, number, document, sha256, key_id, signature, issued_at,
       previous_sha256, last_sequence, last_hash)
     values (${accountId}, ${number}, ${statement.text}, ${bytea(sha256)}, ${statement.keyId},
       decode(${statement.signature}, 'base64'), ${at(statement.issuedAtMs)},
       ${previousSha256 === null ? null : bytea(previousSha256)}, ${statement.lastSequence}, ${bytea(statement.lastHash)})`);
}

/** The statements with these numbers, in no order; unknown ones are left out. */
export async function loadStatements(
  tx: Tx,
  refs: readonly StatementRef[],
): Promise<readonly Statement[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* statements.load */ select ${STATEMENT} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      number: ['int', (ref) => ref.number],
    })}
     join statement s on s.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and s.number = k.number`),
  );
  return rows.map(statementFromRow);
}

/** The statement with its document; null when it was not issued. */
export async function findStatement(
  tx: Tx,
  { accountId, number }: StatementRef,
): Promise<StoredStatement | null> {
  const [stored] = await listStored(tx, accountId, { after: number - 1, limit: 1 });
  return stored?.number === number ? stored : null;
}

/** Statements of an account with their documents after a number, in order. */
export async function listStored(
  tx: Tx,
  accountId: number,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly StoredStatement[]> {
  const rows =
    await tx.query(sql`/* statements.listStored */ select ${STATEMENT}, s.document from statement s
     where s.account_id = ${accountId} and s.number > ${page.after} order by s.number limit ${page.limit}`);
  return rows.map((row) => ({ ...statementFromRow(row), text: text(row, 'document') }));
}

/** Statements of an account before a number, newest first. */
export async function listStatements(
  tx: Tx,
  page: { readonly accountId: number; readonly before: number; readonly limit: number },
): Promise<readonly Statement[]> {
  const rows = await tx.query(sql`/* statements.list */ select ${STATEMENT} from statement s
     where s.account_id = ${page.accountId} and s.number < ${page.before} order by s.number desc limit ${page.limit}`);
  return rows.map(statementFromRow);
}

export async function countStatements(tx: Tx, accountId: number): Promise<number> {
  const rows = await tx.query(
    sql`/* statements.count */ select count(*) from statement where account_id = ${accountId}`,
  );
  return int(rows[0] ?? {}, 'count');
}

function bytea(hex: string): string {
  return `\\x${hex}`;
}

function statementFromRow(row: Row): Statement {
  return {
    accountId: int(row, 'account_id'),
    number: int(row, 'number'),
    sha256: text(row, 'sha256'),
    keyId: text(row, 'key_id'),
    signature: bytes(row, 'signature').toString('base64'),
    issuedAtMs: ms(row, 'issued_at'),
    previousSha256: textOrNull(row, 'previous_sha256'),
    lastSequence: int(row, 'last_sequence'),
    lastHash: text(row, 'last_hash'),
  };
}
