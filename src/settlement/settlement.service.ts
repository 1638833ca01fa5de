// Every write of an account's credits goes through here: lock the account, advance it to its now, run the
// write, and store what changed (ledger, lots, cycles, alert rules, ended segments) together with all that follows
// from it (alerts, emails, webhooks: the subscribers) in the same transaction.

import type { NewAuditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import { type Account, standsStill } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { invariant } from '../core/errors.ts';
import type { Tx } from '../db/database.ts';
import { saveSettledSegments } from '../hosting/hosting.store.ts';
import { saveStops } from '../resources/resources.store.ts';
import { insertMadeLots } from './credits.store.ts';
import { advance, forecast, type Forecast, nextDueMs } from '../engine/clock.ts';
import { Draft, type MadeLot } from '../engine/draft.ts';
import { chained } from './ledger-hash.service.ts';
import { insertLines } from './ledger.store.ts';
import { balanceOf, type Lot, type Wallet } from '../engine/lots.ts';
import { closedCycles, type CreditEvent } from '../engine/credit-event.ts';
import type { AccountState } from '../engine/state.ts';
import { loadStates, savePosition } from './state.store.ts';
import { saveAlertRules } from './thresholds.store.ts';
import type { Position, AlertRule } from '../engine/alert-rules.ts';

/** The failure message of deployments that the negative limit stopped. */
export const STOPPED_MESSAGE =
  "You've used all your available credits. Please add more credits to your account to continue.";

/** An account under its lock, advanced to its now. */
export interface OpenAccount {
  readonly tx: Tx;
  readonly account: Account;
  readonly nowMs: number;
  /** Changed by engine/writes.ts, and stored afterwards. It also numbers new rows (`takeLocalId`). */
  readonly draft: Draft;
  /** Entries of the audit log to store with it. */
  readonly audited: NewAuditEntry[];
}

/** What happened to an account, for the subscribers. */
export interface Settled {
  readonly tx: Tx;
  readonly account: Account;
  /** In the order of time; never empty. */
  readonly creditEvents: readonly CreditEvent[];
  /** The real time. */
  readonly recordedAtMs: number;
  /** The account's figures after all of it. */
  readonly position: Position;
  /** The forecast from there. It is computed when called. */
  readonly forecast: () => Forecast;
}

/** Receives what happened, inside the transaction that stores it. An error rolls everything back. */
export interface CreditEventSubscriber {
  settled(settled: Settled): Promise<void>;
}

export class SettlementService {
  constructor(
    private readonly accounts: AccountService,
    private readonly subscribers: readonly CreditEventSubscriber[],
  ) {}

  /**
   * Runs a write on an account's credits. `work` must have no effect outside its transaction.
   * @throws as AccountService.inAccount
   */
  async inAccount<T>(accountId: number, work: (open: OpenAccount) => Promise<T>): Promise<T> {
    return this.accounts.inAccountReading(
      accountId,
      (tx) => loadStates(tx, [accountId]),
      (tx, account, nowMs, states) => this.moveFrom(states, { tx, account }, nowMs, work),
    );
  }

  /**
   * Advances a locked account to an instant and runs a write there. What was due until then is stored first, so that the rows
   * that `work` reads agree with the draft.
   */
  async move<T>(
    locked: { readonly tx: Tx; readonly account: Account },
    nowMs: number,
    work: (open: OpenAccount) => Promise<T>,
  ): Promise<T> {
    const states = await loadStates(locked.tx, [locked.account.accountId]);
    return this.moveFrom(states, locked, nowMs, work);
  }

  private async moveFrom<T>(
    states: ReadonlyMap<number, AccountState>,
    { tx, account }: { readonly tx: Tx; readonly account: Account },
    nowMs: number,
    work: (open: OpenAccount) => Promise<T>,
  ): Promise<T> {
    const stored = states.get(account.accountId);
    invariant(stored !== undefined, 'an account has its credits', { accountId: account.accountId });
    const due = advance(stored, nowMs);
    const isDue = hasChanged(due);
    if (isDue) await this.store({ tx, account, nowMs, draft: due, audited: [] }, stored);
    const draft = new Draft(due.state);
    const audited: NewAuditEntry[] = [];
    const open = { tx, account, nowMs, draft, audited };
    const result = await work(open);
    // `work` changed nothing, so there is nothing more to store.
    const isStored =
      isDue && draft.state === due.state && !hasChanged(draft) && audited.length === 0;
    if (!isStored) await this.store(open, isDue ? due.state : stored);
    return result;
  }

  private async store(open: OpenAccount, before: AccountState): Promise<void> {
    const { tx, account, draft, audited } = open;
    const { accountId } = account;
    draft.check({ balanceMicro: balanceOf(before.credits) });
    const recordedAtMs = this.accounts.realNowMs();
    const made = new Set(draft.made.map(({ lot }) => lot.allocationId));
    if (made.size > 0) insertMadeLots(tx, accountId, asTheyAre(draft));
    const lots = [
      ...changedLots(before.credits, draft.state.credits),
      ...changedLots(before.runs, draft.state.runs),
    ].filter((lot) => !made.has(lot.allocationId));
    await saveSettledSegments(tx, accountId, segmentsOf(draft, before));
    if (draft.lines.length > 0) {
      const { lines, lastHash } = chained({ accountId, recordedAtMs }, draft);
      draft.set({ lastLedgerHash: lastHash });
      insertLines(tx, accountId, lines, recordedAtMs);
    }
    const alertRules = changedAlertRules(before.alertRules, draft.state.alertRules);
    if (alertRules.length > 0) saveAlertRules(tx, accountId, alertRules);
    savePosition(tx, draft.state, {
      balanceMicro: balanceOf(draft.state.credits),
      nextDueMs: standsStill(account) ? null : nextDueMs(draft),
      cycles: cyclesOf(draft),
      lots,
    });
    if (audited.length > 0) insertAudit(tx, audited, recordedAtMs);
    await this.notify({ ...open, recordedAtMs });
  }

  private async notify(settled: OpenAccount & { readonly recordedAtMs: number }): Promise<void> {
    const { tx, account, draft, recordedAtMs } = settled;
    const { creditEvents } = draft;
    if (creditEvents.length === 0) return;
    const stopped = creditEvents.flatMap((one) =>
      one.what === 'DEPLOYMENT_STOPPED' && one.cause === 'NEGATIVE_LIMIT' ? [one] : [],
    );
    if (stopped.length > 0) await saveStops(tx, account.accountId, stopped, STOPPED_MESSAGE);
    const position = draft.position();
    const forecastNow = (): Forecast => forecast(draft.state);
    for (const subscriber of this.subscribers) {
      await subscriber.settled({
        tx,
        account,
        creditEvents,
        recordedAtMs,
        position,
        forecast: forecastNow,
      });
    }
  }
}

function hasChanged({ lines, creditEvents, made, begun, ended }: Draft): boolean {
  return [lines, creditEvents, made, begun, ended].some((list) => list.length > 0);
}

/** The lots that the draft made, in their present state. */
function asTheyAre({ made, state }: Draft): readonly MadeLot[] {
  const now = new Map(
    [...state.credits.lots, ...state.runs.lots].map((lot) => [lot.allocationId, lot]),
  );
  return made.map((one) => ({ ...one, lot: now.get(one.lot.allocationId) ?? one.lot }));
}

function changedLots(before: Wallet, after: Wallet): readonly Lot[] {
  const known = new Set(before.lots);
  return after.lots.filter((lot) => !known.has(lot));
}

function changedAlertRules(
  before: readonly AlertRule[],
  after: readonly AlertRule[],
): readonly AlertRule[] {
  const known = new Set(before);
  return after.filter((rule) => !known.has(rule));
}

function segmentsOf(draft: Draft, before: AccountState): Parameters<typeof saveSettledSegments>[2] {
  const posted = new Map(before.running.map((one) => [one.segmentId, one.postedMicro]));
  const begun = new Set(draft.begun.map((segment) => segment.segmentId));
  const isKnown = ({ segmentId }: { readonly segmentId: number }): boolean => !begun.has(segmentId);
  const running = draft.state.running;
  return {
    ended: draft.ended.filter(isKnown),
    posted: running.filter((one) => isKnown(one) && posted.get(one.segmentId) !== one.postedMicro),
    begun: [...draft.ended, ...running].filter((one) => !isKnown(one)),
  };
}

/** The cycles that ended, and the running one. */
function cyclesOf({ state, creditEvents }: Draft): Parameters<typeof savePosition>[2]['cycles'] {
  const running = { ...state.cycle, credits: state.credits.cycle, runs: state.runs.cycle };
  const [first, ...later] = closedCycles(creditEvents);
  return first === undefined ? [running] : [first, ...later, running];
}
