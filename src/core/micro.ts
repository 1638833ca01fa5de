// Credits are whole micro-credits in bigint, never a float. In the API they are decimal strings with at most six fraction
// digits; what a signed 64-bit number of micro-credits does not hold is refused, never rounded.

import { UserInputError, type ErrorPath } from './errors.ts';

export const MICRO_PER_CREDIT = 1_000_000n;
export const MICRO_MAX = 2n ** 63n - 1n;
/** The largest int of the database and of GraphQL. */
export const INT_MAX = 2 ** 31 - 1;
export const SAFE_INT_MAX = Number.MAX_SAFE_INTEGER;
const FRACTION_DIGITS = 6;
const MICRO_PER_HUNDREDTH = 10_000n;
const DECIMAL = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?$/;

/**
 * Reads a decimal string ("212.16", "-0.5") as micro-units.
 * @throws UserInputError when it has another form, a seventh fraction digit, or does not fit 64 bits
 */
export function parseMicro(text: string, path?: ErrorPath): bigint {
  const match = DECIMAL.exec(text);
  if (match === null) {
    throw new UserInputError(
      `${shown(text)} is not a decimal number like "212.16" (digits, at most six after the point, no exponent).`,
      { path },
    );
  }
  const [, sign, whole = '', fraction = ''] = match;
  if (fraction.length > FRACTION_DIGITS) {
    throw new UserInputError(
      `${shown(text)} has ${fraction.length} fraction digits; at most six are kept exactly.`,
      { path },
    );
  }
  const micro = BigInt(whole) * MICRO_PER_CREDIT + BigInt(fraction.padEnd(FRACTION_DIGITS, '0'));
  if (micro > MICRO_MAX) {
    throw new UserInputError(
      `${shown(text)} is too large: at most ${formatMicro(MICRO_MAX)} can be held.`,
      { path },
    );
  }
  return sign === '-' ? -micro : micro;
}

/** The canonical decimal string of micro-units: no trailing zeros, no exponent, `-` for debt. */
export function formatMicro(micro: bigint): string {
  return formatScaled(micro, FRACTION_DIGITS);
}

/** Powers of ten: working one out takes as long as printing a number. */
const SCALES = Array.from({ length: 19 }, (_, digits) => 10n ** BigInt(digits));

/** The canonical decimal string of units of 10^-digits, in the same form. */
export function formatScaled(units: bigint, digits: number): string {
  const scale = SCALES[digits] ?? 10n ** BigInt(digits);
  const absolute = units < 0n ? -units : units;
  const whole = (absolute / scale).toString();
  const fraction = (absolute % scale).toString().padStart(digits, '0').replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Micro-units with a thousands separator, exact: "12,345.288". */
export function groupedMicro(micro: bigint): string {
  const [whole = '', ...fraction] = formatMicro(micro).split('.');
  return [whole.replace(/\B(?=(?:\d{3})+$)/g, ','), ...fraction].join('.');
}

/**
 * Micro-units as people read them in a sentence: "1,234.57", with at most two decimals, half away from zero. A value that would
 * be rounded to zero but is not zero keeps all its digits: "0.000016".
 */
export function readableMicro(micro: bigint): string {
  const absolute = micro < 0n ? -micro : micro;
  const rounded = halfUp(absolute, MICRO_PER_HUNDREDTH) * MICRO_PER_HUNDREDTH;
  if (rounded === 0n) return groupedMicro(micro);
  return groupedMicro(micro < 0n ? -rounded : rounded);
}

/** Division rounded towards minus infinity. `divisor` must be positive. */
export function floorDiv(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/** 100 x part / whole from the exact values, half up, four decimals; null when `whole` is not above zero. */
export function percentOf(part: bigint, whole: bigint): number | null {
  if (whole <= 0n) return null;
  return Number(halfUp(part * 1_000_000n, whole)) / 10_000;
}

/** 100 x part / whole in millionths, half up; null when `whole` is not above zero. */
export function percentMicro(part: bigint, whole: bigint): bigint | null {
  return whole <= 0n ? null : halfUp(part * 100_000_000n, whole);
}

/** Division rounded to the nearest, halves up. `divisor` must be positive. */
export function halfUp(dividend: bigint, divisor: bigint): bigint {
  return floorDiv(2n * dividend + divisor, 2n * divisor);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
