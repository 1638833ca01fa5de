// The account's clock. advance() takes an account's state to a later instant and yields all that happened on the way, in the
// order of time and at its exact millisecond. It does no I/O and reads no clock, so it is exact however late it runs, and
// however the time is cut: one call over ten days and ten thousand small ones give the same state, ledger and alerts.
//
// Between two instants nothing changes but what has accrued, which only grows. So the next instant is the earliest of what is
// scheduled (grants, expiries, the end of the cycle, rates), of the balance coming down to the next level that is watched,
// and of the lead of a HOURS_TO_STOP threshold. At one instant the order is: hosting up to it, from the lots spendable
// before; rate changes; expiries; the end of the cycle; grants, which pay debt first; then one evaluation.

import { addCalendar } from '../core/calendar.ts';
import { isoInstant } from '../core/range.ts';
import { accruedMicro, firstAccrualMs, type RunningSegment } from './burn.ts';
import { isCovered } from './coverage.ts';
import { cycleEndMs } from '../account/cycle.ts';
import { Draft } from './draft.ts';
import {
  type AllocationUnit,
  allocationUnits,
  balanceOf,
  beginCycle,
  compareLots,
  expire,
  grant,
  leftOf,
  type Lot,
  put,
} from './lots.ts';
import { type AlertKind, alertKindOf } from './credit-event.ts';
import { creditStateOf, stopLevelMicro } from './limits.ts';
import { type AccountState, type KnownRate } from './state.ts';
import {
  compareFired,
  creditLevel,
  isThreshold,
  isReached,
  leadMs,
  measuredMicro,
  type AlertRule,
} from './alert-rules.ts';

const UNITS = Object.values(allocationUnits);
const FORECAST_MONTHS = 120;

/** Takes an account to `untilMs`; to where it is already, or before, changes nothing. */
export function advance(state: AccountState, untilMs: number): Draft {
  const draft = new Draft(state);
  advanceDraft(draft, untilMs);
  return draft;
}

/** As `advance`, on a working copy. */
export function advanceDraft(draft: Draft, untilMs: number): void {
  while (passNext(draft, untilMs) !== null);
  if (untilMs > draft.atMs) draft.set({ atMs: untilMs });
}

/** The next instant at which something happens; there is always one, since cycles end. */
export function nextDueMs(draft: Draft): number {
  return nextInstant(draft, Infinity) ?? draft.state.cycle.endMs;
}

/** When the credits will be used up, and when what runs will be stopped. */
export interface Forecast {
  /** The first instant after now at which the balance is zero or less; null when it is, or not within ten years. */
  readonly exhaustsAtMs: number | null;
  /** When the negative limit will stop what runs; null when nothing runs, or not within ten years. */
  readonly stopsAtMs: number | null;
}

/** Looks ahead, given what runs now and every scheduled rate, grant, expiry and cycle. */
export function forecast(state: AccountState): Forecast {
  return runForward(state, horizonMs(state));
}

function horizonMs({ atMs }: AccountState): number {
  return addCalendar('UTC', atMs, { months: FORECAST_MONTHS });
}

/** Judges the stop, the limits and the thresholds at the position of a draft that was changed. */
export function evaluate(draft: Draft, hasCycleBegun = false): void {
  const stoppedResourceIds = stopIfDue(draft);
  forecastStop(draft);
  const position = draft.position();
  const resolved: AlertRule[] = [];
  const fired: AlertRule[] = [];
  const alertRules = draft.state.alertRules.map((rule) => {
    const reached = isReached(rule, position);
    if (reached === null) return rule;
    if (!reached && rule.openAlert !== null) resolved.push(rule);
    if (reached && fires(draft, rule, hasCycleBegun)) fired.push(rule);
    if (reached === rule.isReached) return rule;
    return { ...rule, isReached: reached, openAlert: reached ? rule.openAlert : null };
  });
  draft.set({ alertRules });
  draft.judged = { credits: draft.state.credits.hasBegun, runs: draft.state.runs.hasBegun };
  resolved.sort((a, b) => (a.openAlert ?? 0) - (b.openAlert ?? 0));
  for (const rule of resolved) raise(draft, rule, { kind: 'RESOLVED', stoppedResourceIds: [] });
  for (const rule of fired.sort(compareFired)) {
    const isStop = rule.measure === 'NEGATIVE_LIMIT';
    const kind = alertKindOf[rule.measure];
    raise(draft, rule, { kind, stoppedResourceIds: isStop ? stoppedResourceIds : [] });
  }
}

