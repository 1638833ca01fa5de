// The account's clock. advance() moves an account's state to a later instant and returns all that happened on the way, in the
// order of time and at its exact millisecond. It does no I/O and reads no clock. So it is exact however late it runs and
// however time is divided: one call over ten days and ten thousand small ones give the same state, ledger and alerts.
//
// Between two events only the accrued cost changes, and it only grows. So the next instant is the earliest of all
// scheduled ones (grants, expiries, the end of the cycle, rates), of the balance reaching the next level of an alert rule,
// and of the lead of a HOURS_TO_STOP threshold. The order within one instant: hosting up to it, from the lots spendable
// before; rate changes; expiries; the end of the cycle; grants, which pay debt first; then one evaluation.

import { addCalendar } from '../core/calendar.ts';
import { accruedMicro, firstAccrualMs, type RunningSegment } from './burn.ts';
import { isCovered } from './coverage.ts';
import { Draft } from './draft.ts';
import { addSuccessor, dueOf, endCycle, expireLots, grantLots } from './due-lots.ts';
import { balanceOf } from './lots.ts';
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

const FORECAST_MONTHS = 120;

/** Advances an account to `untilMs`. An earlier instant changes nothing. */
export function advance(state: AccountState, untilMs: number): Draft {
  const draft = new Draft(state);
  advanceDraft(draft, untilMs);
  return draft;
}

/** Like `advance`, on a working copy. */
export function advanceDraft(draft: Draft, untilMs: number): void {
  while (passNext(draft, untilMs) !== null);
  if (untilMs > draft.atMs) draft.set({ atMs: untilMs });
}

/** The next instant at which something happens. There always is one, since cycles end. */
export function nextDueMs(draft: Draft): number {
  return nextInstant(draft, Infinity) ?? draft.state.cycle.endMs;
}

/** When the credits will be used up, and when running deployments will be stopped. */
export interface Forecast {
  /** The first instant after now at which the balance is zero or less; null when it already is, or not within ten years. */
  readonly exhaustsAtMs: number | null;
  /** When the negative limit will stop deployments; null when nothing runs, or not within ten years. */
  readonly stopsAtMs: number | null;
}

// States are immutable, so all callers with the same state share its forecast.
const forecasts = new WeakMap<AccountState, Forecast>();

/** A closed account's: its time stands still, so nothing that is scheduled comes. */
const NOTHING_COMES: Forecast = { exhaustsAtMs: null, stopsAtMs: null };

/** Computes the forecast from running deployments and every scheduled rate, grant, expiry and cycle. */
export function forecast(state: AccountState): Forecast {
  if (state.closedAtMs !== null) return NOTHING_COMES;
  const known = forecasts.get(state) ?? runForward(state, horizonMs(state));
  forecasts.set(state, known);
  return known;
}

/**
 * A draft to run ahead of an account's now. It has no alert rules, so nothing but credits, hosting and the stop happens on it.
 */
export function draftAhead(state: AccountState): Draft {
  // When a late clock makes a forecast, the table may hold rates that were set afterwards; they were not known at its instant.
  const rates = state.rates.filter((rate) => rate.knownFromMs <= state.atMs);
  // Requested deployments are left out: the forecast is about running ones.
  return new Draft({ ...state, rates, alertRules: [], requestedResourceIds: [] });
}

function horizonMs({ atMs }: AccountState): number {
  return addCalendar('UTC', atMs, { months: FORECAST_MONTHS });
}

/** Evaluates the stop, the limits and the thresholds after a draft has changed. */
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

/** Moves the draft past the next instant, if that comes by `untilMs`. @returns the instant, or null */
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

/** The first instant by `untilMs` at which the balance reaches the highest level that is not reached yet. */
function nextCrossingMs(draft: Draft, untilMs: number): number | null {
  const { state, atMs } = draft;
  if (state.running.length === 0) return null;
  const position = draft.position();
  const { balanceMicro } = position.credits;
  const levels: (bigint | null)[] = state.alertRules
    .filter((rule) => isReached(rule, position) !== null)
    .map((rule) => creditLevel(rule, position));
  // A forecast has no alert rule for the limit, but the limit still stops deployments.
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
  // Posted before the rates change, so that all charges of one instant are one line.
  if (isCycleEnd || draft.state.credits.lots.some((lot) => dueOf(lot) <= atMs)) draft.postHosting();
  changeRates(draft);
  const successors = expireLots(draft);
  if (isCycleEnd) endCycle(draft);
  for (const { unit, lot } of successors) addSuccessor(draft, unit, lot);
  grantLots(draft);
  evaluate(draft, isCycleEnd);
}

/** Ends the segments whose rate changes now, and begins the next ones. */
function changeRates(draft: Draft): void {
  const { state, atMs } = draft;
  const learnt = state.rates.some((rate) => rate.knownFromMs === atMs);
  if (learnt) draft.stopForecast = null;
  const due = state.rates.filter((rate) => rate.fromMs === atMs && rate.knownFromMs <= atMs);
  beginRates(draft, due);
}

/** Continues segments at new rates of their hardware from now on; their cost until now is one line. */
export function beginRates(
  draft: Draft,
  rates: readonly Pick<KnownRate, 'hardwareId' | 'rateMicroPerHour'>[],
): void {
  // A segment that began at this very instant already has the rate.
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

/** At the negative limit all running and requested deployments end. @returns the resources that were stopped */
function stopIfDue(draft: Draft): readonly number[] {
  const { state, atMs } = draft;
  if (state.running.length + state.requestedResourceIds.length === 0) return [];
  const balanceMicro = balanceOf(state.credits) - accruedMicro(state.running, atMs);
  if (creditStateOf(state.credits.hasBegun, balanceMicro, state.policy) !== 'STOPPED') return [];
  const resourceIds = endDeployments(draft);
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

/** Ends what runs, and withdraws what is requested. @returns the resources */
export function endDeployments(draft: Draft): readonly number[] {
  draft.postHosting();
  const ended = draft.end(() => true).map((segment) => segment.resourceId);
  const resourceIds = [...ended, ...draft.state.requestedResourceIds].sort((a, b) => a - b);
  draft.set({ requestedResourceIds: [] });
  draft.stopForecast = null;
  return resourceIds;
}

// A limit fires only on the way down, after the first lot. A threshold that is reached just after the first lot fires, and one
// that is still reached when a cycle begins fires once more.
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
  // A longer forecast gives the same answer, so it reaches as far as the thresholds may need.
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

/** Forecasts the stop as far ahead as the thresholds need, up to `untilMs`. */
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

// Runs the same clock ahead without thresholds, so the forecast is what will happen.
function runForward(state: AccountState, untilMs: number): Forecast {
  const zero: AlertRule = {
    ruleId: 0,
    measure: 'ZERO',
    valueMicro: 0n,
    isReached: false,
    openAlert: null,
    lastFiredAtMs: null,
  };
  const ahead = draftAhead(state);
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
