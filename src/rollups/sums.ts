// What is added to the rollups, divided by an account's local days.

import { dayOf, dayStartMs } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import { chargeWithin, hostedMs, type HostingSegment } from '../hosting/charge.ts';
import type { ResourceKind } from '../resources/resource.ts';
import { QUARTER_HOUR_MS } from './tier-plan.ts';

/** An addition to the rollups of one quarter hour, or (null) of the day tiers alone. */
export interface Sum {
  readonly quarter: number | null;
  readonly day: number;
  readonly kind: string;
  readonly type: string;
  readonly subjectId: number;
  readonly hardwareId: number;
  readonly events: number;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly hostingMs: number;
  readonly replicaMs: number;
}

/** The quarter hours at which local days begin, from the day of one instant to the day after that of another. */
export function dayEdges(
  timeZone: string,
  firstMs: number,
  lastMs: number,
): { readonly firstDay: number; readonly edgeQuarters: readonly number[] } {
  const firstDay = dayOf(timeZone, firstMs);
  const lastDay = dayOf(timeZone, lastMs);
  const edgeQuarters: number[] = [];
  for (let day = firstDay; day <= lastDay; day += 1) {
    const quarter = dayStartMs(timeZone, day) / QUARTER_HOUR_MS;
    invariant(Number.isInteger(quarter), 'local days begin at quarter hours', { timeZone, day });
    edgeQuarters.push(quarter);
  }
  return { firstDay, edgeQuarters };
}

/** The cost of closed segments on each local day that they touch. */
export function daySums(
  segments: readonly HostingSegment[],
  by: {
    readonly timeZone: string;
    readonly kinds: ReadonlyMap<number, ResourceKind>;
    readonly sign: 1 | -1;
  },
): readonly Sum[] {
  const sums: Sum[] = [];
  for (const segment of segments) {
    const toMs = segment.toMs ?? segment.fromMs;
    const kind = by.kinds.get(segment.resourceId);
    invariant(kind !== undefined, 'a segment has a resource', { segmentId: segment.segmentId });
    for (
      let day = dayOf(by.timeZone, segment.fromMs);
      dayStartMs(by.timeZone, day) < toMs;
      day += 1
    ) {
      const range = {
        fromMs: dayStartMs(by.timeZone, day),
        toMs: dayStartMs(by.timeZone, day + 1),
      };
      const hostingMs = by.sign * hostedMs(segment, range);
      sums.push({
        quarter: null,
        day,
        kind,
        type: 'HOSTING',
        subjectId: segment.resourceId,
        hardwareId: segment.hardwareId,
        events: 0,
        quantity: 0n,
        creditsMicro: BigInt(by.sign) * chargeWithin(segment, range),
        hostingMs,
        replicaMs: hostingMs * segment.replicas,
      });
    }
  }
  return sums;
}
