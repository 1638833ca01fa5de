// How a range is read from the rollups. Each tier's buckets nest in those of the next tier. A range is covered
// by the widest tier that fits. The differences between its edges and the nearest bucket boundaries are added or subtracted in
// the same way, one tier down. What remains at the edges, less than half a quarter hour, is read from the raw rows.
//
// Hosting is folded into the day tiers only, so its edges are cut at day boundaries and read from the segments.

import { DAY_MS } from '../core/range.ts';
import { dayOf, dayStartMs } from '../core/calendar.ts';

export const TIERS = {
  QUARTER_HOUR: 0,
  TWO_HOURS: 1,
  DAY: 2,
  EIGHT_DAYS: 3,
  SIXTY_FOUR_DAYS: 4,
} as const;
type Tier = (typeof TIERS)[keyof typeof TIERS];

export const QUARTER_HOUR_MS = 900_000;
const TWO_HOURS_MS = 8 * QUARTER_HOUR_MS;

/** Rollup buckets `[fromBucket, toBucket)` of one tier, counted with a sign. */
export interface TierSpan {
  readonly cell: number;
  readonly tier: Tier;
  readonly fromBucket: number;
  readonly toBucket: number;
  readonly sign: 1 | -1;
}

/** A stretch read from raw rows, counted with a sign. */
export interface RawSpan {
  readonly cell: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly sign: 1 | -1;
}

export interface TierPlan {
  readonly tierSpans: readonly TierSpan[];
  readonly rawEventSpans: readonly RawSpan[];
  readonly rawHostingSpans: readonly RawSpan[];
}

/**
 * Covers each cell between two neighbouring instants.
 * @param edgesMs ascending; cell i is [edgesMs[i], edgesMs[i + 1])
 * @param dayZone the zone whose local days the day tiers hold
 */
export function planTiers(edgesMs: readonly number[], dayZone: string): TierPlan {
  const collected: Collected = { tierSpans: [], rawEventSpans: [], rawHostingSpans: [] };
  for (let cell = 0; cell + 1 < edgesMs.length; cell += 1) {
    const fromMs = edgesMs[cell] ?? 0;
    const toMs = edgesMs[cell + 1] ?? 0;
    const stretch = { cell, fromMs, toMs, sign: 1 } as const;
    const tier = widestTier(toMs - fromMs);
    // Shorter than a day: day buckets cannot help, and hosting is read from its segments alone.
    if (tier < TIERS.DAY) collected.rawHostingSpans.push(stretch);
    cover(stretch, tier, dayZone, collected);
  }
  return collected;
}

interface Collected {
  readonly tierSpans: TierSpan[];
  readonly rawEventSpans: RawSpan[];
  readonly rawHostingSpans: RawSpan[];
}

function cover(stretch: RawSpan, tier: Tier | -1, dayZone: string, into: Collected): void {
  if (stretch.fromMs >= stretch.toMs) return;
  if (tier === -1) {
    into.rawEventSpans.push(stretch);
    return;
  }
  const from = nearestBoundary(tier, stretch.fromMs, dayZone);
  const to = nearestBoundary(tier, stretch.toMs, dayZone);
  if (from.bucket >= to.bucket) {
    below(stretch, tier, dayZone, into);
    return;
  }
  const { cell, sign } = stretch;
  into.tierSpans.push({ cell, tier, fromBucket: from.bucket, toBucket: to.bucket, sign });
  const minus = sign === 1 ? -1 : 1;
  below({ cell, fromMs: stretch.fromMs, toMs: from.atMs, sign }, tier, dayZone, into);
  below({ cell, fromMs: from.atMs, toMs: stretch.fromMs, sign: minus }, tier, dayZone, into);
  below({ cell, fromMs: to.atMs, toMs: stretch.toMs, sign }, tier, dayZone, into);
  below({ cell, fromMs: stretch.toMs, toMs: to.atMs, sign: minus }, tier, dayZone, into);
}

function below(stretch: RawSpan, tier: Tier, dayZone: string, into: Collected): void {
  if (stretch.fromMs >= stretch.toMs) return;
  if (tier === TIERS.DAY) into.rawHostingSpans.push(stretch);
  cover(stretch, tierBelow[tier], dayZone, into);
}

const tierBelow = { 0: -1, 1: 0, 2: 1, 3: 2, 4: 3 } as const;

function widestTier(lengthMs: number): Tier {
  if (lengthMs >= 64 * DAY_MS) return TIERS.SIXTY_FOUR_DAYS;
  if (lengthMs >= 8 * DAY_MS) return TIERS.EIGHT_DAYS;
  // A local day may have 23 hours, or fewer where a zone changed its offset.
  if (lengthMs >= DAY_MS - TWO_HOURS_MS) return TIERS.DAY;
  return lengthMs >= TWO_HOURS_MS ? TIERS.TWO_HOURS : TIERS.QUARTER_HOUR;
}

interface Boundary {
  readonly bucket: number;
  readonly atMs: number;
}

function nearestBoundary(tier: Tier, atMs: number, dayZone: string): Boundary {
  switch (tier) {
    case TIERS.QUARTER_HOUR:
      return nearestMultiple(atMs, QUARTER_HOUR_MS);
    case TIERS.TWO_HOURS:
      return nearestMultiple(atMs, TWO_HOURS_MS);
    case TIERS.DAY:
      return nearestDays(atMs, 1, dayZone);
    case TIERS.EIGHT_DAYS:
      return nearestDays(atMs, 8, dayZone);
    case TIERS.SIXTY_FOUR_DAYS:
      return nearestDays(atMs, 64, dayZone);
  }
}

function nearestMultiple(atMs: number, widthMs: number): Boundary {
  const bucket = Math.round(atMs / widthMs);
  return { bucket, atMs: bucket * widthMs };
}

function nearestDays(atMs: number, days: number, dayZone: string): Boundary {
  const bucket = Math.floor(dayOf(dayZone, atMs) / days);
  const startMs = dayStartMs(dayZone, bucket * days);
  const endMs = dayStartMs(dayZone, (bucket + 1) * days);
  return atMs - startMs <= endMs - atMs
    ? { bucket, atMs: startMs }
    : { bucket: bucket + 1, atMs: endMs };
}
