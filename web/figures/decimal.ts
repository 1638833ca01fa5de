// Credits travel as exact decimal strings. What the page reckons with them, it reckons in whole micro-credits; a Number would
// lose what the gateway took care to keep.

const MICRO_DIGITS = 6;
export const MICRO_PER_CREDIT = 1_000_000n;
const MS_PER_HOUR = 3_600_000n;

/** Micro-credits of a decimal string of at most six fraction digits, as all credits of the API are. */
export function microOf(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  const micro = BigInt(whole) * MICRO_PER_CREDIT + BigInt(fraction.padEnd(MICRO_DIGITS, '0'));
  return decimal.startsWith('-') ? -micro : micro;
}

/** The decimal string of micro-credits. */
export function decimalOf(micro: bigint): string {
  const absolute = micro < 0n ? -micro : micro;
  const fraction = String(absolute % MICRO_PER_CREDIT).padStart(MICRO_DIGITS, '0');
  return `${micro < 0n ? '-' : ''}${String(absolute / MICRO_PER_CREDIT)}.${fraction}`;
}

/** What is left after `elapsedMs` more of burning at a rate an hour, in micro-credits. Time never goes backwards. */
export function burnedDown(
  remainingMicro: bigint,
  burnMicroPerHour: bigint,
  elapsedMs: number,
): bigint {
  const elapsed = BigInt(Math.max(0, Math.trunc(elapsedMs)));
  return remainingMicro - (burnMicroPerHour * elapsed) / MS_PER_HOUR;
}

/**
 * The position of a value in a span, 0 to 1, for drawing only. Exact figures are shown as text, never read from a drawing.
 */
export function shareOf(micro: bigint, wholeMicro: bigint): number {
  if (wholeMicro <= 0n) return 0;
  const millionths = Number((micro * 1_000_000n) / wholeMicro);
  return millionths / 1_000_000;
}
