// From the range that a caller asks for to instants: presets, days and instants become one half-open range, and a range becomes
// buckets. Pure; `nowMs` and the account's calendar are arguments.

import { type Account, type AccountTime, nowOf } from './account.ts';
import { type AccountCycle, cycleAt, type CycleCalendar, cycleStartBefore } from './cycle.ts';
import {
  addCalendar,
  atLocalOffset,
  dayOf,
  dayStartMs,
  isDayStart,
  isMonthStart,
  localOffset,
  monthsBetween,
  nextUnitStartMs,
  parseLocalDate,
  parseTimeZone,
  unitStartMs,
  type CalendarUnit,
} from '../core/calendar.ts';
import { UserInputError, type ErrorPath } from '../core/errors.ts';
import { DAY_MS, HOUR_MS, lengthMs, type Range } from '../core/range.ts';

export const dateRangePresets = {
  LAST_24_HOURS: 'LAST_24_HOURS',
  LAST_7_DAYS: 'LAST_7_DAYS',
  LAST_30_DAYS: 'LAST_30_DAYS',
  LAST_90_DAYS: 'LAST_90_DAYS',
  CURRENT_CYCLE: 'CURRENT_CYCLE',
  PREVIOUS_CYCLE: 'PREVIOUS_CYCLE',
} as const;
export type DateRangePreset = keyof typeof dateRangePresets;

export const granularities = {
  AUTO: 'AUTO',
  HOUR: 'HOUR',
  DAY: 'DAY',
  WEEK: 'WEEK',
  MONTH: 'MONTH',
} as const;
export type Granularity = keyof typeof granularities;

export const BUCKETS_PER_SERIES_MAX = 2_500;
const USUAL_LENGTH_MS: Readonly<Record<CalendarUnit, number>> = {
  HOUR: HOUR_MS,
  DAY: DAY_MS,
  WEEK: 7 * DAY_MS,
  MONTH: 31 * DAY_MS,
};
const AUTO_HOURS_UP_TO_MS = 48 * HOUR_MS;
const AUTO_DAYS_UP_TO = 92;
const AUTO_WEEKS_UP_TO = 550;
/** Ranges are bounded so that date arithmetic works for every instant in them. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

export interface DateRangeRequest {
  readonly preset?: DateRangePreset | null;
  readonly from?: number | null;
  readonly to?: number | null;
  readonly fromDay?: string | null;
  readonly toDay?: string | null;
  readonly timeZone?: string | null;
}

/** How far back the previous range lies. */
type Step =
  /** Both ends at the same local time, some days earlier. */
  | { readonly by: 'localTime'; readonly days: number }
  | { readonly by: 'wholeDays'; readonly days: number }
  | { readonly by: 'wholeMonths'; readonly months: number }
  | { readonly by: 'length' }
  /** A whole cycle (`partTo` null), or the part of a cycle up to an offset after its start. */
  | { readonly by: 'cycle'; readonly partTo: ReturnType<typeof localOffset> | null };

/** A range in instants, with what is needed to find the previous range. */
export interface ResolvedRange extends Range {
  readonly preset: DateRangePreset | null;
  readonly timeZone: string;
  readonly cycle: CycleCalendar & AccountCycle;
  readonly step: Step;
  /** The account's now: hosting counts up to it. */
  readonly nowMs: number;
}

/**
 * The instants that a question's range covers.
 * @throws UserInputError when preset, instants and days are mixed, incomplete, in the wrong order or out of bounds
 */
export function resolveRange(
  request: DateRangeRequest,
  account: Pick<Account, 'timeZone' | 'cycleDay' | 'cycle' | keyof AccountTime>,
  realNowMs: number,
  path: ErrorPath = ['range'],
): ResolvedRange {
  return resolveRangeAt(request, account, nowOf(account, realNowMs), path);
}

/**
 * The same as of a given instant, which may lie before the account's now.
 * @throws UserInputError likewise
 */
export function resolveRangeAt(
  request: DateRangeRequest,
  account: Pick<Account, 'timeZone' | 'cycleDay' | 'cycle'>,
  nowMs: number,
  path: ErrorPath = ['range'],
): ResolvedRange {
  const timeZone = parseTimeZone(request.timeZone ?? account.timeZone, [...path, 'timeZone']);
  const { cycleDay } = account;
  const cycle = { timeZone: account.timeZone, cycleDay, ...cycleAt(account, nowMs) };
  const { preset = null } = request;
  checkForm(request, path);
  if (preset !== null) {
    return { timeZone, cycle, nowMs, ...presetRange(preset, { timeZone, cycle, nowMs }) };
  }
  const range = customRange(request, timeZone, path);
  return { ...range, preset: null, timeZone, cycle, nowMs, step: stepOf(range, timeZone) };
}

