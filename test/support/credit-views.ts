// One view of an account's credits for the clock under test and for its reference, so that they can be laid side by side.

import type { Lot, Wallet } from '../../src/engine/lots.ts';
import type { AlertRaised, CycleClosed } from '../../src/engine/credit-event.ts';
import type { KnownRate } from '../../src/engine/state.ts';
import { hoursMicro } from '../../src/engine/burn.ts';
import { balanceOf } from '../../src/engine/lots.ts';
import type { RunningSegment } from '../../src/engine/burn.ts';
import type { AlertRule } from '../../src/engine/alert-rules.ts';
import { type Account, accountOf, type Write } from './credit-run.ts';
import type { CreditPlan } from './credit-plans.ts';
import {
  CreditClock,
  HORIZON_MS,
  type TwinLot,
  type TwinRate,
  type TwinSegment,
  type TwinAlertRule,
  type Unit,
} from './reference/credit-clock.ts';

/** Plain values by name; what is equal in both is equal. */
export type View = Readonly<Record<string, unknown>>;

/** Where an account stands; plain values in an order of their own. */
export function viewOf(account: Account): View {
  const { state } = account;
  return {
    atMs: state.atMs,
    cycle: [state.cycle.startMs, state.cycle.endMs],
    credits: walletView(state.credits, account.lotsOf('CREDITS')),
    runs: walletView(state.runs, account.lotsOf('WORKFLOW_RUNS')),
    running: state.running
      .map((s) => [s.resourceId, s.segmentId, s.rateMicroPerHour, s.fromMs, s.postedMicro])
      .sort(byFirst),
    requested: [...state.requestedResourceIds].sort((a, b) => a - b),
    alertRules: state.alertRules
      .map((rule) => [rule.ruleId, rule.isReached, rule.openAlert, rule.lastFiredAtMs])
      .sort(byFirst),
    counted: [state.lastLedgerSequence, state.lastAlertSequence, state.lastLocalId],
  };
}

function walletView(wallet: Wallet, lots: readonly Lot[]): View {
  const { carriedOverMicro, allocatedMicro, usedMicro, expiredMicro, adjustedMicro } = wallet.cycle;
  return {
    balance: balanceOf(wallet),
    debt: wallet.debtMicro,
    hasBegun: wallet.hasBegun,
    sums: [carriedOverMicro, allocatedMicro, usedMicro, expiredMicro, adjustedMicro],
    lots: lots
      .map((lot) => [
        lot.allocationId,
        lot.state,
        lot.amountMicro,
        lot.spentMicro,
        lot.grantAtMs,
        lot.expiresAtMs,
      ])
      .sort(byFirst),
  };
}

export function viewOfTwin(twin: CreditClock): View {
  const { account } = twin;
  return {
    atMs: account.at,
    cycle: [account.cycle.start, account.cycle.end],
    credits: walletViewOfTwin(twin, 'CREDITS'),
    runs: walletViewOfTwin(twin, 'WORKFLOW_RUNS'),
    running: account.running.map((s) => [s.resource, s.id, s.rate, s.from, s.posted]).sort(byFirst),
    requested: [...account.requested].sort((a, b) => a - b),
    alertRules: account.alertRules
      .map((rule) => [rule.id, rule.isReached, rule.open, rule.firedAt])
      .sort(byFirst),
    counted: [twin.lines.length, account.alerts, account.ids],
  };
}

function walletViewOfTwin(twin: CreditClock, unit: Unit): View {
  const { account } = twin;
  const { carriedOver, allocated, used, expired, adjusted } = account.sums[unit];
  return {
    balance: twin.balance(unit) + (unit === 'CREDITS' ? twin.accrued() : 0n),
    debt: account.debt[unit],
    hasBegun: account.hasBegun[unit],
    sums: [carriedOver, allocated, used, expired, adjusted],
    lots: account.lots
      .filter((lot) => lot.unit === unit && ['PENDING', 'SPENDABLE'].includes(lot.state))
      .map((lot) => [lot.id, lot.state, lot.amount, lot.spent, lot.from, lot.to])
      .sort(byFirst),
  };
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return Number(a[0]) - Number(b[0]);
}

/** All that happened. */
export function storyOf(account: Account): View {
  return {
    lines: account.lines.map((line) => [
      line.sequence,
      line.kind,
      line.amountMicro,
      line.balanceMicro,
      line.bookedAtMs,
    ]),
    alerts: alertsOf(account).map((alert) => [
      alert.sequence,
      alert.kind,
      alert.atMs,
      alert.ruleId,
      alert.measure === 'HOURS_TO_STOP' ? nearHours(alert.measuredMicro) : alert.measuredMicro,
      alert.position.credits.balanceMicro,
      [...alert.stoppedResourceIds].sort((a, b) => a - b),
      alert.resolves,
    ]),
    ended: account.ended
      .map((segment) => [segment.segmentId, segment.fromMs, segment.toMs, segment.postedMicro])
      .sort(byFirst),
    closed: closedOf(account).map((cycle) => [
      cycle.atMs,
      cycle.credits.closingMicro,
      cycle.runs.closingMicro,
    ]),
    over: account.over.map((lot) => [lot.allocationId, lot.state, lot.spentMicro]).sort(byFirst),
  };
}

