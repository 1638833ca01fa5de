// Exact decimal numbers of any length, for the numbers of a file before they become micro-credits: prices of a token have
// more than six fraction digits. No float is involved.

import { floorDiv } from '../../core/micro.ts';

/** `units` / 10^`scale`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const DECIMAL = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?$/;

/** The sign before the fraction in a file's numbers. */
export type DecimalMark = '.' | ',';

/** A file's number with a decimal point. A number with the other sign stays invalid. */
export function pointed(text: string, mark: DecimalMark): string {
  return mark === '.' ? text : text.replace(/[.,]/g, (found) => (found === ',' ? '.' : ','));
}

/** A hint that the file seems to use decimal commas; empty when it does not. */
export function decimalHint(text: string, mark: DecimalMark): string {
  return mark === '.' && /^\s*[+-]?\d+,\d+\s*$/.test(text)
    ? ' If the file writes decimal commas, say --decimal ",".'
    : '';
}

/** Reads "12", "-0.5", "0.00000002"; null for anything else (exponents too). */
export function parseDecimal(text: string, mark: DecimalMark = '.'): Decimal | null {
  const match = DECIMAL.exec(pointed(text.trim(), mark));
  if (match === null) return null;
  const [, sign, whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

/** Negative when `a` is smaller, positive when it is larger, 0 when they are equal. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = unitsAt(a, scale) - unitsAt(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The value in units of 10^-`digits`, rounded half up. */
export function roundHalfUp(value: Decimal, digits: number): bigint {
  const doubled = { units: 2n * value.units, scale: value.scale };
  return floorDiv(floorTo(doubled, digits) + 1n, 2n);
}

/** The value in units of 10^-`digits`, rounded towards minus infinity. */
export function floorTo(value: Decimal, digits: number): bigint {
  return value.scale <= digits
    ? unitsAt(value, digits)
    : floorDiv(value.units, 10n ** BigInt(value.scale - digits));
}

/** The number's shortest form: "4.5" for 4.500. */
export function formatDecimal(value: Decimal): string {
  const digits = (value.units < 0n ? -value.units : value.units)
    .toString()
    .padStart(value.scale + 1, '0');
  const whole = digits.slice(0, digits.length - value.scale);
  const fraction = digits.slice(digits.length - value.scale).replace(/0+$/, '');
  return `${value.units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function unitsAt(value: Decimal, scale: number): bigint {
  return value.units * 10n ** BigInt(scale - value.scale);
}
