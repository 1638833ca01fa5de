import { isOperator, requireAccount, requireScope } from '../access/authorize.ts';
import { parseTimeZone } from '../core/calendar.ts';
import type { Clock } from '../core/clock.ts';
import { AccountClosedError, NotFoundError, UserInputError } from '../core/errors.ts';
import { encodeId, unknownId, type Actor } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import { parseOptionalText, parseText } from '../core/text.ts';
import type { Database, Tx } from '../db/database.ts';
import { nowUnderLock, parseEmails, type Account } from './account.ts';
import {
  type AccountList,
  countAccounts,
  findAccountByExternalId,
  findAccountId,
  findClosed,
  holdAccount,
  listAccounts,
  loadAccounts,
  lockAccount,
} from './account.store.ts';

export interface UpdateAccountRequest {
  readonly accountId?: string | null;
  readonly name?: string | null;
  readonly timeZone?: string | null;
  readonly notificationEmails?: readonly string[] | null;
}

/** The changes to an account; null leaves a field as it is. */
export interface AccountChanges {
  readonly name: string | null;
  readonly timeZone: string | null;
  readonly notificationEmails: readonly string[] | null;
}

/** @throws UserInputError naming the field */
export function parseAccountChanges(request: UpdateAccountRequest): AccountChanges {
  const { name = null, timeZone = null, notificationEmails = null } = request;
  return {
    name: parseOptionalText(name, ['input', 'name']),
    timeZone: timeZone === null ? null : parseTimeZone(timeZone, ['input', 'timeZone']),
    notificationEmails: notificationEmails === null ? null : parseEmails(notificationEmails),
  };
}

export class AccountService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The real time, epoch ms: when something is written, whatever the account's clock says. */
  realNowMs(): number {
    return this.clock.nowMs();
  }

  /** The account named by id or external id, or the caller's own. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async find(
    actor: Actor,
    tx: Tx,
    named: { readonly id?: string | null; readonly externalId?: string | null },
  ): Promise<Account> {
    const { id = null, externalId = null } = named;
    if (externalId === null) {
      const accountId = requireAccount(actor, 'READ_USAGE', { accountId: id, path: ['id'] });
      return this.get(tx, accountId, id ?? undefined);
    }
    if (id !== null) {
      throw new UserInputError('Name the account by id or by externalId, not by both.', {
        path: ['externalId'],
      });
    }
    return this.getNamed(actor, tx, externalId);
  }

  /** The number of the open account with an externalId; null when there is none. */
  async findNumber(tx: Tx, externalId: string): Promise<number | null> {
    const accountId = await findAccountId(tx, externalId);
    if (accountId === null) return null;
    return (await findClosed(tx, [accountId])).has(accountId) ? null : accountId;
  }

  /** Those of some accounts that are closed. */
  async findClosed(tx: Tx, accountIds: readonly number[]): Promise<ReadonlySet<number>> {
    return findClosed(tx, accountIds);
  }

  /** Keeps an account open until the transaction ends. @throws NOT_FOUND, ACCOUNT_CLOSED */
  async holdOpen(tx: Tx, accountId: number, asNamed?: string): Promise<void> {
    const account = await holdAccount(tx, accountId);
    if (account === null) throw unknownId(asNamed ?? encodeId('Account', accountId, accountId));
    requireOpen(account);
  }

  private async getNamed(actor: Actor, tx: Tx, externalId: string): Promise<Account> {
    requireScope(actor, 'READ_USAGE');
    parseText(externalId, ['externalId']);
    const account = await findAccountByExternalId(tx, externalId);
    if (account !== null && (isOperator(actor) || account.accountId === actor.accountId)) {
      return account;
    }
    throw new NotFoundError(
      `No account has the externalId ${JSON.stringify(externalId.slice(0, 80))}.`,
      { path: ['externalId'] },
    );
  }

  /** @throws NOT_FOUND */
  async get(tx: Tx, accountId: number, asNamed?: string): Promise<Account> {
    const [account] = await loadAccounts(tx, [accountId]);
    if (account !== undefined) return account;
    throw unknownId(asNamed ?? encodeId('Account', accountId, accountId));
  }

  /** Accounts by id. @throws FORBIDDEN for all but operators */
  async list(actor: Actor, tx: Tx, list: AccountList): Promise<readonly Account[]> {
    requireScope(actor, 'OPERATOR');
    return listAccounts(tx, list);
  }

  async count(tx: Tx, search: string | null): Promise<number> {
    return countAccounts(tx, search);
  }

  /**
   * Runs a write on one account's data, at its now, in a transaction that holds the account's lock.
   * @throws NOT_FOUND; ACCOUNT_CLOSED; UNAVAILABLE when this gateway's clock is ahead of the database's
   */
  async inAccount<T>(
    accountId: number,
    work: (tx: Tx, account: Account, nowMs: number) => Promise<T>,
  ): Promise<T> {
    return this.inAccountReading(accountId, () => Promise.resolve(), work);
  }

  /** The same. What `read` reads under the lock takes no round trip of its own. */
  async inAccountReading<R, T>(
    accountId: number,
    read: (tx: Tx) => Promise<R>,
    work: (tx: Tx, account: Account, nowMs: number, read: R) => Promise<T>,
  ): Promise<T> {
    return this.database.inTransaction({ accountId }, async (tx) => {
      // The lock comes first, so that what is read cannot change before the work decides.
      const locking = this.lock(tx, accountId);
      const [{ account, nowMs }, known] = await Promise.all([locking, read(tx)]);
      requireOpen(account);
      return work(tx, account, nowMs, known);
    });
  }

  /** Locks an account and reads its now. @throws NOT_FOUND; UNAVAILABLE when this gateway's clock is ahead of the database's */
  async lock(
    tx: Tx,
    accountId: number,
  ): Promise<{ readonly account: Account; readonly nowMs: number }> {
    // The wait for the lock and the answer's travel time must not look like a clock that is ahead.
    const askedMs = this.clock.nowMs();
    const locked = await lockAccount(tx, accountId);
    if (locked === null) throw unknownId(encodeId('Account', accountId, accountId));
    const { account, databaseMs } = locked;
    const nowMs = nowUnderLock(account, { askedMs, nowMs: this.clock.nowMs(), databaseMs });
    return { account, nowMs };
  }
}

function requireOpen({ closedAtMs }: Account): void {
  if (closedAtMs === null) return;
  throw new AccountClosedError(
    `The account was closed at ${isoInstant(closedAtMs)}: nothing is written to it any more.`,
  );
}
