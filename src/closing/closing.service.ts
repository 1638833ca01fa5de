// The end of an account. It is closed under its lock, as all its writes are made. So what was acknowledged before is charged, and
// what comes later finds it closed (AccountService.inAccount).

import { requireAccount } from '../access/authorize.ts';
import type { KeyService } from '../access/key.service.ts';
import type { Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { closeAccount } from '../account/account.store.ts';
import { auditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import { ConflictError } from '../core/errors.ts';
import { type Actor, encodeId } from '../core/identity.ts';
import type { Database, Tx } from '../db/database.ts';
import { endHosting } from '../engine/writes.ts';
import { failPendingEmails } from '../notifications/emails.store.ts';
import { failAllPending } from '../partners/deliveries.store.ts';
import { disableEndpoints } from '../partners/webhooks.store.ts';
import { saveStops } from '../resources/resources.store.ts';
import type { SettlementService } from '../settlement/settlement.service.ts';
import { endDue } from '../settlement/state.store.ts';
import type { StatementService } from '../statements/statements.service.ts';
import { eraseGuardedTexts, erasePersonalTexts } from './erasing.store.ts';

/** The failure message of deployments, messages and emails that the closing ended. */
const CLOSED_MESSAGE = 'The account was closed.';
/** For each SQL statement: an account may have very many emails and messages. */
const WITHIN_MS = 60_000;

export interface ClosingDeps {
  readonly database: Database;
  readonly accounts: AccountService;
  readonly settlements: SettlementService;
  readonly keys: KeyService;
  readonly statements: StatementService;
}

export class ClosingService {
  constructor(private readonly deps: ClosingDeps) {}

  /**
   * Closes an account at its now; one that is closed is returned unchanged.
   * @throws FORBIDDEN for all but operators, NOT_FOUND
   */
  async close(actor: Actor, named: string): Promise<Account> {
    const { database, accounts, keys } = this.deps;
    const accountId = requireAccount(actor, 'OPERATOR', { accountId: named, path: ['accountId'] });
    const closed = await database.inTransaction({ accountId }, async (tx) => {
      const { account, nowMs } = await accounts.lock(tx, accountId);
      if (account.closedAtMs !== null) return account;
      await this.stop(actor, { tx, account, nowMs });
      await this.endAccess(tx, accountId);
      return accounts.get(tx, accountId);
    });
    keys.forget();
    return closed;
  }

  /**
   * Erases the personal data of a closed account for good; one whose data was erased is returned unchanged.
   * @throws FORBIDDEN for all but operators, NOT_FOUND, CONFLICT while it is open or a statement is not issued yet
   */
  async erase(actor: Actor, named: string): Promise<Account> {
    const { database, accounts } = this.deps;
    const path = ['accountId'];
    const accountId = requireAccount(actor, 'OPERATOR', { accountId: named, path });
    // As an operator: an account may not change its emails, keys and audit entries.
    const erasing = <T>(work: (tx: Tx) => Promise<T>): Promise<T | Account> =>
      database.inTransaction('operator', async (tx) => {
        const { account } = await accounts.lock(tx, accountId);
        if (account.erasedAtMs !== null) return account;
        await this.requireErasable(tx, account, path);
        await tx.allowLong(WITHIN_MS);
        return work(tx);
      });
    // Citus lets only one user use what was written in a transaction. If the second one fails, the call is sent again, and does both.
    if (database.isDistributed) {
      await erasing((tx) => eraseGuardedTexts(tx, accountId));
    }
    return erasing(async (tx) => {
      const nowMs = accounts.realNowMs();
      erasePersonalTexts(tx, accountId, nowMs);
      if (!tx.isDistributed) await eraseGuardedTexts(tx, accountId);
      const entry = auditEntry(actor, {
        action: 'erasePersonalData',
        accountId,
        target: encodeId('Account', accountId, accountId),
        to: { erasedAtMs: nowMs },
      });
      insertAudit(tx, [entry], nowMs);
      return accounts.get(tx, accountId);
    });
  }

  private async requireErasable(tx: Tx, account: Account, path: readonly string[]): Promise<void> {
    if (account.closedAtMs === null) {
      throw new ConflictError('The account is open: close it before its data is erased.', { path });
    }
    // It is signed with the account's name.
    if (await this.deps.statements.isAwaited(tx, account.accountId)) {
      throw new ConflictError(
        'A billing cycle that has ended has no statement yet: try again in a minute.',
        { path },
      );
    }
  }

  private async stop(
    actor: Actor,
    { tx, account, nowMs }: { readonly tx: Tx; readonly account: Account; readonly nowMs: number },
  ): Promise<void> {
    const { accountId, name } = account;
    const stopped: number[] = [];
    await this.deps.settlements.move({ tx, account }, nowMs, ({ draft, audited }) => {
      stopped.push(...endHosting(draft));
      const target = encodeId('Account', accountId, accountId);
      const to = { closedAtMs: nowMs };
      audited.push(auditEntry(actor, { action: 'closeAccount', accountId, target, name, to }));
      return Promise.resolve();
    });
    if (stopped.length > 0) {
      const stops = stopped.map((resourceId) => ({ resourceId, atMs: nowMs }));
      await saveStops(tx, accountId, stops, CLOSED_MESSAGE);
    }
    await closeAccount(tx, accountId, nowMs);
    await endDue(tx, accountId);
  }

  // After the settlement: what it has told of is not sent either.
  private async endAccess(tx: Tx, accountId: number): Promise<void> {
    const { accounts, keys } = this.deps;
    const realNowMs = accounts.realNowMs();
    await tx.allowLong(WITHIN_MS);
    await keys.revokeAll(tx, accountId, realNowMs);
    await disableEndpoints(tx, accountId, realNowMs);
    await failAllPending(tx, accountId, CLOSED_MESSAGE);
    await failPendingEmails(tx, accountId, CLOSED_MESSAGE);
  }
}