/** Passes the next instant, if it comes by `untilMs`. @returns it, or null */
function passNext(draft: Draft, untilMs: number): number | null {
  const atMs = nextInstant(draft, untilMs);
  if (atMs !== null) passInstant(draft, atMs);
  return atMs;
}

function nextInstant(draft: Draft, untilMs: number): number | null {
  forecastStop(draft, untilMs);
  const scheduledMs = Math.min(nextScheduledMs(draft), nextLeadMs(draft));
  const crossingMs = nextCrossingMs(draft, Math.min(scheduledMs, untilMs));
  const nextMs = crossingMs ?? scheduledMs;
  return nextMs <= untilMs ? nextMs : null;
}

function nextScheduledMs({ state }: Draft): number {
  const lots = [...state.credits.lots, ...state.runs.lots].map(dueOf);
  const hardware = new Set(state.running.map((segment) => segment.hardwareId));
  const rates = state.rates
    .filter((rate) => hardware.has(rate.hardwareId))
    .map((rate) => (rate.knownFromMs <= state.atMs ? rate.fromMs : rate.knownFromMs))
    .filter((dueMs) => dueMs > state.atMs);
  return Math.min(state.cycle.endMs, ...lots, ...rates);
}

/** When a lot is granted or expires. */
function dueOf(lot: Lot): number {
  if (lot.state === 'PENDING') return lot.grantAtMs;
  return lot.state === 'SPENDABLE' ? (lot.expiresAtMs ?? Infinity) : Infinity;
}

/** The first instant by `untilMs` at which the balance comes down to the highest level that is not reached yet. */
function nextCrossingMs(draft: Draft, untilMs: number): number | null {
  const { state, atMs } = draft;
  if (state.running.length === 0) return null;
  const position = draft.position();
  const { balanceMicro } = position.credits;
  const levels: (bigint | null)[] = state.alertRules
    .filter((rule) => isReached(rule, position) !== null)
    .map((rule) => creditLevel(rule, position));
  // A forecast has no rule for the limit, but what runs stops all the same.
  levels.push(stopLevelMicro(state.credits.hasBegun, state.policy));
  let highestMicro: bigint | null = null;
  for (const level of levels) {
    if (level === null || level >= balanceMicro) continue;
    if (highestMicro === null || level > highestMicro) highestMicro = level;
  }
  if (highestMicro === null) return null;
  const targetMicro = balanceOf(state.credits) - highestMicro;
  return firstAccrualMs(state.running, targetMicro, { afterMs: atMs, untilMs });
}

function nextLeadMs(draft: Draft): number {
  const stopsAtMs = draft.stopForecast?.stopsAtMs ?? null;
  if (stopsAtMs === null) return Infinity;
  let nextMs = Infinity;
  for (const rule of draft.state.alertRules) {
    if (rule.measure !== 'HOURS_TO_STOP' || rule.isReached) continue;
    const leadAtMs = stopsAtMs - leadMs(rule);
    if (leadAtMs > draft.atMs) nextMs = Math.min(nextMs, leadAtMs);
  }
  return nextMs;
}

function passInstant(draft: Draft, atMs: number): void {
  draft.set({ atMs });
  const isCycleEnd = atMs === draft.state.cycle.endMs;
  // Before the rates change, so that what one instant charges is one line.
  if (isCycleEnd || draft.state.credits.lots.some((lot) => dueOf(lot) <= atMs)) draft.postHosting();
  changeRates(draft);
  const successors = expireLots(draft);
  if (isCycleEnd) endCycle(draft);
  for (const { unit, lot } of successors) addSuccessor(draft, unit, lot);
  grantLots(draft);
  evaluate(draft, isCycleEnd);
}

/** Rates that take effect now end the segments on their hardware and begin the next ones. */
function changeRates(draft: Draft): void {
  const { state, atMs } = draft;
  const learnt = state.rates.some((rate) => rate.knownFromMs === atMs);
  if (learnt) draft.stopForecast = null;
  const due = state.rates.filter((rate) => rate.fromMs === atMs && rate.knownFromMs <= atMs);
  beginRates(draft, due);
}

