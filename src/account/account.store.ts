import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Tx } from '../db/database.ts';
import { instantColumn, sequenceColumn, bigintColumn } from '../db/columns.ts';
import {
  at,
  big,
  bool,
  instants,
  int,
  ms,
  msOrNull,
  type Row,
  text,
  textOrNull,
  texts,
} from '../db/decode.ts';
import { raw, sql, type Sql } from '../db/sql.ts';
import { INT_MAX } from '../core/micro.ts';
import { foldText } from '../core/text.ts';
import type { Account, Creation, NewAccount } from './account.ts';

@Entity('account')
export class AccountRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'external_id', type: 'text', nullable: true }) externalId!: string | null;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'folded_name', type: 'text', nullable: true }) foldedName!: string | null;
  @Column({ name: 'folded_external_id', type: 'text', nullable: true }) foldedExternalId!:
    string | null;
  @Column({ name: 'time_zone', type: 'text' }) timeZone!: string;
  @Column({ name: 'cycle_day', type: 'int' }) cycleDay!: number;
  @Column({ name: 'notification_emails', type: 'text', array: true }) notificationEmails!: string[];
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'credits_from', ...instantColumn }) creditsFromMs!: number;
  @Column({ name: 'is_test', type: 'boolean' }) isTest!: boolean;
  @Column({ name: 'closed_at', ...instantColumn, nullable: true }) closedAtMs!: number | null;
  @Column({ name: 'erased_at', ...instantColumn, nullable: true }) erasedAtMs!: number | null;
  @Column({ name: 'settled_at', ...instantColumn }) settledAtMs!: number;
  @Column({ name: 'cycle_starts_at', ...instantColumn }) cycleStartMs!: number;
  @Column({ name: 'cycle_ends_at', ...instantColumn }) cycleEndMs!: number;
  @Column({ name: 'earlier_cycle_starts', type: 'timestamptz', array: true })
  earlierCycleStarts!: Date[];
  @Column({ name: 'creation', type: 'jsonb' }) creation!: unknown;
  @Column({ name: 'last_local_id', ...sequenceColumn }) lastLocalId!: number;
  @Column({ name: 'last_seq', ...sequenceColumn }) lastSeq!: number;
  @Column({ name: 'last_change', ...sequenceColumn }) lastChange!: number;
  @Column({ name: 'recorded_quantity', ...bigintColumn }) recordedQuantity!: bigint;
  @Column({ name: 'recorded_credits_micro', ...bigintColumn }) recordedCreditsMicro!: bigint;
}

@Entity('account_directory')
export class AccountDirectoryRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'external_id', type: 'text', nullable: true }) externalId!: string | null;
}

/** The columns of an account, for any statement on its table alone. */
export const ACCOUNT_COLUMNS = sql`account_id, external_id, name, time_zone, cycle_day, notification_emails, created_at,
  credits_from, is_test, settled_at, cycle_starts_at, cycle_ends_at, earlier_cycle_starts, last_seq,
  recorded_quantity, recorded_credits_micro, closed_at, erased_at`;

/** An account under its lock. */
export interface LockedAccount {
  readonly account: Account;
  /** The database's clock, epoch ms, when the lock was granted. */
  readonly databaseMs: number;
}

/**
 * Locks the account's row for the transaction. Every write of an account's data begins here, so that writes of one
 * account follow one another. @returns null when there is no such account
 */
export async function lockAccount(tx: Tx, accountId: number): Promise<LockedAccount | null> {
  // The clock is read from the locked row, so it is read after the wait for the lock.
  const rows = await tx.query(sql`/* account.lockAccount */ with locked as materialized (
       select ${ACCOUNT_COLUMNS} from account where account_id = ${accountId} for no key update)
     select *, clock_timestamp() as database_now from locked`);
  return rows[0] === undefined ? null : lockedFromRow(rows[0]);
}

/** Reads an account, and holds off whoever would change its row until the transaction ends. */
export async function holdAccount(tx: Tx, accountId: number): Promise<Account | null> {
  const rows = await tx.query(
    sql`/* account.holdAccount */ select ${ACCOUNT_COLUMNS} from account where account_id = ${accountId} for share`,
  );
  return rows[0] === undefined ? null : accountFromRow(rows[0]);
}

