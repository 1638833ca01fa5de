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
/** "23:59:" by minutes of the day, "59." by seconds, "999Z" by milliseconds. */
const printedMinutes = Array.from(
  { length: 1_440 },
  (_, minute) => `${padded(Math.floor(minute / 60), 2)}:${padded(minute % 60, 2)}:`,
);
const printedSeconds = Array.from({ length: 60 }, (_, second) => `${padded(second, 2)}.`);
const printedMs = Array.from({ length: 1_000 }, (_, ms) => `${padded(ms, 3)}Z`);

/**
 * The instant as the API prints it: UTC with milliseconds. A page prints hundreds, but of few days, and computing the
 * date takes longest, so each day is printed once.
 * @throws RangeError beyond what a Date holds
 */
export function isoInstant(atMs: number): string {
  const wholeMs = Math.trunc(atMs);
  const day = Math.floor(wholeMs / DAY_MS);
  const inDayMs = wholeMs - day * DAY_MS;
  const minute = Math.floor(inDayMs / 60_000);
  const inMinuteMs = inDayMs - minute * 60_000;
  const second = Math.floor(inMinuteMs / 1_000);
  const ms = inMinuteMs - second * 1_000;
  // Looked up first: it throws at what is no instant.
  const printed = printedDay(day);
  return `${printed}${printedMinutes[minute]}${printedSeconds[second]}${printedMs[ms]}`;
}

function printedDay(day: number): string {
  const known = printedDays.get(day);
  if (known !== undefined) return known;
  const printed = new Date(day * DAY_MS).toISOString().slice(0, -TIME_LENGTH);
  if (printedDays.size >= DAYS_KEPT_MAX) printedDays.clear();
  printedDays.set(day, printed);
  return printed;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