/** The same view of the previous range (see AccountUsage.previous in the schema). @throws UserInputError before 1990 */
export function previousRange(range: ResolvedRange): ResolvedRange {
  const before = rangeBefore(range);
  if (before.fromMs >= EARLIEST_MS) return before;
  throw new UserInputError('The range before this one would begin before the year 1990.', {
    path: ['previous'],
  });
}

function rangeBefore(range: ResolvedRange): ResolvedRange {
  const { timeZone, step } = range;
  switch (step.by) {
    case 'localTime':
      return { ...range, preset: null, ...shifted(range, timeZone, -step.days) };
    case 'wholeDays': {
      const fromMs = dayStartMs(timeZone, dayOf(timeZone, range.fromMs) - step.days);
      return { ...range, preset: null, fromMs, toMs: range.fromMs };
    }
    case 'wholeMonths': {
      const monthMs = addCalendar(timeZone, range.fromMs, { months: -step.months });
      const fromMs = unitStartMs(timeZone, 'MONTH', monthMs);
      return { ...range, preset: null, fromMs, toMs: range.fromMs };
    }
    case 'length':
      return { ...range, preset: null, fromMs: range.fromMs - lengthMs(range), toMs: range.fromMs };
    case 'cycle': {
      const fromMs = cycleBefore(range, range.fromMs);
      if (step.partTo === null) return { ...range, preset: null, fromMs, toMs: range.fromMs };
      // After a change of zone, the local time at which the range begins may lie before the cycle's start.
      const partMs = atLocalOffset(range.cycle.timeZone, fromMs, step.partTo);
      const toMs = Math.max(fromMs, Math.min(range.fromMs, partMs));
      return { ...range, preset: null, fromMs, toMs };
    }
  }
}

/** One bucket of a series: its full extent, and the part of it inside the range. */
export interface Bucket extends Range {
  readonly isPartial: boolean;
}

export interface BucketSeries {
  readonly granularity: Exclude<Granularity, 'AUTO'>;
  readonly buckets: readonly Bucket[];
}

/**
 * Cuts a range into calendar units of its zone; AUTO chooses the unit by the range's length.
 * @throws UserInputError when there would be more than 2,500 buckets
 */
export function bucketsOf(
  range: Pick<ResolvedRange, 'fromMs' | 'toMs' | 'timeZone'>,
  granularity: Granularity,
  path: ErrorPath = ['granularity'],
): BucketSeries {
  const unit = granularity === 'AUTO' ? autoUnit(range) : granularity;
  if (fewestBuckets(range, unit) > BUCKETS_PER_SERIES_MAX) throw tooManyBuckets(unit, path);
  const buckets: Bucket[] = [];
  let startMs = unitStartMs(range.timeZone, unit, range.fromMs);
  while (startMs < range.toMs) {
    if (buckets.length === BUCKETS_PER_SERIES_MAX) throw tooManyBuckets(unit, path);
    const nextMs = nextUnitStartMs(range.timeZone, unit, startMs);
    buckets.push({
      fromMs: Math.max(startMs, range.fromMs),
      toMs: Math.min(nextMs, range.toMs),
      isPartial: startMs < range.fromMs || nextMs > range.toMs,
    });
    startMs = nextMs;
  }
  return { granularity: unit, buckets };
}

/** No more than there are: shifts of the clock make some units longer than they mostly are. */
function fewestBuckets(range: Range, unit: CalendarUnit): number {
  return Math.floor((0.99 * lengthMs(range)) / USUAL_LENGTH_MS[unit]) - 2;
}

function tooManyBuckets(unit: CalendarUnit, path: ErrorPath): UserInputError {
  return new UserInputError(
    `The range has more than ${BUCKETS_PER_SERIES_MAX} buckets of one ${unit}; ask for a shorter range or wider buckets.`,
    { path },
  );
}

function autoUnit(range: Pick<ResolvedRange, 'fromMs' | 'toMs' | 'timeZone'>): CalendarUnit {
  if (lengthMs(range) <= AUTO_HOURS_UP_TO_MS) return 'HOUR';
  const days = dayOf(range.timeZone, range.toMs - 1) - dayOf(range.timeZone, range.fromMs) + 1;
  if (days <= AUTO_DAYS_UP_TO) return 'DAY';
  return days <= AUTO_WEEKS_UP_TO ? 'WEEK' : 'MONTH';
}

function checkForm(request: DateRangeRequest, path: ErrorPath): void {
  const given = (['preset', 'from', 'to', 'fromDay', 'toDay'] as const).filter(
    (field) => request[field] !== null && request[field] !== undefined,
  );
  if (!['preset', 'from to', 'fromDay toDay'].includes(given.join(' '))) {
    throw new UserInputError(
      `A range is given by preset, or by from and to, or by fromDay and toDay; this one has ${given.length === 0 ? 'none of them' : given.join(', ')}.`,
      { path },
    );
  }
}

