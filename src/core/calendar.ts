// Days, weeks, months and hours begin in a time zone. All of it is Temporal's arithmetic with disambiguation
// "compatible"; nothing here adds 86,400,000. A local day is numbered by its date's distance from 1970-01-01, so that
// rollups can store it as an integer. A day that a zone skipped (Pacific/Apia, 2011-12-30) has no length.

import { Temporal } from 'temporal-polyfill';
import { UserInputError, type ErrorPath } from './errors.ts';
import { DAY_MS, HOUR_MS, isoInstant, type Range } from './range.ts';

export type CalendarUnit = 'HOUR' | 'DAY' | 'WEEK' | 'MONTH';

const EPOCH_DAY = Temporal.PlainDate.from('1970-01-01');
/** 1970-01-01 was a Thursday: three days after its week's Monday. */
const EPOCH_DAYS_AFTER_MONDAY = 3;
const CACHED_DAYS_PER_ZONE = 20_000;
const CACHED_OFFSETS_PER_ZONE = 64;
const OFFSET_LENGTH = '+00:00'.length;

const SPELLINGS_KEPT_MAX = 2_000;
/** Names of zones by how they were spelled: one is looked at for each range that is asked for. */
const zones = new Map<string, string>();

/**
 * @returns the name in its own letter case, so that what is kept by zone is bounded by the number of zones
 * @throws UserInputError unless `name` is, in any letter case, an IANA zone ("Asia/Kolkata", "UTC")
 */
export function parseTimeZone(name: string, path?: ErrorPath): string {
  const known = zones.get(name);
  if (known !== undefined) return known;
  if (/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(name)) {
    try {
      const { timeZoneId } = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
      if (zones.size < SPELLINGS_KEPT_MAX) zones.set(name, timeZoneId);
      return timeZoneId;
    } catch {
      // Falls through to the one message for every wrong name.
    }
  }
  throw new UserInputError(
    `${JSON.stringify(name.slice(0, 64))} is not an IANA time zone name like "Europe/Berlin".`,
    { path },
  );
}

/** Number of the local calendar day (1970-01-01 is 0) of a date "2026-03-29". @throws UserInputError */
export function parseLocalDate(text: string, path?: ErrorPath): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    try {
      return dayOfDate(Temporal.PlainDate.from(text, { overflow: 'reject' }));
    } catch {
      // Falls through to the one message for every wrong date.
    }
  }
  throw new UserInputError(
    `${JSON.stringify(text.slice(0, 20))} is not a calendar day like "2026-03-29".`,
    { path },
  );
}

const dayStarts = new Map<string, Map<number, number>>();

/** First instant of a local day, epoch ms. Where midnight is skipped, the first instant that exists. */
export function dayStartMs(timeZone: string, day: number): number {
  let ofZone = dayStarts.get(timeZone);
  if (ofZone === undefined || ofZone.size > CACHED_DAYS_PER_ZONE) {
    ofZone = new Map();
    dayStarts.set(timeZone, ofZone);
  }
  let startMs = ofZone.get(day);
  if (startMs === undefined) {
    startMs = EPOCH_DAY.add({ days: day }).toZonedDateTime({ timeZone }).epochMilliseconds;
    ofZone.set(day, startMs);
  }
  return startMs;
}

/** Number of the local day that holds an instant. */
export function dayOf(timeZone: string, atMs: number): number {
  // The UTC day is off by one at most (offsets lie within a day), so two look-ups settle it.
  let day = Math.floor(atMs / DAY_MS);
  while (dayStartMs(timeZone, day) > atMs) day -= 1;
  while (dayStartMs(timeZone, day + 1) <= atMs) day += 1;
  return day;
}

/** Start of the local day, week (Monday) or month, or of the local hour, that holds an instant. */
export function unitStartMs(timeZone: string, unit: CalendarUnit, atMs: number): number {
  if (unit === 'HOUR') return hourStartMs(timeZone, atMs);
  const day = dayOf(timeZone, atMs);
  return dayStartMs(timeZone, firstDayOfUnit(unit, day));
}

