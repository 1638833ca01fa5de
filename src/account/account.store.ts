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
  type Row,
  text,
  textOrNull,
  texts,
} from '../db/decode.ts';
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

/** The columns of an account, for any statement on its table alone. */
export const ACCOUNT_COLUMNS = `account_id, external_id, name, time_zone, cycle_day, notification_emails, created_at,
  credits_from, is_test, settled_at, cycle_starts_at, cycle_ends_at, earlier_cycle_starts, last_seq,
  recorded_quantity, recorded_credits_micro`;

/** An account under its lock. */
export interface LockedAccount {
  readonly account: Account;
  /** The database's clock, epoch ms, once the lock was had. */
  readonly databaseMs: number;
}

/**
 * Locks the account's row for the transaction: every write of an account's data begins here, so that writes of one
 * account follow one another. @returns null when there is no such account
 */
export async function lockAccount(tx: Tx, accountId: number): Promise<LockedAccount | null> {
  // Read from the locked row, the clock is that of after the wait for the lock.
  const rows = await tx.query(
    `/* account.lockAccount */ with locked as materialized (
       select ${ACCOUNT_COLUMNS} from account where account_id = $1 for no key update)
     select *, clock_timestamp() as database_now from locked`,
    [accountId],
  );
  return rows[0] === undefined ? null : lockedFromRow(rows[0]);
}

/** Numbers new rows of a locked account. @returns the first of `count` consecutive local ids */
export async function takeLocalIds(tx: Tx, accountId: number, count: number): Promise<number> {
  const rows = await tx.query(
    `/* account.takeLocalIds */ update account set last_local_id = last_local_id + $2 where account_id = $1
     returning last_local_id - $2 + 1 as first`,
    [accountId, count],
  );
  return int(rows[0] ?? {}, 'first');
}

/** The accounts with these ids, in no order. */
export async function loadAccounts(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly Account[]> {
  const rows = await tx.query(
    `/* account.loadAccounts */ select ${ACCOUNT_COLUMNS} from account where account_id = any($1)`,
    [accountIds],
  );
  return rows.map(accountFromRow);
}

export async function findAccountByExternalId(tx: Tx, externalId: string): Promise<Account | null> {
  const rows = await tx.query(
    `/* account.findAccountByExternalId */ select ${ACCOUNT_COLUMNS} from account where external_id = $1`,
    [externalId],
  );
  return rows[0] === undefined ? null : accountFromRow(rows[0]);
}

/** Accounts between two, the first or the last so many of them. */
export interface AccountList {
  readonly afterId: number | null;
  readonly beforeId: number | null;
  readonly limit: number;
  readonly isFromEnd: boolean;
  /** Folded; null: all. */
  readonly search: string | null;
}

// A gateway of an earlier version leaves them empty.
export const FOLDED_NAME = 'coalesce(folded_name, lower(name))';
const FOLDED_EXTERNAL_ID = 'coalesce(folded_external_id, lower(external_id))';

/** Whether an account is found by a folded search, `parameter`; null finds all. */
export function isFoundBy(parameter: string): string {
  return `(${parameter}::text is null or position(${parameter} in ${FOLDED_NAME}) > 0
    or position(${parameter} in ${FOLDED_EXTERNAL_ID}) > 0)`;
}

/** Accounts by id, between two; `search` is a folded part of the name or the external id. */
export async function listAccounts(tx: Tx, list: AccountList): Promise<readonly Account[]> {
  const rows = await tx.query(
    `/* account.listAccounts */ select ${ACCOUNT_COLUMNS} from account
     where account_id > $1 and account_id < $2 and ${isFoundBy('$4')}
     order by account_id ${list.isFromEnd ? 'desc' : 'asc'} limit $3`,
    [list.afterId ?? 0, list.beforeId ?? INT_MAX, list.limit, list.search],
  );
  const accounts = rows.map(accountFromRow);
  return list.isFromEnd ? accounts.reverse() : accounts;
}

export async function countAccounts(tx: Tx, search: string | null): Promise<number> {
  const rows = await tx.query(
    `/* account.countAccounts */ select count(*) from account where ${isFoundBy('$1')}`,
    [search],
  );
  return int(rows[0] ?? {}, 'count');
}

/**
 * Inserts an account, or finds the one that has its external id.
 * @param creations the request in the form in which it is kept, and in forms that were used earlier
 * @returns the account, and whether one of `creations` is what it was created with
 */
export async function insertAccount(
  tx: Tx,
  account: NewAccount,
  creations: readonly [Creation, ...Creation[]],
): Promise<{
  readonly account: Account;
  readonly isNew: boolean;
  readonly isSameRequest: boolean;
}> {
  const inserted = await tx.query(
    `/* account.insertAccount */ insert into account
       (external_id, name, time_zone, cycle_day, notification_emails, created_at, credits_from, is_test, settled_at,
        cycle_starts_at, cycle_ends_at, earlier_cycle_starts, creation, folded_name, folded_external_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (external_id) do nothing returning ${ACCOUNT_COLUMNS}`,
    [
      account.externalId,
      account.name,
      account.timeZone,
      account.cycleDay,
      account.notificationEmails,
      at(account.createdAtMs),
      at(account.creditsFromMs),
      account.isTest,
      at(account.settledAtMs),
      at(account.cycle.startMs),
      at(account.cycle.endMs),
      account.cycle.earlierStartsMs.map(at),
      JSON.stringify(creations[0]),
      foldText(account.name),
      foldedOrNull(account.externalId),
    ],
  );
  if (inserted[0] !== undefined) {
    return { account: accountFromRow(inserted[0]), isNew: true, isSameRequest: true };
  }
  const rows = await tx.query(
    `/* account.insertAccount.existing */ select ${ACCOUNT_COLUMNS}, creation = any($2::jsonb[]) as same from account
     where external_id = $1`,
    [account.externalId, creations.map((creation) => JSON.stringify(creation))],
  );
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
  await tx.query(
    `/* account.updateAccount */ update account set name = coalesce($2, name), folded_name = coalesce($5, folded_name), time_zone = coalesce($3, time_zone),
       notification_emails = coalesce($4, notification_emails) where account_id = $1`,
    [
      accountId,
      changes.name,
      changes.timeZone,
      changes.notificationEmails,
      foldedOrNull(changes.name),
    ],
  );
}

function foldedOrNull(text: string | null): string | null {
  return text === null ? null : foldText(text);
}

/** Of a row with `database_now`. */
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
  };
}
