// Every figure that a person reads, in the reader's language. Decimals go from the API's string into Intl, never by Number.

import { createContext, useContext } from 'react';

const DECIMAL = /^-?\d+(\.\d+)?$/;
const DURATION = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?$/;

export interface Figures {
  /** "213.25", for reading. */
  readonly credits: (decimal: string) => string;
  /** "213.247742" or "3.60": as many digits as it has. */
  readonly exactCredits: (decimal: string) => string;
  /** "+12.50" or "−3.00": with its sign. */
  readonly signedCredits: (decimal: string) => string;
  /** "3.600000": always six digits, so that they stand one below the other. */
  readonly sixDigits: (decimal: string) => string;
  readonly signedSixDigits: (decimal: string) => string;
  readonly count: (count: number) => string;
  /** Of a mark on an axis, where there is little room: "2.5", "250k". */
  readonly tick: (value: number) => string;
  /** "+12" or "-3" */
  readonly signedCount: (count: number) => string;
  /** Of a percentage of 0 to 100: "71.08 %". */
  readonly percent: (percent: number) => string;
  /** Of an ISO 8601 duration: "36 h 15 min". Under a minute in seconds. */
  readonly duration: (iso: string) => string;
  /** Of decimal hours: "24 h", "1.5 h"; less than one in minutes: "4 min". */
  readonly hours: (decimal: string) => string;
  readonly gigabytes: (gb: number) => string;
  /** Of a size of a file: "640 kB", "3.4 MB". */
  readonly fileSize: (bytes: number) => string;
  /** "29 Oct 2026" */
  readonly day: (instant: string) => string;
  /** "Thu 12 Nov" */
  readonly weekday: (instant: string) => string;
  /** "29 Oct 2026, 14:05" */
  readonly instant: (instant: string) => string;
  /** "29 Oct 2026, 14:05:09.123": to the millisecond. */
  readonly exactInstant: (instant: string) => string;
  /** "14:05" */
  readonly time: (instant: string) => string;
  /** "November 2026" */
  readonly month: (instant: string) => string;
  readonly locale: string;
  readonly timeZone: string;
}

/** The figures of a language and a zone. */
export function figuresOf(locale: string, timeZone: string): Figures {
  const two = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  const six = { minimumFractionDigits: 6, maximumFractionDigits: 6 };
  const signed = { signDisplay: 'exceptZero' } as const;
  const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const signedCount = new Intl.NumberFormat(locale, { signDisplay: 'exceptZero' });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
  const gigabytes = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const hours = decimals(locale, { maximumFractionDigits: 2 });
  return {
    credits: decimals(locale, two),
    exactCredits: decimals(locale, { ...two, maximumFractionDigits: 6 }),
    signedCredits: decimals(locale, { ...two, ...signed }),
    sixDigits: decimals(locale, six),
    signedSixDigits: decimals(locale, { ...six, ...signed }),
    count: (value) => count.format(value),
    tick: ticks(locale),
    signedCount: (value) => signedCount.format(value),
    percent: (value) => percent.format(value / 100),
    duration: durations(locale),
    hours: (decimal) => {
      const minutes = Math.round(Number(decimal) * 60);
      return minutes < 60 ? `${count.format(minutes)}\u00a0min` : `${hours(decimal)}\u00a0h`;
    },
    gigabytes: (gb) => `${gigabytes.format(gb)} GB`,
    fileSize: fileSizes(locale),
    ...dates(locale, timeZone),
    locale,
    timeZone,
  };
}

function decimals(locale: string, options: Intl.NumberFormatOptions): (decimal: string) => string {
  // A rounded debt of less than half a hundredth shows no minus sign.
  const format = new Intl.NumberFormat(locale, { signDisplay: 'negative', ...options });
  return (decimal) => (isDecimal(decimal) ? format.format(decimal) : decimal);
}

function ticks(locale: string): (value: number) => string {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 2 });
  return (value) => (value < 10_000 ? whole : compact).format(value);
}

function fileSizes(locale: string): (bytes: number) => string {
  const [small, large] = (['kilobyte', 'megabyte'] as const).map(
    (unit) => new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: 1 }),
  );
  return (bytes) =>
    (bytes < 1_000_000 ? small?.format(bytes / 1_000) : large?.format(bytes / 1_000_000)) ?? '';
}

function isDecimal(text: string): text is `${number}` {
  return DECIMAL.test(text);
}

function dates(
  locale: string,
  timeZone: string,
): Pick<Figures, 'day' | 'weekday' | 'instant' | 'exactInstant' | 'time' | 'month'> {
  const format = (options: Intl.DateTimeFormatOptions): ((instant: string) => string) => {
    const dateTime = new Intl.DateTimeFormat(locale, { timeZone, ...options });
    return (instant) => dateTime.format(new Date(instant));
  };
  const day = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return {
    day: format(day),
    weekday: format({ weekday: 'short', day: 'numeric', month: 'short' }),
    instant: format({ ...day, ...time }),
    exactInstant: format({ ...day, ...time, second: '2-digit', fractionalSecondDigits: 3 }),
    time: format(time),
    month: format({ month: 'long', year: 'numeric' }),
  };
}

/** Seconds of an ISO 8601 duration of hours, minutes and seconds; fractions are cut off. */
export function secondsOf(iso: string): number {
  const [, hours = '0', minutes = '0', seconds = '0'] = DURATION.exec(iso) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function durations(locale: string): (iso: string) => string {
  const count = new Intl.NumberFormat(locale);
  // The units' international symbols are the same in every language.
  const inUnit = (value: number, symbol: 'h' | 'min' | 's'): string =>
    `${count.format(value)}\u00a0${symbol}`;
  return (iso) => {
    const seconds = secondsOf(iso);
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (hours > 0) return `${inUnit(hours, 'h')} ${inUnit(minutes, 'min')}`;
    return minutes > 0 || seconds === 0 ? inUnit(minutes, 'min') : inUnit(seconds, 's');
  };
}

export const FiguresContext = createContext<Figures>(figuresOf('en', 'UTC'));

/** The figures of the reader's language and the range's zone. */
export function useFigures(): Figures {
  return useContext(FiguresContext);
}