/** The first start of a unit after the unit start `startMs`. Units without length are passed over. */
export function nextUnitStartMs(timeZone: string, unit: CalendarUnit, startMs: number): number {
  if (unit === 'HOUR') return nextHourMs(timeZone, startMs);
  let day = firstDayOfUnit(unit, dayOf(timeZone, startMs));
  let nextMs = startMs;
  while (nextMs <= startMs) {
    day = nextFirstDay(unit, day);
    nextMs = dayStartMs(timeZone, day);
  }
  return nextMs;
}

/** The same local time, some calendar days or months later (or earlier, when negative). */
export function addCalendar(
  timeZone: string,
  atMs: number,
  by: { readonly days?: number; readonly months?: number },
): number {
  return zoned(timeZone, atMs).add(by).epochMilliseconds;
}

/** An instant as people of a zone read it, exact: "2026-03-10 13:00:00.250 Europe/Berlin (UTC+01:00)". */
export function formatLocal(timeZone: string, atMs: number): string {
  const local = zoned(timeZone, atMs);
  const time = local.toPlainTime().toString({
    fractionalSecondDigits: local.millisecond === 0 ? 0 : 3,
  });
  return `${local.toPlainDate().toString()} ${time} ${timeZone} (UTC${local.offset})`;
}

/**
 * An instant in a zone by RFC 3339: "2026-03-10T13:00:00.250+01:00". Exports print millions of them, so a zone's offset is looked
 * up once for all the time between two of its changes.
 */
export function isoLocal(timeZone: string, atMs: number): string {
  const { offsetMs, offset } = offsetAt(timeZone, atMs);
  return `${isoInstant(atMs + offsetMs).slice(0, -1)}${offset}`;
}

/** Whether the instant is the start of a local day. */
export function isDayStart(timeZone: string, atMs: number): boolean {
  return dayStartMs(timeZone, dayOf(timeZone, atMs)) === atMs;
}

/** Whether the instant is the start of a local month. */
export function isMonthStart(timeZone: string, atMs: number): boolean {
  return unitStartMs(timeZone, 'MONTH', atMs) === atMs;
}

/** Whole calendar months from one local day to another, both months' firsts. */
export function monthsBetween(timeZone: string, fromMs: number, toMs: number): number {
  const from = dateOfDay(dayOf(timeZone, fromMs));
  const to = dateOfDay(dayOf(timeZone, toMs));
  return (to.year - from.year) * 12 + (to.month - from.month);
}

/** How far an instant lies after another in its zone: whole calendar days, then the local time of day (ms). */
export function localOffset(
  timeZone: string,
  startMs: number,
  atMs: number,
): { readonly days: number; readonly timeOfDay: string } {
  return {
    days: dayOf(timeZone, atMs) - dayOf(timeZone, startMs),
    timeOfDay: zoned(timeZone, atMs).toPlainTime().toString(),
  };
}

/** The instant `days` calendar days after the day of `startMs`, at a local time of day. */
export function atLocalOffset(
  timeZone: string,
  startMs: number,
  offset: { readonly days: number; readonly timeOfDay: string },
): number {
  const date = dateOfDay(dayOf(timeZone, startMs) + offset.days);
  return date.toZonedDateTime({ timeZone, plainTime: offset.timeOfDay }).epochMilliseconds;
}

/**
 * The instant of a local day at the local time of another instant. A time that the day's clock skips is as much later; a
 * day that the zone skipped has its start alone.
 */
export function sameTimeOn(timeZone: string, day: number, atMs: number): number {
  const plainTime = zoned(timeZone, atMs).toPlainTime();
  const sameMs = dateOfDay(day).toZonedDateTime({ timeZone, plainTime }).epochMilliseconds;
  return Math.min(Math.max(sameMs, dayStartMs(timeZone, day)), dayStartMs(timeZone, day + 1));
}

/** First instant of the month's day `cycleDay` (1 to 28) on or before an instant: the start of its billing cycle. */
export function cycleStartMs(timeZone: string, cycleDay: number, atMs: number): number {
  const date = dateOfDay(dayOf(timeZone, atMs));
  const ofMonth = date.with({ day: cycleDay });
  const start = date.day < cycleDay ? ofMonth.subtract({ months: 1 }) : ofMonth;
  return dayStartMs(timeZone, dayOfDate(start));
}

