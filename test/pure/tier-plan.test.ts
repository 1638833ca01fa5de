// What the rollups would hold is made here from a list of points, bucket by bucket; the tierPlan of a range, added up with its
// signs, must come to what filtering the points gives.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dayStartMs } from '../../src/core/calendar.ts';
import {
  isOfDays,
  planTiers,
  quartersPastHour,
  TIERS,
  type TierPlan,
  type Tiers,
} from '../../src/rollups/tier-plan.ts';
import { CLOCK_CHANGES, instant, ZONES } from '../support/arbitraries.ts';

const DAYS_OF_TIER = { 2: 1, 3: 8, 4: 64 } as const;
const QUARTER_HOURS_OF_TIER = { 0: 1, 1: 8, 5: 4 } as const;
/** Of the finest tier. */
const FINEST_MS = { QUARTER_HOURS: 900_000, HOURS: 3_600_000 } as const;
const FINEST_DAY_MS = 22 * 3_600_000;

interface Point {
  readonly atMs: number;
  readonly amount: number;
}

/** When a bucket of a tier begins. */
function beginOf(
  tier: TierPlan['tierSpans'][number]['tier'],
  bucket: number,
  zone: string,
): number {
  if (tier === TIERS.QUARTER_HOUR || tier === TIERS.TWO_HOURS || tier === TIERS.HOUR) {
    const past = tier === TIERS.HOUR ? quartersPastHour(zone) : 0;
    return (bucket * QUARTER_HOURS_OF_TIER[tier] + past) * 900_000;
  }
  return dayStartMs(zone, bucket * DAYS_OF_TIER[tier]);
}

function within(points: readonly Point[], fromMs: number, toMs: number): number {
  return points
    .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
    .reduce((sum, { amount }) => sum + amount, 0);
}

/** Adds a cell up from its tierSpans of the tiers and its edges. */
function planned(
  points: readonly Point[],
  zone: string,
  parts: { readonly tierSpans: TierPlan['tierSpans']; readonly edges: TierPlan['rawEventSpans'] },
): number {
  let sum = 0;
  for (const { tier, fromBucket, toBucket, sign } of parts.tierSpans) {
    for (let bucket = fromBucket; bucket < toBucket; bucket += 1) {
      const [fromMs, toMs] = [beginOf(tier, bucket, zone), beginOf(tier, bucket + 1, zone)];
      sum += sign * within(points, fromMs, toMs);
    }
  }
  for (const { fromMs, toMs, sign } of parts.edges) sum += sign * within(points, fromMs, toMs);
  return sum;
}

const scene = fc
  .record({ change: fc.constantFrom(...CLOCK_CHANGES), zone: fc.constantFrom(...ZONES) })
  .chain(({ change, zone }) => {
    const changeMs = Date.parse(change.at);
    const nowMs = changeMs + 5 * 86_400_000;
    const at = instant(changeMs, nowMs);
    return fc.record({
      zone: fc.constant(zone),
      underDay: fc.constantFrom<Tiers['underDay']>('QUARTER_HOURS', 'HOURS'),
      points: fc.array(fc.record({ atMs: at, amount: fc.integer({ min: 1, max: 1_000_000 }) }), {
        minLength: 20,
        maxLength: 120,
        size: 'max',
      }),
      edges: fc
        .uniqueArray(at, { minLength: 2, maxLength: 9 })
        .map((edges) => edges.sort((a, b) => a - b)),
    });
  });

describe('the tierPlan of a range', () => {
  it('counts each event of each cell once', () => {
    fc.assert(
      fc.property(scene, ({ zone, underDay, points, edges }) => {
        const tierPlan = planTiers(edges, { timeZone: zone, underDay });
        const cells = edges.slice(1).map((_, cell) =>
          planned(points, zone, {
            tierSpans: tierPlan.tierSpans.filter((piece) => piece.cell === cell),
            edges: tierPlan.rawEventSpans.filter((edge) => edge.cell === cell),
          }),
        );
        expect(cells).toEqual(
          edges.slice(1).map((toMs, cell) => within(points, edges[cell] ?? 0, toMs)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('counts each millisecond of hosting once, from the day tiers and the cut days', () => {
    fc.assert(
      fc.property(scene, ({ zone, underDay, points, edges }) => {
        const tierPlan = planTiers(edges, { timeZone: zone, underDay });
        const cells = edges.slice(1).map((_, cell) =>
          planned(points, zone, {
            tierSpans: tierPlan.tierSpans.filter(
              (piece) => piece.cell === cell && isOfDays(piece.tier),
            ),
            edges: tierPlan.rawHostingSpans.filter((edge) => edge.cell === cell),
          }),
        );
        expect(cells).toEqual(
          edges.slice(1).map((toMs, cell) => within(points, edges[cell] ?? 0, toMs)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('leaves little to be read from raw rows: less than half a bucket of the finest tier at each end', () => {
    fc.assert(
      fc.property(scene, ({ zone, underDay, edges }) => {
        const { rawEventSpans, rawHostingSpans } = planTiers(edges, { timeZone: zone, underDay });
        for (const { fromMs, toMs } of rawEventSpans)
          expect(toMs - fromMs).toBeLessThanOrEqual(FINEST_MS[underDay]);
        for (const { fromMs, toMs, cell } of rawHostingSpans) {
          const cellMs = (edges[cell + 1] ?? 0) - (edges[cell] ?? 0);
          expect(toMs - fromMs).toBeLessThanOrEqual(Math.max(25 * 3_600_000, FINEST_DAY_MS));
          expect(toMs - fromMs).toBeLessThanOrEqual(Math.max(cellMs, 25 * 3_600_000));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('reads no raw rows where days of the account are asked for, in a zone that is half or three quarters of an hour off', () => {
    for (const timeZone of ['Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Adelaide']) {
      const edges = [20_500, 20_501, 20_503].map((day) => dayStartMs(timeZone, day));
      expect(planTiers(edges, { timeZone, underDay: 'HOURS' }).rawEventSpans).toEqual([]);
      // 10:00 to 15:00 of a day: whole hours there.
      const hours = [10, 15].map((hour) => dayStartMs(timeZone, 20_500) + hour * 3_600_000);
      expect(planTiers(hours, { timeZone, underDay: 'HOURS' }).rawEventSpans).toEqual([]);
    }
  });
});
