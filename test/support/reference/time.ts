// Ranges and buckets of the reference, straight from the words of the contract: every label of every day is looked at.

import { Temporal } from 'temporal-polyfill';

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Bucket extends Span {
  readonly isPartial: boolean;
}

export type Unit = 'HOUR' | 'DAY' | 'WEEK' | 'MONTH';

/** A range as it is asked for, with the zone that it is asked in. */
export interface RangeQuestion {
  readonly preset?: Preset;
  readonly from?: number;
  readonly to?: number;
  readonly fromDay?: string;
  readonly toDay?: string;
  readonly zone: string;
}

export type Preset =
  | 'LAST_24_HOURS'
  | 'LAST_7_DAYS'
  | 'LAST_30_DAYS'
  | 'LAST_90_DAYS'
  | 'CURRENT_CYCLE'
  | 'PREVIOUS_CYCLE';

/** Whose cycles they are: the cycle day in the account's own zone, and the zones that it had before. */
export interface Cycles {
  readonly timeZone: string;
  readonly cycleDay: number;
  /** When the account's credits began. */
  readonly since?: number;
  /** Its zones, from when on each was its own, the first one first. */
  readonly zones?: readonly { readonly from: number; readonly zone: string }[];
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LAST_DAYS = { LAST_7_DAYS: 7, LAST_30_DAYS: 30, LAST_90_DAYS: 90 } as const;

/** The range in instants. */
export function resolve(question: RangeQuestion, cycles: Cycles, now: number): Span {
  const { preset, zone } = question;
  if (preset === 'LAST_24_HOURS') return { from: now - 24 * HOUR, to: now };
  if (preset === 'CURRENT_CYCLE') return { from: cycleStart(cycles, now, 0), to: now };
  if (preset === 'PREVIOUS_CYCLE') {
    return { from: cycleStart(cycles, now, 1), to: cycleStart(cycles, now, 0) };
  }
  if (preset !== undefined) {
    const today = local(now, zone).toPlainDate();
    return { from: startOf(today.subtract({ days: LAST_DAYS[preset] - 1 }), zone), to: now };
  }
  if (question.fromDay !== undefined && question.toDay !== undefined) {
    return {
      from: startOf(Temporal.PlainDate.from(question.fromDay), zone),
      to: startOf(Temporal.PlainDate.from(question.toDay).add({ days: 1 }), zone),
    };
  }
  return { from: question.from ?? now, to: question.to ?? now };
}

/** The range before it, by the rule at AccountUsage.previous. */
export function previousOf(question: RangeQuestion, cycles: Cycles, now: number): Span {
  const { preset, zone } = question;
  const { from, to } = resolve(question, cycles, now);
  switch (preset) {
    case 'CURRENT_CYCLE':
      return partOfCycleBefore(from, cycles, now);
    case 'PREVIOUS_CYCLE':
      return { from: cycleStart(cycles, now, 2), to: from };
    case 'LAST_7_DAYS':
    case 'LAST_30_DAYS':
    case 'LAST_90_DAYS': {
      const days = LAST_DAYS[preset];
      return { from: daysBack(from, days, zone), to: daysBack(to, days, zone) };
    }
    case 'LAST_24_HOURS':
    case undefined:
      break;
  }
  return wholeUnitsBefore({ from, to }, zone) ?? { from: from - (to - from), to: from };
}

/** The cycle before the one that starts at `from`, up to as many days and the same local time after its start. */
function partOfCycleBefore(from: number, cycles: Cycles, now: number): Span {
  const zone = cycles.timeZone;
  const before = cycleStart(cycles, now, 1);
  const days = dayOf(from, zone).until(dayOf(now, zone), { largestUnit: 'day' }).days;
  const day = dayOf(before, zone).add({ days });
  const sameTime = day.toPlainDateTime(local(now, zone).toPlainTime()).toZonedDateTime(zone);
  // In another zone than the cycle began in, the same local time may lie before its start: then nothing is of it.
  return { from: before, to: Math.max(before, Math.min(from, sameTime.epochMilliseconds)) };
}

/** As many months or days before a range of whole ones; null for any other range. */
function wholeUnitsBefore(range: Span, zone: string): Span | null {
  const first = dayOf(range.from, zone);
  const last = dayOf(range.to, zone);
  const isWhole = startOf(first, zone) === range.from && startOf(last, zone) === range.to;
  if (!isWhole || range.from === range.to) return null;
  const unit = first.day === 1 && last.day === 1 ? 'month' : 'day';
  const { months, days } = first.until(last, { largestUnit: unit });
  return { from: startOf(first.subtract({ months, days }), zone), to: range.from };
}

/** The buckets that a range meets, cut to it. */
export function bucketsOf(range: Span, zone: string, unit: Unit): readonly Bucket[] {
  const edges = edgesAround(range, zone, unit);
  const buckets: Bucket[] = [];
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const from = Math.max(edges[i] ?? 0, range.from);
    const to = Math.min(edges[i + 1] ?? 0, range.to);
    if (from < to) buckets.push({ from, to, isPartial: from !== edges[i] || to !== edges[i + 1] });
  }
  return buckets;
}