/** Start of the billing cycle some cycles after (or before, when negative) the one that starts at `startMs`. */
export function shiftCycleMs(
  timeZone: string,
  cycleDay: number,
  at: { readonly startMs: number; readonly cycles: number },
): number {
  const date = dateOfDay(dayOf(timeZone, at.startMs)).with({ day: cycleDay });
  return dayStartMs(timeZone, dayOfDate(date.add({ months: at.cycles })));
}

/** A zone's offset between two of its changes. */
interface OffsetSpan extends Range {
  readonly offsetMs: number;
  /** "+01:00" */
  readonly offset: string;
}

const offsetSpans = new Map<string, OffsetSpan[]>();

function offsetAt(timeZone: string, atMs: number): OffsetSpan {
  const ofZone = offsetSpans.get(timeZone) ?? [];
  offsetSpans.set(timeZone, ofZone);
  const known = ofZone.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  if (known !== undefined) return known;
  if (ofZone.length >= CACHED_OFFSETS_PER_ZONE) ofZone.length = 0;
  const found = offsetSpanAt(zoned(timeZone, atMs));
  ofZone.push(found);
  return found;
}

function offsetSpanAt(local: Temporal.ZonedDateTime): OffsetSpan {
  // A change at the instant itself is the beginning of its span.
  const from = local.add({ milliseconds: 1 }).getTimeZoneTransition('previous');
  const to = local.getTimeZoneTransition('next');
  return {
    fromMs: from?.epochMilliseconds ?? -Infinity,
    toMs: to?.epochMilliseconds ?? Infinity,
    offsetMs: local.offsetNanoseconds / 1e6,
    // As printed it has whole minutes, even where the zone's own had seconds.
    offset: local
      .toString({ timeZoneName: 'never', fractionalSecondDigits: 3 })
      .slice(-OFFSET_LENGTH),
  };
}

function zoned(timeZone: string, atMs: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
}

function dayOfDate(date: Temporal.PlainDate): number {
  return EPOCH_DAY.until(date, { largestUnit: 'day' }).days;
}

function dateOfDay(day: number): Temporal.PlainDate {
  return EPOCH_DAY.add({ days: day });
}

function firstDayOfUnit(unit: Exclude<CalendarUnit, 'HOUR'>, day: number): number {
  switch (unit) {
    case 'DAY':
      return day;
    case 'WEEK':
      return Math.floor((day + EPOCH_DAYS_AFTER_MONDAY) / 7) * 7 - EPOCH_DAYS_AFTER_MONDAY;
    case 'MONTH':
      return dayOfDate(dateOfDay(day).with({ day: 1 }));
  }
}

function nextFirstDay(unit: Exclude<CalendarUnit, 'HOUR'>, firstDay: number): number {
  switch (unit) {
    case 'DAY':
      return firstDay + 1;
    case 'WEEK':
      return firstDay + 7;
    case 'MONTH':
      return dayOfDate(dateOfDay(firstDay).add({ months: 1 }));
  }
}

function hourStartMs(timeZone: string, atMs: number): number {
  // Walked from the day's start, because a local hour that the clock repeats or skips has no unique name.
  let startMs = dayStartMs(timeZone, dayOf(timeZone, atMs));
  for (;;) {
    const nextMs = nextHourMs(timeZone, startMs);
    if (nextMs > atMs) return startMs;
    startMs = nextMs;
  }
}

function nextHourMs(timeZone: string, startMs: number): number {
  const laterMs = startMs + HOUR_MS;
  if (zoned(timeZone, laterMs).minute === 0) return laterMs;
  // The clock shifted by less than an hour: the next hour begins at the next local hh:00, wherever that is.
  let wall = zoned(timeZone, startMs)
    .toPlainDateTime()
    .round({ smallestUnit: 'hour', roundingMode: 'floor' });
  let nextMs = startMs;
  while (nextMs <= startMs) {
    wall = wall.add({ hours: 1 });
    nextMs = wall.toZonedDateTime(timeZone).epochMilliseconds;
  }
  return nextMs;
}