function customRange(request: DateRangeRequest, timeZone: string, path: ErrorPath): Range {
  const { from, to, fromDay, toDay } = request;
  if (fromDay == null || toDay == null) {
    return checked({ fromMs: from ?? 0, toMs: to ?? 0 }, ['from', 'to'], path);
  }
  const firstDay = parseLocalDate(fromDay, [...path, 'fromDay']);
  const lastDay = parseLocalDate(toDay, [...path, 'toDay']);
  if (firstDay > lastDay) {
    throw new UserInputError('fromDay must not be after toDay.', { path: [...path, 'fromDay'] });
  }
  const range = {
    fromMs: dayStartMs(timeZone, firstDay),
    toMs: dayStartMs(timeZone, lastDay + 1),
  };
  return checked(range, ['fromDay', 'toDay'], path);
}

interface PresetContext {
  readonly timeZone: string;
  readonly cycle: ResolvedRange['cycle'];
  readonly nowMs: number;
}

function presetRange(
  preset: DateRangePreset,
  context: PresetContext,
): Pick<ResolvedRange, 'fromMs' | 'toMs' | 'preset' | 'step'> {
  const { nowMs, cycle } = context;
  switch (preset) {
    case 'LAST_24_HOURS':
      return { preset, fromMs: nowMs - DAY_MS, toMs: nowMs, step: { by: 'length' } };
    case 'LAST_7_DAYS':
      return lastDays(preset, 7, context);
    case 'LAST_30_DAYS':
      return lastDays(preset, 30, context);
    case 'LAST_90_DAYS':
      return lastDays(preset, 90, context);
    case 'CURRENT_CYCLE': {
      const fromMs = cycle.startMs;
      const partTo = localOffset(cycle.timeZone, fromMs, nowMs);
      return { preset, fromMs, toMs: nowMs, step: { by: 'cycle', partTo } };
    }
    case 'PREVIOUS_CYCLE': {
      const { startMs: toMs } = cycle;
      const fromMs = cycleBefore({ cycle }, toMs);
      return { preset, fromMs, toMs, step: { by: 'cycle', partTo: null } };
    }
  }
}

function lastDays(
  preset: DateRangePreset,
  days: number,
  { timeZone, nowMs }: PresetContext,
): Pick<ResolvedRange, 'fromMs' | 'toMs' | 'preset' | 'step'> {
  const fromMs = dayStartMs(timeZone, dayOf(timeZone, nowMs) - (days - 1));
  return { preset, fromMs, toMs: nowMs, step: { by: 'localTime', days } };
}

function checked(range: Range, fields: readonly [string, string], path: ErrorPath): Range {
  const [from, to] = fields;
  if (range.fromMs >= range.toMs) {
    // A range of valid days in order is empty only if its zone skipped them.
    const problem =
      from === 'fromDay'
        ? 'The time zone left these days out, so the range has no length.'
        : `${from} must be before ${to}, so that the range has a length.`;
    throw new UserInputError(problem, { path: [...path, from] });
  }
  if (range.fromMs < EARLIEST_MS || range.toMs > LATEST_MS) {
    throw new UserInputError('A range lies between the years 1990 and 2100.', {
      path: [...path, range.fromMs < EARLIEST_MS ? from : to],
    });
  }
  return range;
}

function stepOf(range: Range, timeZone: string): Step {
  if (isMonthStart(timeZone, range.fromMs) && isMonthStart(timeZone, range.toMs)) {
    return { by: 'wholeMonths', months: monthsBetween(timeZone, range.fromMs, range.toMs) };
  }
  if (isDayStart(timeZone, range.fromMs) && isDayStart(timeZone, range.toMs)) {
    return { by: 'wholeDays', days: dayOf(timeZone, range.toMs) - dayOf(timeZone, range.fromMs) };
  }
  return { by: 'length' };
}

function shifted(range: Range, timeZone: string, days: number): Range {
  return {
    fromMs: addCalendar(timeZone, range.fromMs, { days }),
    toMs: addCalendar(timeZone, range.toMs, { days }),
  };
}

// The two cycles before the running one are stored; earlier ones follow the calendar.
function cycleBefore({ cycle }: Pick<ResolvedRange, 'cycle'>, startMs: number): number {
  const known = [cycle.startMs, ...cycle.earlierStartsMs];
  const index = known.indexOf(startMs);
  return (index < 0 ? undefined : known[index + 1]) ?? cycleStartBefore(cycle, startMs);
}
