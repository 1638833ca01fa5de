// An account with its credits: creating and changing it, its policy, and the clock of a test account.

import { requireAccount, requireScope } from '../access/authorize.ts';
import {
  type Account,
  type Creation,
  creationOf,
  type CreateAccountRequest,
  type NewAccount,
  parseNewAccount,
  parseTestClock,
} from '../account/account.ts';
import {
  type AccountService,
  parseAccountChanges,
  type UpdateAccountRequest,
} from '../account/account.service.ts';
import { insertAccount, takeLocalIds, updateAccount } from '../account/account.store.ts';
import { auditEntry, type Fields, type NewAuditEntry } from '../audit/audit.ts';
import { addCalendar } from '../core/calendar.ts';
import { ConflictError, UserInputError } from '../core/errors.ts';
import { type Actor, encodeId } from '../core/identity.ts';
import { formatMicro, parseMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import type { Database, Tx } from '../db/database.ts';
import { firstCycle } from '../account/cycle.ts';
import {
  type AccountDefaults,
  parsePolicy,
  type PolicyRequest,
  shippedDefaults,
} from './policy.ts';
import { firstThresholds } from './thresholds.ts';
import type { SettlementService } from '../settlement/settlement.service.ts';
import { insertState, savePolicy } from '../settlement/state.store.ts';
import { insertAlertRules } from '../settlement/thresholds.store.ts';
import { limitMeasures, type AlertRuleMeasure } from '../engine/alert-rules.ts';
import { setPolicy, setTimeZone } from '../engine/writes.ts';

const TEST_CLOCK_STEP_MONTHS = 24;

/** The arguments of createAccount, as the API takes them. */
export interface OpenAccountRequest extends CreateAccountRequest, PolicyRequest {
  readonly usageThresholds?: readonly string[] | null;
  readonly hoursToStop?: readonly string[] | null;
}

export class CreditAccountService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountService,
    private readonly settlements: SettlementService,
    private readonly defaults: AccountDefaults = shippedDefaults,
  ) {}

  /** The same externalId and body again returns the first account. @throws FORBIDDEN, BAD_USER_INPUT, CONFLICT */
  async create(actor: Actor, request: OpenAccountRequest): Promise<Account> {
    requireScope(actor, 'OPERATOR');
    const account = parseNewAccount(request, this.accounts.realNowMs());
    const policy = parsePolicy(request, this.defaults.policy);
    const thresholds = firstThresholds(
      request.usageThresholds ?? this.defaults.usageThresholds,
      request.hoursToStop ?? this.defaults.hoursToStop,
    );
    const creation = { ...creationOf(account, request), ...termsOf(request) };
    const earlier = { ...creationOf(account, request), ...earlierTermsOf(request) };
    return this.database.inTransaction('operator', async (tx) => {
      const made = await insertAccount(tx, account, [creation, earlier]);
      if (!made.isSameRequest) {
        throw new ConflictError(
          `An account with the externalId ${JSON.stringify(account.externalId)} exists and was created with other values.`,
          { path: ['input', 'externalId'] },
        );
      }
      if (!made.isNew) return made.account;
      const { accountId } = made.account;
      const cycle = firstCycle(account, account.creditsFromMs);
      await insertState(tx, { accountId, policy, cycle });
      const limits = Object.values(limitMeasures).map((measure) => ({
        measure,
        valueMicro: 0n,
        label: null,
      }));
      await this.insertFirstAlertRules(tx, made.account, [...limits, ...thresholds]);
      const entry = auditEntry(actor, {
        action: 'createAccount',
        accountId,
        target: encodeId('Account', accountId, accountId),
        name: account.name,
        to: { ...auditedAccount(account), ...policy, isTest: account.isTest },
      });
      return this.settleIn(tx, accountId, { testClockMs: request.testClock ?? null, entry });
    });
  }

  /**
   * A new zone changes days and months of views at once, cycles from the next one on.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async update(actor: Actor, request: UpdateAccountRequest): Promise<Account> {
    const accountId = requireAccount(actor, 'MANAGE', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    const changes = parseAccountChanges(request);
    return this.settlements.inAccount(accountId, async ({ tx, account, draft, audited }) => {
      await updateAccount(tx, accountId, changes);
      if (changes.timeZone !== null) setTimeZone(draft, changes.timeZone);
      const changed = await this.accounts.get(tx, accountId);
      const entry = auditEntry(actor, {
        action: 'updateAccount',
        accountId,
        target: encodeId('Account', accountId, accountId),
        name: account.name,
        from: auditedAccount(account),
        to: auditedAccount(changed),
      });
      if (entry.changes.length > 0) audited.push(entry);
      return changed;
    });
  }

  /**
   * Moves a test account's time forward: all that is due until then happens, at its own instants.
   * @throws FORBIDDEN, NOT_FOUND; CONFLICT for a real account; BAD_USER_INPUT when it goes back or too far
   */
  async advanceTestClock(
    actor: Actor,
    request: { readonly accountId: string | null; readonly toMs: number },
  ): Promise<Account> {
    const accountId = requireAccount(actor, 'OPERATOR', {
      accountId: request.accountId,
      path: ['accountId'],
    });
    const toMs = parseTestClock(request.toMs, ['to']);
    return this.accounts.inAccount(accountId, async (tx, account) => {
      if (!account.isTest) {
        throw new ConflictError(
          'The account goes by the real time: only an account that was created with testClock can be moved.',
          { path: ['accountId'] },
        );
      }
      requireStep(account.settledAtMs, toMs);
      await this.settlements.move({ tx, account }, toMs, ({ audited }) => {
        const entry = auditEntry(actor, {
          action: 'advanceTestClock',
          accountId,
          target: encodeId('Account', accountId, accountId),
          name: account.name,
          from: { clockMs: account.settledAtMs },
          to: { clockMs: toMs },
        });
        if (entry.changes.length > 0) audited.push(entry);
        return Promise.resolve();
      });
      return this.accounts.get(tx, accountId);
    });
  }

  /** Fields that are left out stay as they are. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async setPolicy(
    actor: Actor,
    request: PolicyRequest & { readonly accountId?: string | null },
  ): Promise<Account> {
    const accountId = requireAccount(actor, 'OPERATOR', {
      accountId: request.accountId,
      path: ['input', 'accountId'],
    });
    return this.settlements.inAccount(accountId, async ({ tx, account, draft, audited }) => {
      const before = draft.state.policy;
      const policy = parsePolicy(request, before);
      await savePolicy(tx, accountId, policy);
      setPolicy(draft, policy);
      const entry = auditEntry(actor, {
        action: 'setCreditPolicy',
        accountId,
        target: encodeId('Account', accountId, accountId),
        name: account.name,
        from: { ...before },
        to: { ...policy },
      });
      if (entry.changes.length > 0) audited.push(entry);
      return account;
    });
  }

  private async insertFirstAlertRules(
    tx: Tx,
    account: Account,
    alertRules: readonly {
      readonly measure: AlertRuleMeasure;
      readonly valueMicro: bigint;
      readonly label: string | null;
    }[],
  ): Promise<void> {
    const firstId = await takeLocalIds(tx, account.accountId, alertRules.length);
    await insertAlertRules(
      tx,
      account.accountId,
      alertRules.map((rule, index) => ({ ...rule, ruleId: firstId + index })),
      account.createdAtMs,
    );
  }

  // What is due since the account's credits began happens at once.
  private async settleIn(
    tx: Tx,
    accountId: number,
    { testClockMs, entry }: { readonly testClockMs: number | null; readonly entry: NewAuditEntry },
  ): Promise<Account> {
    const { account, nowMs } = await this.accounts.lock(tx, accountId);
    await this.settlements.move({ tx, account }, testClockMs ?? nowMs, ({ audited }) => {
      audited.push(entry);
      return Promise.resolve();
    });
    return this.accounts.get(tx, accountId);
  }
}

function auditedAccount(account: NewAccount): Fields {
  const { name, externalId, timeZone, cycleDay, notificationEmails } = account;
  return { name, externalId, timeZone, cycleDay, notificationEmails };
}

// Null where the configuration decides: it may differ when the request comes again.
function termsOf(request: OpenAccountRequest): Creation {
  const { usageThresholds = null, hoursToStop = null } = request;
  const { lowCredit, negativeLimit, fineTuningMinimum } = request;
  const level = (credits: string | null | undefined): string | null =>
    credits == null ? null : formatMicro(parseMicro(credits));
  return {
    terms: {
      lowCredit: level(lowCredit),
      negativeLimit: level(negativeLimit),
      fineTuningMinimum: level(fineTuningMinimum),
      usageThresholds,
      hoursToStop,
    },
  };
}

// The form of earlier versions, in which defaults were fixed values. It finds accounts that were created then.
function earlierTermsOf(request: OpenAccountRequest): Creation {
  const level = (credits: string | null | undefined): string =>
    formatMicro(parseMicro(credits ?? '0'));
  return {
    policy: {
      lowCredit: level(request.lowCredit),
      negativeLimit: level(request.negativeLimit),
      fineTuningMinimum: level(request.fineTuningMinimum),
    },
    usageThresholds: request.usageThresholds ?? ['50', '70', '80', '90'],
    hoursToStop: request.hoursToStop ?? ['24'],
  };
}

function requireStep(fromMs: number, toMs: number): void {
  const path = ['to'];
  if (toMs < fromMs) {
    throw new UserInputError(
      `to is ${isoInstant(toMs)}; the account's clock stands at ${isoInstant(fromMs)} and does not go back.`,
      { path },
    );
  }
  const latestMs = addCalendar('UTC', fromMs, { months: TEST_CLOCK_STEP_MONTHS });
  if (toMs > latestMs) {
    throw new UserInputError(
      `to is ${isoInstant(toMs)}; one call moves the clock by two years at most, to ${isoInstant(latestMs)}.`,
      { path },
    );
  }
}
