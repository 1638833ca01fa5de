// Hosting is charged by segments: stretches of one resource at one hardware profile, replica count and rate. What a
// segment has cost up to an instant is one function, rounded down once; what it cost within a range is the difference of
// two of its values. So the charges of any cut of a range add up to the whole, to the micro-credit.

import type { HardwareRate } from '../catalogue/rates.ts';
import { invariant } from '../core/errors.ts';
import { floorDiv } from '../core/micro.ts';
import { intersect, type Range } from '../core/range.ts';

export const MS_PER_HOUR = 3_600_000n;

/** For one segment. */
export const REPLICAS_MAX = 1_000;

/** A stretch of hosting at one rate. `toMs` is null while it runs. */
export interface HostingSegment {
  readonly accountId: number;
  readonly segmentId: number;
  readonly resourceId: number;
  readonly hardwareId: number;
  readonly replicas: number;
  /** For one replica. */
  readonly rateMicroPerHour: bigint;
  readonly fromMs: number;
  readonly toMs: number | null;
  /** The seq of the event, for a period that was recorded afterwards. */
  readonly eventSeq: number | null;
}

type Charged = Pick<HostingSegment, 'fromMs' | 'toMs' | 'replicas' | 'rateMicroPerHour'>;

/**
 * C(t): what a segment has cost from its start up to `untilMs`, in micro-credits, rounded down (design, section 2).
 * @param untilMs clamped to the segment
 */
export function chargedMicro(segment: Charged, untilMs: number): bigint {
  const endMs = Math.min(untilMs, segment.toMs ?? untilMs);
  const ranMs = Math.max(0, endMs - segment.fromMs);
  invariant(Number.isSafeInteger(ranMs), 'segment time in whole milliseconds', { ranMs });
  const microPerHour = BigInt(segment.replicas) * segment.rateMicroPerHour;
  return floorDiv(microPerHour * BigInt(ranMs), MS_PER_HOUR);
}

/** C(b) - C(a): what a segment cost within a range, in micro-credits. */
export function chargeWithin(segment: Charged, range: Range): bigint {
  return chargedMicro(segment, range.toMs) - chargedMicro(segment, range.fromMs);
}

/** How long a segment ran within a range, in milliseconds. A running one runs to the range's end. */
export function hostedMs(segment: Pick<HostingSegment, 'fromMs' | 'toMs'>, range: Range): number {
  const inside = intersect(range, { fromMs: segment.fromMs, toMs: segment.toMs ?? range.toMs });
  return inside === null ? 0 : inside.toMs - inside.fromMs;
}

/**
 * Cuts a segment at the instants at which its hardware's rate changes. A running segment is cut up to `untilMs` only: its
 * last part goes on running, and later changes are not due yet.
 * @param rates in any order; rates of other hardware are ignored
 */
export function splitByRates<T extends HostingSegment>(
  segment: T,
  rates: readonly HardwareRate[],
  untilMs: number,
): readonly T[] {
  const endMs = segment.toMs ?? untilMs;
  const changes = rates
    .filter(
      (rate) =>
        rate.hardwareId === segment.hardwareId &&
        rate.fromMs > segment.fromMs &&
        (rate.fromMs < endMs || (segment.toMs === null && rate.fromMs === endMs)),
    )
    .sort((a, b) => a.fromMs - b.fromMs);
  const starts = [
    { fromMs: segment.fromMs, rateMicroPerHour: segment.rateMicroPerHour },
    ...changes,
  ];
  return starts.map((start, index) => ({
    ...segment,
    fromMs: start.fromMs,
    rateMicroPerHour: start.rateMicroPerHour,
    toMs: starts[index + 1]?.fromMs ?? segment.toMs,
  }));
}