/** What AUTO means for a range. */
export function autoUnit(range: Span, zone: string): Unit {
  if (range.to - range.from <= 48 * HOUR) return 'HOUR';
  const first = dayOf(range.from, zone);
  const days = first.until(dayOf(range.to - 1, zone), { largestUnit: 'day' }).days + 1;
  if (days <= 92) return 'DAY';
  return days <= 550 ? 'WEEK' : 'MONTH';
}

/** Every instant at which a unit begins, from before the range to after it, ascending. */
export function edgesAround(range: Span, zone: string, unit: Unit): readonly number[] {
  const edges = new Set<number>();
  const margin = { HOUR: 3, DAY: 3, WEEK: 10, MONTH: 40 }[unit];
  const last = dayOf(range.to, zone).add({ days: margin });
  let day = dayOf(range.from, zone).subtract({ days: margin });
  for (; Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 })) {
    for (const edge of beginningsOn(day, zone, unit)) edges.add(edge);
  }
  return [...edges].sort((a, b) => a - b);
}

function beginningsOn(day: Temporal.PlainDate, zone: string, unit: Unit): readonly number[] {
  switch (unit) {
    case 'HOUR':
      return hoursOf(day, zone);
    case 'DAY':
      return [startOf(day, zone)];
    case 'WEEK':
      return day.dayOfWeek === 1 ? [startOf(day, zone)] : [];
    case 'MONTH':
      return day.day === 1 ? [startOf(day, zone)] : [];
  }
}

// Each local hh:00, both times where the clock shows it twice; one that the clock skips is where «compatible» puts it.
function hoursOf(day: Temporal.PlainDate, zone: string): readonly number[] {
  const edges: number[] = [];
  for (let hour = 0; hour < 24; hour += 1) {
    const label = day.toPlainDateTime({ hour });
    const earlier = label.toZonedDateTime(zone, { disambiguation: 'earlier' });
    const later = label.toZonedDateTime(zone, { disambiguation: 'later' });
    if (earlier.toPlainDateTime().equals(label)) edges.push(earlier.epochMilliseconds);
    edges.push(later.epochMilliseconds);
  }
  return edges;
}

/**
 * The beginning of the running cycle, or of the one `back` cycles before it. A cycle keeps the end that it had when it began;
 * the next one ends at the first cycle day, in the zone of then, that is at least two weeks away. Before the first cycle
 * they go on backwards by the calendar.
 */
export function cycleStart(cycles: Cycles, now: number, back: number): number {
  const { since = now } = cycles;
  const zoneAt = (at: number): string => zoneOf(cycles, at);
  const starts = [cycleDayBefore(cycles.cycleDay, zoneAt(since), since)];
  starts.unshift(cycleDayBefore(cycles.cycleDay, zoneAt(since), (starts[0] ?? 0) - 14 * DAY));
  for (;;) {
    const start = starts.at(-1) ?? 0;
    // The first cycle was laid out when the account was made, in the zone of then.
    const zone = starts.length === 2 ? zoneAt(since) : zoneAt(start);
    const end = cycleDayFrom(cycles.cycleDay, zone, start + 14 * DAY);
    if (end > now) break;
    starts.push(end);
  }
  while (starts.length <= back) {
    starts.unshift(cycleDayBefore(cycles.cycleDay, cycles.timeZone, (starts[0] ?? 0) - 14 * DAY));
  }
  return starts.at(-1 - back) ?? 0;
}

function zoneOf({ timeZone, zones = [] }: Cycles, at: number): string {
  return zones.findLast(({ from }) => from <= at)?.zone ?? zones[0]?.zone ?? timeZone;
}

function cycleDayBefore(cycleDay: number, zone: string, at: number): number {
  for (let day = dayOf(at, zone); ; day = day.subtract({ days: 1 })) {
    if (day.day === cycleDay && startOf(day, zone) <= at) return startOf(day, zone);
  }
}

function cycleDayFrom(cycleDay: number, zone: string, at: number): number {
  for (let day = dayOf(at, zone); ; day = day.add({ days: 1 })) {
    if (day.day === cycleDay && startOf(day, zone) > at) return startOf(day, zone);
  }
}

function daysBack(at: number, days: number, zone: string): number {
  return local(at, zone)
    .toPlainDateTime()
    .subtract({ days })
    .toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds;
}

function startOf(day: Temporal.PlainDate, zone: string): number {
  return day.toZonedDateTime(zone).epochMilliseconds;
}

function dayOf(at: number, zone: string): Temporal.PlainDate {
  return local(at, zone).toPlainDate();
}

function local(at: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
}