export function storyOfTwin(twin: CreditClock): View {
  return {
    lines: twin.lines.map((line, index) => [
      index + 1,
      line.kind,
      line.amount,
      line.balance,
      line.at,
    ]),
    alerts: twin.alerts.map((alert) => [
      alert.sequence,
      alert.kind,
      alert.at,
      alert.rule,
      alert.measured,
      alert.balance,
      alert.stopped,
      alert.resolves,
    ]),
    ended: twin.ended.map((s) => [s.id, s.from, s.to, s.posted]).sort(byFirst),
    closed: twin.closed.map(({ at, closing }) => [at, closing.CREDITS, closing.WORKFLOW_RUNS]),
    over: twin.account.lots
      .filter((lot) => ['EXPIRED', 'VOIDED'].includes(lot.state))
      .map((lot) => [lot.id, lot.state, lot.spent])
      .sort(byFirst),
  };
}

/** The reference looks only so far. */
function nearHours(measuredMicro: bigint | null): bigint | null {
  return measuredMicro !== null && measuredMicro > hoursMicro(HORIZON_MS) ? null : measuredMicro;
}

export function alertsOf(account: Account): readonly AlertRaised[] {
  return account.creditEvents.filter((creditEvent) => creditEvent.what === 'ALERT');
}

export function closedOf(account: Account): readonly CycleClosed[] {
  return account.creditEvents.filter((creditEvent) => creditEvent.what === 'CYCLE_CLOSED');
}

/** The reference at a plan's begin. */
export function twinOf(plan: CreditPlan): CreditClock {
  const state = accountOf(plan);
  return CreditClock.of({
    at: state.atMs,
    zone: state.timeZone,
    cycleDay: state.cycleDay,
    low: state.policy.lowCreditMicro,
    negativeLimit: state.policy.negativeLimitMicro,
    rates: state.rates.map(twinRate),
    alertRules: state.alertRules.map(twinAlertRule),
  });
}

// eslint-disable-next-line complexity -- one line for each kind of write
export function happenOnTwin(twin: CreditClock, write: Write): void {
  twin.walkTo(write.atMs);
  switch (write.what) {
    case 'usage':
      twin.recordUsage({ CREDITS: write.creditsMicro, WORKFLOW_RUNS: write.runsMicro });
      return;
    case 'reverse':
      twin.reverseUsage({ CREDITS: write.creditsMicro, WORKFLOW_RUNS: write.runsMicro });
      return;
    case 'allocate':
      twin.allocate({ ...twinLot(write.lot, write.unit), id: twin.nextId() });
      return;
    case 'void':
      twin.voidLot(write.allocationId);
      return;
    case 'adjustUp':
      twin.allocate({ ...twinLot(write.lot, 'CREDITS'), id: twin.nextId() });
      return;
    case 'adjustDown':
      twin.takeAdjustment(write.amountMicro);
      return;
    case 'policy':
      twin.setPolicy(write.policy.lowCreditMicro, write.policy.negativeLimitMicro);
      return;
    case 'rule':
      twin.addAlertRule(twinAlertRule(write.rule));
      return;
    case 'unwatch':
      twin.removeAlertRule(write.ruleId);
      return;
    case 'turn': {
      const { charges, endedSegmentIds, begun, resourceId, isRequested } = write.turn;
      twin.turn({
        charge: charges.reduce((sum, charge) => sum + charge.chargedMicro, 0n),
        ended: endedSegmentIds,
        begun: begun === null ? null : { ...twinSegment(begun), id: twin.nextId() },
        resource: resourceId,
        isRequested,
      });
      return;
    }
    case 'rates':
      twin.setRates(write.rates.map(twinRate));
      return;
    case 'zone':
      twin.setZone(write.timeZone);
      return;
    case 'nothing':
      return;
  }
}

function twinRate(rate: KnownRate): TwinRate {
  return {
    hardware: rate.hardwareId,
    from: rate.fromMs,
    rate: rate.rateMicroPerHour,
    knownFrom: rate.knownFromMs,
  };
}

function twinAlertRule(rule: AlertRule): TwinAlertRule {
  return {
    id: rule.ruleId,
    measure: rule.measure,
    value: rule.valueMicro,
    isReached: rule.isReached,
    open: rule.openAlert,
    firedAt: rule.lastFiredAtMs,
  };
}

function twinLot(lot: Lot, unit: Unit): TwinLot {
  return {
    id: lot.allocationId,
    unit,
    state: lot.state,
    amount: lot.amountMicro,
    spent: lot.spentMicro,
    priority: lot.priority,
    from: lot.grantAtMs,
    to: lot.expiresAtMs,
    created: lot.createdAtMs,
    row: lot.seriesId,
    isAdjustment: lot.isAdjustment,
  };
}

function twinSegment(segment: RunningSegment): TwinSegment {
  return {
    id: segment.segmentId,
    resource: segment.resourceId,
    hardware: segment.hardwareId,
    replicas: segment.replicas,
    rate: segment.rateMicroPerHour,
    from: segment.fromMs,
    posted: segment.postedMicro,
  };
}
