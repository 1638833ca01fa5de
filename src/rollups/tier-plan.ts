// How a range is read from the rollups. Each tier's buckets nest in those of the next tier. A range is covered
// by the widest tier that fits. The differences between its edges and the nearest bucket boundaries are added or subtracted in
// the same way, one tier down. What remains at the edges, less than half a bucket of the finest tier, is read from the raw rows.
//
// Under the day, sums of the account are kept by quarter hours and two hours, and sums of resources by hours. These begin as many
// quarter hours past the full hour as the days of the account's zone do, so that days are whole hours of theirs (but for a zone whose
// clock changes by half an hour).
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
  HOUR: 5,
} as const;
export type Tier = (typeof TIERS)[keyof typeof TIERS];

export const QUARTER_HOUR_MS = 900_000;
const TWO_HOURS_MS = 8 * QUARTER_HOUR_MS;
export const QUARTERS_PER_HOUR = 4;
export const QUARTERS_PER_DAY = 24 * QUARTERS_PER_HOUR;
const HOUR_MS = QUARTERS_PER_HOUR * QUARTER_HOUR_MS;
/** 1 January 2026: the day by which zones are told apart. */
const REFERENCE_DAY = 20_454;

/** How many quarter hours past the full hour (UTC) the days of a zone begin, as of its time in winter. */
export function quartersPastHour(timeZone: string): number {
  return (dayStartMs(timeZone, REFERENCE_DAY) / QUARTER_HOUR_MS) % QUARTERS_PER_HOUR;
}

/** Whether a tier's buckets are local days. */
export function isOfDays(tier: Tier): boolean {
  return tier === TIERS.DAY || tier === TIERS.EIGHT_DAYS || tier === TIERS.SIXTY_FOUR_DAYS;
}

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

/** The tiers of an account: its zone, whose local days the day tiers hold, and what there is under the day. */
export interface Tiers {
  readonly timeZone: string;
  readonly underDay: 'QUARTER_HOURS' | 'HOURS';
}

/**
 * Covers each cell between two neighbouring instants.
 * @param edgesMs ascending; cell i is [edgesMs[i], edgesMs[i + 1])
 */
export function planTiers(edgesMs: readonly number[], { timeZone, underDay }: Tiers): TierPlan {
  const planner = new Planner(timeZone, underDay === 'HOURS' ? WITH_HOURS : WITH_QUARTER_HOURS);
  for (let cell = 0; cell + 1 < edgesMs.length; cell += 1) {
    planner.coverCell({ cell, fromMs: edgesMs[cell] ?? 0, toMs: edgesMs[cell + 1] ?? 0, sign: 1 });
  }
  return planner;
}

/** Tiers from the widest on, each with the length from which it is the first to cover a cell. */
type Ladder = readonly { readonly tier: Tier; readonly fromLengthMs: number }[];

const OF_DAYS: Ladder = [
  { tier: TIERS.SIXTY_FOUR_DAYS, fromLengthMs: 64 * DAY_MS },
  { tier: TIERS.EIGHT_DAYS, fromLengthMs: 8 * DAY_MS },
  // A local day may have 23 hours, or fewer where a zone changed its offset.
  { tier: TIERS.DAY, fromLengthMs: DAY_MS - TWO_HOURS_MS },
];
const WITH_QUARTER_HOURS: Ladder = [
  ...OF_DAYS,
  { tier: TIERS.TWO_HOURS, fromLengthMs: TWO_HOURS_MS },
  { tier: TIERS.QUARTER_HOUR, fromLengthMs: 0 },
];
const WITH_HOURS: Ladder = [...OF_DAYS, { tier: TIERS.HOUR, fromLengthMs: 0 }];

class Planner implements TierPlan {
  readonly tierSpans: TierSpan[] = [];
  readonly rawEventSpans: RawSpan[] = [];
  readonly rawHostingSpans: RawSpan[] = [];

  constructor(
    private readonly timeZone: string,
    private readonly ladder: Ladder,
  ) {}

  coverCell(cell: RawSpan): void {
    const lengthMs = cell.toMs - cell.fromMs;
    const step = this.ladder.findIndex(({ fromLengthMs }) => lengthMs >= fromLengthMs);
    // Shorter than a day: day buckets cannot help, and hosting is read from its segments alone.
    if (!isOfDays(this.ladder[step]?.tier ?? TIERS.HOUR)) this.rawHostingSpans.push(cell);
    this.cover(cell, step);
  }

  private cover(stretch: RawSpan, step: number): void {
    if (stretch.fromMs >= stretch.toMs) return;
    const tier = this.ladder[step]?.tier;
    if (tier === undefined) {
      this.rawEventSpans.push(stretch);
      return;
    }
    const from = nearestBoundary(tier, stretch.fromMs, this.timeZone);
    const to = nearestBoundary(tier, stretch.toMs, this.timeZone);
    if (from.bucket >= to.bucket) {
      this.below(stretch, step);
      return;
    }
    const { cell, sign } = stretch;
    this.tierSpans.push({ cell, tier, fromBucket: from.bucket, toBucket: to.bucket, sign });
    const minus = sign === 1 ? -1 : 1;
    this.below({ cell, fromMs: stretch.fromMs, toMs: from.atMs, sign }, step);
    this.below({ cell, fromMs: from.atMs, toMs: stretch.fromMs, sign: minus }, step);
    this.below({ cell, fromMs: to.atMs, toMs: stretch.toMs, sign }, step);
    this.below({ cell, fromMs: stretch.toMs, toMs: to.atMs, sign: minus }, step);
  }

  private below(stretch: RawSpan, step: number): void {
    if (stretch.fromMs >= stretch.toMs) return;
    if (this.ladder[step]?.tier === TIERS.DAY) this.rawHostingSpans.push(stretch);
    this.cover(stretch, step + 1);
  }
}

interface Boundary {
  readonly bucket: number;
  readonly atMs: number;
}

function nearestBoundary(tier: Tier, atMs: number, timeZone: string): Boundary {
  switch (tier) {
    case TIERS.QUARTER_HOUR:
      return nearestMultiple(atMs, QUARTER_HOUR_MS);
    case TIERS.TWO_HOURS:
      return nearestMultiple(atMs, TWO_HOURS_MS);
    case TIERS.HOUR: {
      const pastMs = quartersPastHour(timeZone) * QUARTER_HOUR_MS;
      const { bucket, atMs: boundaryMs } = nearestMultiple(atMs - pastMs, HOUR_MS);
      return { bucket, atMs: boundaryMs + pastMs };
    }
    case TIERS.DAY:
      return nearestDays(atMs, 1, timeZone);
    case TIERS.EIGHT_DAYS:
      return nearestDays(atMs, 8, timeZone);
    case TIERS.SIXTY_FOUR_DAYS:
      return nearestDays(atMs, 64, timeZone);
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
