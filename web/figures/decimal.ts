// What the page reckons with credits, it reckons in whole micro-credits, as the gateway does (src/core/micro.ts). A Number would
// lose what the gateway took care to keep.

const MS_PER_HOUR = 3_600_000n;

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
