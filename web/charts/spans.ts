// What the bars of a trend are called, and which range each stands for.

import type { GranularityChoice, RangeChoice } from '../address/address.ts';
import type { Figures } from '../figures/figures.ts';

export interface Span {
  /** Instants; `to` is exclusive. */
  readonly from: string;
  readonly to: string;
}

/** The granularity of an answer as the address writes it. */
export function granularityOf(granularity: string): GranularityChoice {
  switch (granularity) {
    case 'HOUR':
      return 'hour';
    case 'WEEK':
      return 'week';
    case 'MONTH':
      return 'month';
    default:
      return 'day';
  }
}

/**
 * The range that shows a bar alone: whole days where the bar begins with a day, so that the address stays readable; else its
 * instants.
 */
export function rangeOf(
  { from, to }: Span,
  granularity: GranularityChoice,
  timeZone: string,
): RangeChoice {
  const start = localParts(from, timeZone);
  if (granularity === 'hour' || start.time !== '00:00:00') {
    return { kind: 'instants', from: iso(from), to: iso(to) };
  }
  const lastMs = Date.parse(to) - 1;
  return { kind: 'days', from: start.day, to: localParts(lastMs, timeZone).day };
}

const DAY_MS = 86_400_000;
const DAYS_A_WEEK = 7;

/** What instants of one bucket have in common: the local hour, day, Monday or month that they lie in. */
export function bucketKey(
  instant: string,
  granularity: GranularityChoice,
  timeZone: string,
): string {
  const { day, time } = localParts(instant, timeZone);
  switch (granularity) {
    case 'hour':
      return `${day} ${time.slice(0, 2)}`;
    case 'day':
      return day;
    case 'week': {
      // Days are counted in UTC, where each is as long as the other.
      const dayMs = Date.parse(day);
      const sinceMonday = (new Date(dayMs).getUTCDay() + DAYS_A_WEEK - 1) % DAYS_A_WEEK;
      return new Date(dayMs - sinceMonday * DAY_MS).toISOString().slice(0, 10);
    }
    case 'month':
      return day.slice(0, 7);
  }
}

function iso(instant: string): string {
  return new Date(instant).toISOString();
}

function localParts(
  instant: string | number,
  timeZone: string,
): { readonly day: string; readonly time: string } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(new Date(instant));
  const value = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((part) => part.type === type)?.value ?? '';
  return {
    day: `${value('year')}-${value('month')}-${value('day')}`,
    time: `${value('hour')}:${value('minute')}:${value('second')}`,
  };
}

export interface SpanLabels {
  /** Short, under the axis. */
  readonly axis: string;
  /** In full: «Thu 12 Nov». */
  readonly full: string;
}

/** What a bar is called. */
export function labelsOf(
  { from, to }: Span,
  granularity: GranularityChoice,
  figures: Figures,
): SpanLabels {
  const last = new Date(Date.parse(to) - 1).toISOString();
  switch (granularity) {
    case 'hour':
      return {
        axis: figures.time(from),
        full: `${figures.weekday(from)}, ${hours({ from, to }, figures)}`,
      };
    case 'day':
      return { axis: dayMonth(from, figures), full: figures.weekday(from) };
    case 'week':
      return {
        axis: dayMonth(from, figures),
        full: `${figures.weekday(from)} – ${figures.weekday(last)}`,
      };
    case 'month':
      return {
        axis: format(from, figures, { month: 'short', year: '2-digit' }),
        full: figures.month(from),
      };
  }
}

// An hour in which the clock is put back begins and ends at the same time of day: «02:00 CEST – 02:00 CET».
function hours({ from, to }: Span, figures: Figures): string {
  const isPutBack = figures.time(from) === figures.time(to);
  const text = (instant: string): string =>
    isPutBack
      ? format(instant, figures, {
          hour: '2-digit',
          minute: '2-digit',
          hourCycle: 'h23',
          timeZoneName: 'short',
        })
      : figures.time(instant);
  return `${text(from)} – ${text(to)}`;
}

function dayMonth(instant: string, figures: Figures): string {
  return format(instant, figures, { day: 'numeric', month: 'short' });
}

function format(
  instant: string,
  { locale, timeZone }: Figures,
  options: Intl.DateTimeFormatOptions,
): string {
  return new Intl.DateTimeFormat(locale, { timeZone, ...options }).format(new Date(instant));
}

const HOUR_MS = 3_600_000;
const FINEST: readonly (readonly [GranularityChoice, number])[] = [
  ['hour', HOUR_MS],
  ['day', DAY_MS],
  ['week', DAYS_A_WEEK * DAY_MS],
  ['month', 30 * DAY_MS],
];
/** More bars than this are too thin to point at. */
const BARS_MAX = 200;

/** The granularities that give a readable number of bars in a range. */
export function granularitiesOf({ from, to }: Span): readonly GranularityChoice[] {
  const lengthMs = Date.parse(to) - Date.parse(from);
  return FINEST.filter(([, ms]) => lengthMs / ms <= BARS_MAX).map(([granularity]) => granularity);
}
