// Amounts of money are exact. Micro-credits times millionths of a currency a credit are units of 10^-12 of the currency: "pico".

import { formatScaled, halfUp } from './micro.ts';

const PICO_DIGITS = 12;
const PICO_PER_UNIT = 10n ** 12n;

/** What credits cost, or what a rate in credits is in money: the product of two numbers of millionths, exact. */
export function moneyPico(creditsMicro: bigint, priceMicro: bigint): bigint {
  return creditsMicro * priceMicro;
}

/** A part of a whole in units of 10^-12, half up. @param whole above zero */
export function quotientPico(part: bigint, whole: bigint): bigint {
  return halfUp(part * PICO_PER_UNIT, whole);
}

/** The canonical decimal string of units of 10^-12, in the form of credits. */
export function formatPico(pico: bigint): string {
  return formatScaled(pico, PICO_DIGITS);
}