/** Closes a locked account. */
export async function closeAccount(tx: Tx, accountId: number, atMs: number): Promise<void> {
  await tx.query(
    sql`/* account.closeAccount */ update account set closed_at = ${at(atMs)} where account_id = ${accountId}`,
  );
}

/** Those of some accounts that are closed. */
export async function findClosed(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlySet<number>> {
  const rows = await tx.query(sql`/* account.findClosed */ select account_id from account
     where account_id = any(${accountIds}::int[]) and closed_at is not null`);
  return new Set(rows.map((row) => int(row, 'account_id')));
}

/** Numbers new rows of a locked account. @returns the first of `count` consecutive local ids */
export async function takeLocalIds(tx: Tx, accountId: number, count: number): Promise<number> {
  const rows =
    await tx.query(sql`/* account.takeLocalIds */ update account set last_local_id = last_local_id + ${count}
     where account_id = ${accountId} returning last_local_id as last`);
  return int(rows[0] ?? {}, 'last') - count + 1;
}

/** The accounts with these ids, in no order. */
export async function loadAccounts(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly Account[]> {
  const rows = await tx.query(sql`/* account.loadAccounts */ select ${ACCOUNT_COLUMNS} from account
     where account_id = any(${accountIds}::int[])`);
  return rows.map(accountFromRow);
}

export async function findAccountByExternalId(tx: Tx, externalId: string): Promise<Account | null> {
  const accountId = await findAccountId(tx, externalId);
  if (accountId === null) return null;
  const [account] = await loadAccounts(tx, [accountId]);
  return account ?? null;
}

/** The number of the account with an external id; null when there is none. */
export async function findAccountId(tx: Tx, externalId: string): Promise<number | null> {
  const accountIds = await findAccountIds(tx, [externalId]);
  return accountIds.get(externalId) ?? null;
}

/** The numbers of accounts by their external ids; unknown ones are left out. */
export async function findAccountIds(
  tx: Tx,
  externalIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows =
    await tx.query(sql`/* account.findAccountIds */ select external_id, account_id from account_directory
     where external_id = any(${externalIds}::text[])`);
  return new Map(rows.map((row) => [text(row, 'external_id'), int(row, 'account_id')]));
}

/** Which accounts to list: between two ids, the first or the last of them. */
export interface AccountList {
  readonly afterId: number | null;
  readonly beforeId: number | null;
  readonly limit: number;
  readonly isFromEnd: boolean;
  /** Folded; null: all. */
  readonly search: string | null;
}

// Rows that an earlier version of the gateway writes leave the folded columns empty.
export const FOLDED_NAME = sql`coalesce(folded_name, lower(name))`;
const FOLDED_EXTERNAL_ID = sql`coalesce(folded_external_id, lower(external_id))`;

/** The condition that an account matches a folded search; null matches all. */
export function isFoundBy(search: string | null): Sql {
  if (search === null) return sql`true`;
  return sql`(position(${search} in ${FOLDED_NAME}) > 0 or position(${search} in ${FOLDED_EXTERNAL_ID}) > 0)`;
}

/** Accounts between two ids, by id. `search` is a folded part of the name or the external id. */
export async function listAccounts(tx: Tx, list: AccountList): Promise<readonly Account[]> {
  const rows = await tx.query(sql`/* account.listAccounts */ select ${ACCOUNT_COLUMNS} from account
     where account_id > ${list.afterId ?? 0} and account_id < ${list.beforeId ?? INT_MAX} and ${isFoundBy(list.search)}
     order by account_id ${raw(list.isFromEnd ? 'desc' : 'asc')} limit ${list.limit}`);
  const accounts = rows.map(accountFromRow);
  return list.isFromEnd ? accounts.reverse() : accounts;
}

export async function countAccounts(tx: Tx, search: string | null): Promise<number> {
  const rows = await tx.query(
    sql`/* account.countAccounts */ select count(*) from account where ${isFoundBy(search)}`,
  );
  return int(rows[0] ?? {}, 'count');
}

interface InsertedAccount {
  readonly account: Account;
  readonly isNew: boolean;
  readonly isSameRequest: boolean;
}

/**
 * Inserts an account, or finds the one with its external id.
 * @param creations the request in its stored form, and in forms that earlier versions stored
 * @returns the account, and whether it was created by one of `creations`
 */
export async function insertAccount(
  tx: Tx,
  account: NewAccount,
  creations: readonly [Creation, ...Creation[]],
): Promise<InsertedAccount> {
  const { externalId, name, cycle } = account;
  const accountId = await insertName(tx, externalId);
  if (accountId === null) return findCreated(tx, externalId ?? '', creations);
  const rows = await tx.query(sql`/* account.insertAccount */ insert into account
       (account_id, external_id, name, folded_name, folded_external_id, time_zone, cycle_day, notification_emails,
        created_at, credits_from, settled_at, is_test, creation,
        cycle_starts_at, cycle_ends_at, earlier_cycle_starts)
     values (${accountId}, ${externalId}, ${name}, ${foldText(name)}, ${foldedOrNull(externalId)}, ${account.timeZone}, ${account.cycleDay}, ${account.notificationEmails},
        ${at(account.createdAtMs)}, ${at(account.creditsFromMs)}, ${at(account.settledAtMs)}, ${account.isTest}, ${JSON.stringify(creations[0])},
        ${at(cycle.startMs)}, ${at(cycle.endMs)}, ${cycle.earlierStartsMs.map(at)})
     returning ${ACCOUNT_COLUMNS}`);
  return { account: accountFromRow(rows[0] ?? {}), isNew: true, isSameRequest: true };
}

/** Numbers a new account. @returns null when there is one with its external id */
async function insertName(tx: Tx, externalId: string | null): Promise<number | null> {
  const rows =
    await tx.query(sql`/* account.insertName */ insert into account_directory (external_id) values (${externalId})
     on conflict (external_id) do nothing returning account_id`);
  return rows[0] === undefined ? null : int(rows[0], 'account_id');
}

async function findCreated(
  tx: Tx,
  externalId: string,
  creations: readonly Creation[],
): Promise<InsertedAccount> {
  const accountId = await findAccountId(tx, externalId);
  const sameCreations = creations.map((creation) => JSON.stringify(creation));
  const rows =
    await tx.query(sql`/* account.findCreated */ select ${ACCOUNT_COLUMNS}, creation = any(${sameCreations}::jsonb[]) as same
     from account where account_id = ${accountId}`);
  const existing = rows[0] ?? {};
  return {
    account: accountFromRow(existing),
    isNew: false,
    isSameRequest: existing['same'] === true,
  };
}

export async function updateAccount(
  tx: Tx,
  accountId: number,
  changes: {
    readonly name: string | null;
    readonly timeZone: string | null;
    readonly notificationEmails: readonly string[] | null;
  },
): Promise<void> {
  await tx.query(sql`/* account.updateAccount */ update account set name = coalesce(${changes.name}, name),
       folded_name = coalesce(${foldedOrNull(changes.name)}, folded_name), time_zone = coalesce(${changes.timeZone}, time_zone),
       notification_emails = coalesce(${changes.notificationEmails}, notification_emails)
     where account_id = ${accountId}`);
}

function foldedOrNull(text: string | null): string | null {
  return text === null ? null : foldText(text);
}

/** Reads a row that has `database_now`. */
export function lockedFromRow(row: Row): LockedAccount {
  return { account: accountFromRow(row), databaseMs: ms(row, 'database_now') };
}

export function accountFromRow(row: Row): Account {
  return {
    accountId: int(row, 'account_id'),
    externalId: textOrNull(row, 'external_id'),
    name: text(row, 'name'),
    timeZone: text(row, 'time_zone'),
    cycleDay: int(row, 'cycle_day'),
    notificationEmails: texts(row, 'notification_emails'),
    createdAtMs: ms(row, 'created_at'),
    creditsFromMs: ms(row, 'credits_from'),
    isTest: bool(row, 'is_test'),
    settledAtMs: ms(row, 'settled_at'),
    cycle: {
      startMs: ms(row, 'cycle_starts_at'),
      endMs: ms(row, 'cycle_ends_at'),
      earlierStartsMs: instants(row, 'earlier_cycle_starts'),
    },
    recorded: {
      lastSeq: int(row, 'last_seq'),
      quantity: big(row, 'recorded_quantity'),
      creditsMicro: big(row, 'recorded_credits_micro'),
    },
    closedAtMs: msOrNull(row, 'closed_at'),
    erasedAtMs: msOrNull(row, 'erased_at'),
  };
}