/** Goes on at other rates from now on, each on its hardware; what ran until then is one line. */
export function beginRates(
  draft: Draft,
  rates: readonly Pick<KnownRate, 'hardwareId' | 'rateMicroPerHour'>[],
): void {
  // What began at this very instant has the rate already.
  const isChanged = (segment: RunningSegment, rate: (typeof rates)[number]): boolean =>
    segment.hardwareId === rate.hardwareId &&
    (segment.fromMs < draft.atMs || segment.rateMicroPerHour !== rate.rateMicroPerHour);
  draft.postHosting((segment) => rates.some((rate) => isChanged(segment, rate)));
  for (const rate of rates) {
    const next = draft
      .end((segment) => isChanged(segment, rate))
      .map((segment) => ({
        ...segment,
        segmentId: draft.takeLocalId(),
        fromMs: draft.atMs,
        rateMicroPerHour: rate.rateMicroPerHour,
        postedMicro: 0n,
      }));
    draft.begun.push(...next);
    draft.set({ running: [...draft.state.running, ...next] });
  }
}

/** @returns the recurring grants that expired with their cycle, each of which has a successor */
function expireLots(draft: Draft): readonly { unit: AllocationUnit; lot: Lot }[] {
  const successors: { unit: AllocationUnit; lot: Lot }[] = [];
  for (const unit of UNITS) {
    const expiring = draft
      .wallet(unit)
      .lots.filter((lot) => lot.state === 'SPENDABLE' && dueOf(lot) <= draft.atMs);
    for (const lot of expiring.sort(compareLots)) {
      draft.changeLots(unit, (wallet) => expire(wallet, lot));
      draft.post(unit, 'EXPIRY', {
        amountMicro: -leftOf(lot),
        allocationId: lot.allocationId,
        description: 'Credits expired',
      });
      if (lot.seriesId !== null) successors.push({ unit, lot });
    }
  }
  return successors;
}

function endCycle(draft: Draft): void {
  const { cycle, credits, runs } = draft.state;
  const description = `End of the billing cycle from ${isoInstant(cycle.startMs)} to ${isoInstant(cycle.endMs)}`;
  draft.post('CREDITS', 'CARRY_OVER', { amountMicro: 0n, description });
  draft.creditEvents.push({
    what: 'CYCLE_CLOSED',
    atMs: cycle.endMs,
    cycle,
    credits: { ...credits.cycle, closingMicro: balanceOf(credits) },
    runs: { ...runs.cycle, closingMicro: balanceOf(runs) },
  });
  draft.set({
    cycle: {
      cycleId: cycle.cycleId + 1,
      startMs: cycle.endMs,
      endMs: cycleEndMs(draft.state, cycle.endMs),
    },
    credits: beginCycle(credits),
    runs: beginCycle(runs),
  });
}

function addSuccessor(draft: Draft, unit: AllocationUnit, before: Lot): void {
  const { atMs } = draft;
  const lot: Lot = {
    ...before,
    allocationId: draft.takeLocalId(),
    state: 'PENDING',
    spentMicro: 0n,
    grantAtMs: atMs,
    createdAtMs: atMs,
  };
  draft.made.push({ unit, lot });
  draft.changeWallet(unit, (wallet) => put(wallet, lot));
}

/** Makes the lots spendable whose instant has come, in the spending order. */
export function grantLots(draft: Draft): void {
  for (const unit of UNITS) {
    const due = draft
      .wallet(unit)
      .lots.filter((lot) => lot.state === 'PENDING' && lot.grantAtMs <= draft.atMs)
      // A recurring grant lasts as long as the cycle in which it takes effect, whatever was expected when it was made.
      .map((lot) =>
        lot.seriesId === null ? lot : { ...lot, expiresAtMs: draft.state.cycle.endMs },
      );
    for (const lot of due.sort(compareLots)) {
      draft.changeLots(unit, (wallet) => grant(wallet, lot));
      draft.post(unit, 'ALLOCATION', {
        amountMicro: lot.amountMicro,
        allocationId: lot.allocationId,
        description: 'Allocation',
      });
    }
  }
}

/** At the negative limit everything that runs or was asked for ends. @returns the resources that it stopped */
function stopIfDue(draft: Draft): readonly number[] {
  const { state, atMs } = draft;
  if (state.running.length + state.requestedResourceIds.length === 0) return [];
  const balanceMicro = balanceOf(state.credits) - accruedMicro(state.running, atMs);
  if (creditStateOf(state.credits.hasBegun, balanceMicro, state.policy) !== 'STOPPED') return [];
  draft.postHosting();
  const ended = draft.end(() => true).map((segment) => segment.resourceId);
  const resourceIds = [...ended, ...state.requestedResourceIds].sort((a, b) => a - b);
  draft.set({ requestedResourceIds: [] });
  draft.stopForecast = null;
  for (const resourceId of resourceIds) {
    draft.creditEvents.push({
      what: 'DEPLOYMENT_STOPPED',
      cause: 'NEGATIVE_LIMIT',
      atMs,
      resourceId,
    });
  }
  return resourceIds;
}

