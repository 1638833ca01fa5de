// Reading the audit log. It is written by the services that change something (src/audit).

import { isOperator, requireAccount, requireRef } from '../access/authorize.ts';
import { type AuditedAction, auditedActions, type AuditEntry } from '../audit/audit.ts';
import { type AuditList, countAudit, findAudit, listAudit } from '../audit/audit.store.ts';
import { UserInputError } from '../core/errors.ts';
import { type Actor, decodeId, NO_ACCOUNT, unknownId } from '../core/identity.ts';
import type { Range } from '../core/range.ts';
import type { Tx } from '../db/database.ts';
import type { Account } from './account.ts';
import type { AccountService } from './account.service.ts';
import { firstAccountCycle } from './cycle.ts';
import { type DateRangeRequest, resolveRangeAt } from './range.ts';

/** Which entries are asked for; null is no condition. */
export interface AuditRequest {
  readonly accountId: string | null;
  readonly action: string | null;
  readonly actor: string | null;
  readonly target: string | null;
  readonly range: DateRangeRequest | null;
}

export class AuditLogService {
  constructor(private readonly accounts: Pick<AccountService, 'get'>) {}

  /**
   * The entries of an account, or, for an operator who names none, all of them; newest first.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async list(
    actor: Actor,
    tx: Tx,
    asked: {
      readonly request: AuditRequest;
      readonly page: Parameters<typeof listAudit>[2];
      readonly nowMs: number;
    },
  ): Promise<{
    readonly entries: readonly AuditEntry[];
    readonly countAll: () => Promise<number>;
  }> {
    const { request, page, nowMs } = asked;
    const account = await this.accountOf(actor, tx, request.accountId);
    const list: AuditList = {
      accountId: account?.accountId ?? null,
      action: request.action === null ? null : parseAction(request.action),
      actor: request.actor === null ? null : nameOf(request.actor, account),
      target: request.target,
      range: request.range === null ? null : rangeOf(request.range, account, nowMs),
    };
    const entries = await listAudit(tx, list, page);
    return {
      entries: entries.map((entry) => asShownTo(actor, entry)),
      countAll: () => countAudit(tx, list),
    };
  }

  /** The entry with an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<AuditEntry> {
    const ref = requireRef(actor, 'MANAGE', { id, types: ['AuditEntry'], path: ['id'] });
    const entry = await findAudit(
      tx,
      ref.accountId === NO_ACCOUNT ? null : ref.accountId,
      ref.localId,
    );
    if (entry === null) throw unknownId(id, ['id']);
    return asShownTo(actor, entry);
  }

  private async accountOf(actor: Actor, tx: Tx, named: string | null): Promise<Account | null> {
    if (named === null && isOperator(actor)) return null;
    const accountId = requireAccount(actor, 'MANAGE', { accountId: named, path: ['accountId'] });
    return this.accounts.get(tx, accountId, named ?? undefined);
  }
}

// An account sees what operators did to it, but not from where.
function asShownTo(actor: Actor, entry: AuditEntry): AuditEntry {
  return entry.isOperator && !isOperator(actor) ? { ...entry, address: null } : entry;
}

function parseAction(action: string): AuditedAction {
  const known = Object.values(auditedActions).find((one) => one === action);
  if (known !== undefined) return known;
  throw new UserInputError(
    `action is ${JSON.stringify(action.slice(0, 80))}; it must be the name of a mutation that is logged: ${Object.values(auditedActions).join(', ')}.`,
    { path: ['action'] },
  );
}

/** The name of an actor, which may be given as the id of a key of the account's or of an operator's. */
function nameOf(actor: string, account: Account | null): string {
  const ref = decodeId(actor);
  if (ref?.type !== 'ApiKey') return actor;
  const mayAct = account === null || [0, account.accountId].includes(ref.accountId);
  return mayAct ? `key:${ref.localId}` : actor;
}

// Entries have real times, also those of a test account. Without an account, days are in UTC and cycles begin on the first.
function rangeOf(request: DateRangeRequest, account: Account | null, nowMs: number): Range {
  const { timeZone, cycleDay } = account ?? { timeZone: 'UTC', cycleDay: 1 };
  const calendar = { timeZone, cycleDay };
  const cycle =
    account === null || account.isTest ? firstAccountCycle(calendar, nowMs) : account.cycle;
  return resolveRangeAt(request, { ...calendar, cycle }, nowMs);
}
