export const HOUR_MS = 3_600_000;
/** Of a day in UTC; a local day may be longer or shorter. */
export const DAY_MS = 24 * HOUR_MS;

/** A stretch of time, half-open: `toMs` is not included. Epoch milliseconds. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The part that both ranges share; null when they only touch or lie apart. */
export function intersect(a: Range, b: Range): Range | null {
  const fromMs = Math.max(a.fromMs, b.fromMs);
  const toMs = Math.min(a.toMs, b.toMs);
  return fromMs < toMs ? { fromMs, toMs } : null;
}

/** Length in milliseconds; never negative. */
export function lengthMs(range: Range): number {
  return Math.max(0, range.toMs - range.fromMs);
}

const DAYS_KEPT_MAX = 4_096;
const TIME_LENGTH = 'HH:mm:ss.sssZ'.length;

/** "2026-03-29T" by days since 1970. */
const printedDays = new Map<number, string>();

/**
 * The instant as the API prints it: UTC with milliseconds. A page prints hundreds, but of few days, and computing the
 * date takes longest, so each day is printed once.
 * @throws RangeError beyond what a Date holds
 */
export function isoInstant(atMs: number): string {
  const wholeMs = Math.trunc(atMs);
  const day = Math.floor(wholeMs / DAY_MS);
  const inDayMs = wholeMs - day * DAY_MS;
  const hours = twoDigits(Math.floor(inDayMs / HOUR_MS));
  const minutes = twoDigits(Math.floor(inDayMs / 60_000) % 60);
  const seconds = twoDigits(Math.floor(inDayMs / 1_000) % 60);
  const milliseconds = inDayMs % 1_000;
  const padding = milliseconds < 10 ? '00' : milliseconds < 100 ? '0' : '';
  return `${printedDay(day)}${hours}:${minutes}:${seconds}.${padding}${milliseconds}Z`;
}

function printedDay(day: number): string {
  const known = printedDays.get(day);
  if (known !== undefined) return known;
  const printed = new Date(day * DAY_MS).toISOString().slice(0, -TIME_LENGTH);
  if (printedDays.size >= DAYS_KEPT_MAX) printedDays.clear();
  printedDays.set(day, printed);
  return printed;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}
