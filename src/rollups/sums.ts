// What is added to the rollups, divided by an account's local days.

import { dayOf, dayStartMs } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
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

/** From the first to the last instant of some events, both included. */
export interface Span {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The quarter hours at which local days of a zone begin, beginning with those of one day. */
export interface DayEdges {
  readonly timeZone: string;
  readonly firstDay: number;
  readonly edgeQuarters: readonly number[];
}

/** For each zone the days of all events of its accounts. */
export function daysOf(
  accounts: readonly { readonly timeZone: string; readonly span: Span | null }[],
): readonly DayEdges[] {
  return [...groupBy(accounts, ({ timeZone }) => timeZone)].map(([timeZone, own]) => {
    const spans = own.flatMap(({ span }) => (span === null ? [] : [span]));
    const firstMs = spans.reduce((least, span) => Math.min(least, span.firstMs), Infinity);
    const lastMs = spans.reduce((most, span) => Math.max(most, span.lastMs), -Infinity);
    return spans.length === 0
      ? { timeZone, firstDay: 0, edgeQuarters: [] }
      : dayEdges(timeZone, { firstMs, lastMs });
  });
}

/** The quarter hours at which local days begin, from the day of the first instant to that of the last. */
export function dayEdges(timeZone: string, { firstMs, lastMs }: Span): DayEdges {
  const firstDay = dayOf(timeZone, firstMs);
  const lastDay = dayOf(timeZone, lastMs);
  const edgeQuarters: number[] = [];
  for (let day = firstDay; day <= lastDay; day += 1) {
    const quarter = dayStartMs(timeZone, day) / QUARTER_HOUR_MS;
    invariant(Number.isInteger(quarter), 'local days begin at quarter hours', { timeZone, day });
    edgeQuarters.push(quarter);
  }
  return { timeZone, firstDay, edgeQuarters };
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
