// Instants of a file: in ISO form, or counted in seconds or milliseconds from a base. Cut to milliseconds.

import { Temporal } from 'temporal-polyfill';
import { dayStartMs, parseLocalDate } from '../../core/calendar.ts';
import { INSTANT_MAX_MS, INSTANT_MIN_MS } from '../../core/instant.ts';
import { DAY_MS } from '../../core/range.ts';
import { decimalHint, floorTo, parseDecimal, type DecimalMark } from './decimal.ts';
import { RowRejection, ZoneNeeded } from './errors.ts';

export const timeUnits = { iso: 'iso', s: 's', ms: 'ms' } as const;
export type TimeUnit = keyof typeof timeUnits;

/** How times are written in a file. */
export interface TimeRule {
  readonly unit: TimeUnit;
  /** The base of counted times, epoch milliseconds. */
  readonly baseMs: number;
  /** Added to every time, in days of 24 hours. */
  readonly shiftDays: number;
  /** The zone for dates without a time; null while it is not known. */
  readonly zone: string | null;
  /** For counted times. */
  readonly decimal: DecimalMark;
}

const SECOND_DIGITS = 3;
/** A day, then a time, then an offset, each complete. Excludes Temporal's wider forms (zone annotations). */
const ISO =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:\s?(Z|[+-]\d\d:?\d\d))?)?$/i;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** Epoch milliseconds of "2023-11-16 18:17:03.9799600" (UTC without offset), finer digits cut; null for anything else. */
export function parseIsoMs(text: string): number | null {
  const match = ISO.exec(text.trim());
  if (match === null) return null;
  const [, day = '', time = '00:00', offset = 'Z'] = match;
  try {
    return Temporal.Instant.from(`${day}T${time}${offset}`).epochMilliseconds;
  } catch {
    return null;
  }
}

/**
 * Epoch milliseconds of a cell. @param field the flag that uses it, for the rejection
 * @throws RowRejection when it is no time in the rule's unit
 * @throws ZoneNeeded when it is a date, and the zone is not known
 */
export function instantMs(text: string, rule: TimeRule, field: string): number {
  if (rule.unit === 'iso' && DATE.test(text.trim())) return dayMs(text.trim(), rule, field);
  const atMs = rule.unit === 'iso' ? parseIsoMs(text) : countedMs(text, rule.unit, rule.decimal);
  if (atMs === null) {
    throw new RowRejection(
      rule.unit === 'iso'
        ? `${field} is "${text}", which is not an instant like 2026-03-01T00:00:00Z.`
        : notANumber(field, text, rule.decimal),
    );
  }
  const shiftedMs = atMs + (rule.unit === 'iso' ? 0 : rule.baseMs) + rule.shiftDays * DAY_MS;
  return printable(shiftedMs, `${field} is "${text}"`);
}

/** The instant some time after another, finer digits cut. @throws RowRejection when `text` is no number */
export function endMs(
  fromMs: number,
  text: string,
  rule: { readonly unit: Exclude<TimeUnit, 'iso'>; readonly decimal: DecimalMark },
): number {
  const lengthMs = countedMs(text, rule.unit, rule.decimal);
  if (lengthMs === null) throw new RowRejection(notANumber('duration', text, rule.decimal));
  return printable(fromMs + lengthMs, `duration is "${text}"`);
}

// A shifted day is a whole day again: the days between may have 23 or 25 hours.
function dayMs(text: string, { zone, shiftDays }: TimeRule, field: string): number {
  const day = dayNumber(text);
  if (day === null) throw new RowRejection(`${field} is "${text}", which is no calendar day.`);
  if (zone === null) throw new ZoneNeeded(`${field} is "${text}", a date without a time.`);
  return printable(dayStartMs(zone, day + shiftDays), `${field} is "${text}"`);
}

function dayNumber(text: string): number | null {
  try {
    return parseLocalDate(text);
  } catch {
    return null;
  }
}

function notANumber(field: string, text: string, mark: DecimalMark): string {
  return `${field} is "${text}", which is not a number.${decimalHint(text, mark)}`;
}

function printable(atMs: number, what: string): number {
  if (atMs >= INSTANT_MIN_MS && atMs <= INSTANT_MAX_MS) return atMs;
  throw new RowRejection(`${what}, which leads outside the years 0000 to 9999.`);
}

function countedMs(text: string, unit: Exclude<TimeUnit, 'iso'>, mark: DecimalMark): number | null {
  const count = parseDecimal(text, mark);
  if (count === null) return null;
  // As a float, 1.001 s x 1000 would lose its millisecond.
  const wholeMs = Number(floorTo(count, unit === 's' ? SECOND_DIGITS : 0));
  return Number.isSafeInteger(wholeMs) ? wholeMs : null;
}
