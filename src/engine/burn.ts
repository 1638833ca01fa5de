// What running deployments burn. Hosting is posted to the ledger when a segment ends and when lots change. In between it is
// accrued: charged already, but not yet taken from a lot. What has accrued only grows, in steps of a micro-credit, so
// the first instant at which it reaches an amount is found by bisection, exact to the millisecond.

import { floorDiv } from '../core/micro.ts';
import { chargedMicro, type HostingSegment, MS_PER_HOUR } from '../hosting/charge.ts';

/** A running segment, and how much of its cost is posted to the ledger. */
export interface RunningSegment extends HostingSegment {
  readonly toMs: null;
  /** C(t) at the last posting; at first, the cost before the account's credits began. */
  readonly postedMicro: bigint;
}

/** Makes a segment a running one. Its cost before the account's credits began is history, and counts as posted. */
export function runningSegment(
  segment: HostingSegment & { readonly postedMicro: bigint | null },
  creditsFromMs: number,
): RunningSegment {
  const postedMicro = segment.postedMicro ?? chargedMicro(segment, creditsFromMs);
  return { ...segment, toMs: null, postedMicro };
}

/** The cost of one segment since its last posting, in micro-credits. */
export function accruedOf(segment: RunningSegment, atMs: number): bigint {
  return chargedMicro(segment, atMs) - segment.postedMicro;
}

/** The cost of all segments since their last postings, in micro-credits. */
export function accruedMicro(segments: readonly RunningSegment[], atMs: number): bigint {
  let sumMicro = 0n;
  for (const segment of segments) sumMicro += accruedOf(segment, atMs);
  return sumMicro;
}

/** Sum of replicas x rate, in micro-credits an hour. */
export function burnMicroPerHour(
  segments: readonly Pick<HostingSegment, 'replicas' | 'rateMicroPerHour'>[],
): bigint {
  let sumMicro = 0n;
  for (const { replicas, rateMicroPerHour } of segments) {
    sumMicro += BigInt(replicas) * rateMicroPerHour;
  }
  return sumMicro;
}

/**
 * The first whole millisecond in (afterMs, untilMs] at which the segments have accrued `targetMicro`, or null.
 * @param targetMicro more than what has accrued at `afterMs`
 */
export function firstAccrualMs(
  segments: readonly RunningSegment[],
  targetMicro: bigint,
  within: { readonly afterMs: number; readonly untilMs: number },
): number | null {
  const { afterMs, untilMs } = within;
  const burn = burnMicroPerHour(segments);
  if (burn === 0n || untilMs <= afterMs) return null;
  const missingMicro = targetMicro - accruedMicro(segments, afterMs);
  // Rounding changes each segment's growth by less than one micro-credit either way, so the instant lies between these two.
  const slackMicro = BigInt(segments.length) + 1n;
  let lowMs = afterMs + wholeMs(((missingMicro - slackMicro) * MS_PER_HOUR) / burn, 0) - 1;
  let highMs = afterMs + wholeMs(((missingMicro + slackMicro) * MS_PER_HOUR) / burn, Infinity) + 1;
  lowMs = Math.max(lowMs, afterMs);
  highMs = Math.min(highMs, untilMs);
  if (lowMs >= highMs || accruedMicro(segments, highMs) < targetMicro) return null;
  while (highMs - lowMs > 1) {
    const middleMs = lowMs + Math.floor((highMs - lowMs) / 2);
    if (accruedMicro(segments, middleMs) >= targetMicro) highMs = middleMs;
    else lowMs = middleMs;
  }
  return highMs;
}

/** Hours, in millionths, rounded half up. @param durationMs zero or more */
export function hoursMicro(durationMs: number): bigint {
  return floorDiv(2n * BigInt(durationMs) * 1_000_000n + MS_PER_HOUR, 2n * MS_PER_HOUR);
}

// At a slow burn the instant can lie beyond all dates: that is as good as never.
function wholeMs(durationMs: bigint, otherwise: number): number {
  if (durationMs < 0n) return 0;
  return durationMs > BigInt(Number.MAX_SAFE_INTEGER) / 2n ? otherwise : Number(durationMs);
}
