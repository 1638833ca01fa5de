// The forms of the API's figures, read and written apart from the gateway's own code.

import { Temporal } from 'temporal-polyfill';

/** Half up, four decimals; null when there is nothing to take a part of. */
export function percent(part: bigint, whole: bigint): number | null {
  return whole <= 0n ? null : Number((part * 2_000_000n + whole) / (2n * whole)) / 10_000;
}

/** Micro-credits of a decimal string. */
export function micro(credits: string): bigint {
  const [whole = '', fraction = ''] = credits.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
}

export function ms(duration: string): number {
  return Temporal.Duration.from(duration).total('milliseconds');
}

export function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

export function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : iso(atMs);
}