// A limit needs a downward crossing after the first lot; a threshold that is reached just after it fires, and one that is
// still reached when a cycle begins fires once more.
function fires(draft: Draft, rule: AlertRule, hasCycleBegun: boolean): boolean {
  if (isThreshold(rule.measure)) return !rule.isReached || hasCycleBegun;
  return !rule.isReached && draft.judged.credits;
}

function raise(
  draft: Draft,
  rule: AlertRule,
  alert: { readonly kind: AlertKind; readonly stoppedResourceIds: readonly number[] },
): void {
  const { atMs } = draft;
  const sequence = draft.state.lastAlertSequence + 1;
  // Far enough to tell the same however far the thresholds needed to look by then.
  if (draft.stopForecast !== null) forecastUntil(draft, horizonMs(draft.state));
  const position = draft.position();
  const isResolved = alert.kind === 'RESOLVED';
  draft.creditEvents.push({
    what: 'ALERT',
    ...alert,
    atMs,
    sequence,
    ruleId: rule.ruleId,
    measure: rule.measure,
    valueMicro: rule.valueMicro,
    measuredMicro: measuredMicro(rule.measure, position),
    position,
    resolves: isResolved ? rule.openAlert : null,
  });
  const alertRules = draft.state.alertRules.map((other) =>
    other.ruleId === rule.ruleId && !isResolved
      ? { ...other, openAlert: sequence, lastFiredAtMs: atMs }
      : other,
  );
  draft.set({ lastAlertSequence: sequence, alertRules });
}

/** Forecasts the stop as far ahead as its thresholds need, up to `untilMs`. */
function forecastStop(draft: Draft, untilMs: number = draft.atMs): void {
  const { state } = draft;
  const leads = state.alertRules.filter((rule) => rule.measure === 'HOURS_TO_STOP').map(leadMs);
  if (leads.length === 0 || state.running.length === 0) {
    draft.stopForecast = null;
    return;
  }
  forecastUntil(
    draft,
    Math.min(Math.max(untilMs, state.atMs), state.cycle.endMs) + Math.max(...leads),
  );
}

function forecastUntil(draft: Draft, neededMs: number): void {
  const { state, stopForecast } = draft;
  const isEnough =
    stopForecast !== null &&
    (stopForecast.stopsAtMs !== null || stopForecast.lookedUntilMs >= neededMs);
  if (isEnough) return;
  const { stopsAtMs } = runForward(state, neededMs);
  draft.stopForecast = { stopsAtMs, lookedUntilMs: neededMs };
}

// The same clock, run ahead without thresholds: what it will find is what will happen.
function runForward(state: AccountState, untilMs: number): Forecast {
  const zero: AlertRule = {
    ruleId: 0,
    measure: 'ZERO',
    valueMicro: 0n,
    isReached: false,
    openAlert: null,
    lastFiredAtMs: null,
  };
  // Rates that were set later are in the table when a late clock looks ahead; they were not known then.
  const rates = state.rates.filter((rate) => rate.knownFromMs <= state.atMs);
  // What is not running yet is none of the running deployments that the forecast is about.
  const ahead = new Draft({ ...state, rates, alertRules: [], requestedResourceIds: [] });
  const isPositive = ahead.position().credits.balanceMicro > 0n;
  if (isPositive) ahead.set({ alertRules: [zero] });
  const willStop = state.running.length > 0;
  let exhaustsAtMs: number | null = null;
  let stopsAtMs: number | null = null;
  const isDone = (): boolean =>
    (exhaustsAtMs !== null || !isPositive) && (stopsAtMs !== null || !willStop);
  while (!isDone() && !isCovered(ahead.state, untilMs)) {
    const atMs = passNext(ahead, untilMs);
    if (atMs === null) break;
    if (exhaustsAtMs === null && ahead.position().credits.balanceMicro <= 0n) exhaustsAtMs = atMs;
    if (
      stopsAtMs === null &&
      ahead.creditEvents.some(({ what }) => what === 'DEPLOYMENT_STOPPED')
    ) {
      stopsAtMs = atMs;
    }
    ahead.creditEvents.length = 0;
  }
  return { exhaustsAtMs: isPositive ? exhaustsAtMs : null, stopsAtMs };
}
