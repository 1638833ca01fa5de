// What is added to the rollups, divided by an account's local days.

import { dayOf, dayStartMs } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
import { DAY_MS } from '../core/range.ts';
import { chargeWithin, hostedMs, type HostingSegment } from '../hosting/charge.ts';
import type { ResourceKind } from '../resources/resource.ts';
import { QUARTER_HOUR_MS, QUARTERS_PER_HOUR, quartersPastHour } from './tier-plan.ts';

/** An addition to an account's rollups of one quarter hour and hour, or (null) of the day tiers alone. */
export interface Sum {
  readonly accountId: number;
  readonly quarter: number | null;
  readonly hour: number | null;
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

/** The hour of an account's resources that an instant belongs to. */
export function hourOf(timeZone: string, atMs: number): number {
  const quarter = Math.floor(atMs / QUARTER_HOUR_MS);
  return Math.floor((quarter - quartersPastHour(timeZone)) / QUARTERS_PER_HOUR);
}

/** Local days of a zone on which something happened, ascending, and the quarter hours at which they begin. */
export interface LocalDays {
  readonly timeZone: string;
  readonly days: readonly number[];
  readonly edgeQuarters: readonly number[];
}

/**
 * For each zone the days on which its accounts have events: those in between are left out, since the clock of a test account may be
 * decades ahead.
 * @param accounts with the days, by UTC, of their events
 */
export function localDaysOf(
  accounts: readonly { readonly timeZone: string; readonly utcDays: readonly number[] }[],
): readonly LocalDays[] {
  return [...groupBy(accounts, ({ timeZone }) => timeZone)].map(([timeZone, own]) => {
    const days = new Set<number>();
    for (const utcDay of new Set(own.flatMap(({ utcDays }) => utcDays))) {
      const toMs = (utcDay + 1) * DAY_MS;
      for (let day = dayOf(timeZone, utcDay * DAY_MS); dayStartMs(timeZone, day) < toMs; day += 1) {
        days.add(day);
      }
    }
    const ascending = [...days].sort((a, b) => a - b);
    return { timeZone, days: ascending, edgeQuarters: ascending.map(firstQuarterOf(timeZone)) };
  });
}

function firstQuarterOf(timeZone: string): (day: number) => number {
  return (day) => {
    const quarter = dayStartMs(timeZone, day) / QUARTER_HOUR_MS;
    invariant(Number.isInteger(quarter), 'local days begin at quarter hours', { timeZone, day });
    return quarter;
  };
}

/** A closed segment as the rollups count it. */
export interface FoldedSegment extends HostingSegment {
  readonly kind: ResourceKind;
}

/** The cost of closed segments on each local day that they touch. */
export function daySums(
  segments: readonly FoldedSegment[],
  by: { readonly timeZone: string; readonly sign: 1 | -1 },
): readonly Sum[] {
  const sums: Sum[] = [];
  for (const segment of segments) {
    const toMs = segment.toMs ?? segment.fromMs;
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
        accountId: segment.accountId,
        quarter: null,
        hour: null,
        day,
        kind: segment.kind,
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
