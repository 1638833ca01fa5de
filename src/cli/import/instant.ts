// Instants of a file: written out (ISO), or counted in seconds or milliseconds from a base. Cut to milliseconds.

import { Temporal } from 'temporal-polyfill';
import { INSTANT_MAX_MS, INSTANT_MIN_MS } from '../../core/instant.ts';
import { DAY_MS } from '../../core/range.ts';
import { floorTo, parseDecimal } from './decimal.ts';
import { RowRejection } from './errors.ts';

export const timeUnits = { iso: 'iso', s: 's', ms: 'ms' } as const;
export type TimeUnit = keyof typeof timeUnits;

/** How a file writes its times. */
export interface TimeRule {
  readonly unit: TimeUnit;
  /** What counted times are counted from, epoch milliseconds. */
  readonly baseMs: number;
  /** Added to every time, in days of 24 hours. */
  readonly shiftDays: number;
}

const SECOND_DIGITS = 3;
/** A day, a time, an offset; only the day must be there. Keeps Temporal's wider forms (zone annotations) out. */
const ISO =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:\s?(Z|[+-]\d\d:?\d\d))?)?$/i;

/** Epoch milliseconds of "2023-11-16 18:17:03.9799600" (UTC where no offset stands), finer digits cut; null for anything else. */
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
 * Epoch milliseconds of a cell. @param field the flag it is for, named in the rejection
 * @throws RowRejection when it is no time of the rule's unit
 */
export function instantMs(text: string, rule: TimeRule, field: string): number {
  const atMs = rule.unit === 'iso' ? parseIsoMs(text) : countedMs(text, rule.unit);
  if (atMs === null) {
    const expected = rule.unit === 'iso' ? 'an instant like 2026-03-01T00:00:00Z' : 'a number';
    throw new RowRejection(`${field} is "${text}", which is not ${expected}.`);
  }
  const shiftedMs = atMs + (rule.unit === 'iso' ? 0 : rule.baseMs) + rule.shiftDays * DAY_MS;
  return printable(shiftedMs, `${field} is "${text}"`);
}

/** The instant some time after another, finer digits cut. @throws RowRejection when `text` is no number */
export function endMs(fromMs: number, text: string, unit: Exclude<TimeUnit, 'iso'>): number {
  const lengthMs = countedMs(text, unit);
  if (lengthMs === null) throw new RowRejection(`duration is "${text}", which is not a number.`);
  return printable(fromMs + lengthMs, `duration is "${text}"`);
}

function printable(atMs: number, what: string): number {
  if (atMs >= INSTANT_MIN_MS && atMs <= INSTANT_MAX_MS) return atMs;
  throw new RowRejection(`${what}, which leads outside the years 0000 to 9999.`);
}

function countedMs(text: string, unit: Exclude<TimeUnit, 'iso'>): number | null {
  const count = parseDecimal(text);
  if (count === null) return null;
  // A float of 1.001 s x 1000 would lose its millisecond.
  const wholeMs = Number(floorTo(count, unit === 's' ? SECOND_DIGITS : 0));
  return Number.isSafeInteger(wholeMs) ? wholeMs : null;
}
