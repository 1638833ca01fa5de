// Hosting that already happened: a closed period of one resource becomes one segment for each rate that was in force
// within it. If several periods overlap, the first one wins. Hosting that is already recorded wins over all.

import { ratesOf, rateAt, type HardwareProfile, type HardwareRate } from '../catalogue/rates.ts';
import { isoInstant, type Range } from '../core/range.ts';
import { splitByRates, type HostingSegment } from '../hosting/charge.ts';
import { rejected, type Rejection } from './event.ts';

/** A segment without a number. */
export type PlannedSegment = Omit<HostingSegment, 'segmentId'>;

/** A profile with its rates. */
export interface PricedProfile {
  readonly hardwareId: number;
  readonly rates: readonly HardwareRate[];
}

/** A recorded period whose resource and hardware were found. */
export interface FoundPeriod extends Range {
  readonly accountId: number;
  readonly resourceId: number;
  readonly replicas: number;
  readonly hardware: PricedProfile;
  readonly eventSeq: number;
}

/** All profiles with their rates, by name. */
export function profilesByName(
  profiles: readonly HardwareProfile[],
  rates: readonly HardwareRate[],
): ReadonlyMap<string, PricedProfile> {
  return new Map(
    profiles.map(({ name, hardwareId }) => [
      name,
      { hardwareId, rates: ratesOf(rates, hardwareId) },
    ]),
  );
}

/** When resources are hosted: for each of them ranges that do not overlap, in order of time. */
export class HostedTimes {
  private readonly stretches = new Map<number, Range[]>();

  /** @param segments not voided; a running one counts as endless */
  constructor(segments: Iterable<Pick<HostingSegment, 'resourceId' | 'fromMs' | 'toMs'>>) {
    for (const { resourceId, fromMs, toMs } of segments) {
      this.add(resourceId, { fromMs, toMs: toMs ?? Infinity });
    }
  }

  /** The first range that overlaps another, or null. */
  findOverlap(resourceId: number, range: Range): Range | null {
    const stretches = this.stretches.get(resourceId) ?? [];
    const candidate = stretches[firstEndingAfter(stretches, range.fromMs)];
    return candidate !== undefined && candidate.fromMs < range.toMs ? candidate : null;
  }

  /** Adds a range that overlaps no other of its resource. */
  add(resourceId: number, range: Range): void {
    const stretches = this.stretches.get(resourceId);
    if (stretches === undefined) this.stretches.set(resourceId, [range]);
    else stretches.splice(firstEndingAfter(stretches, range.fromMs), 0, range);
  }
}

/** The segments of a period, or why it is rejected. */
export function segmentsOfPeriod(
  period: FoundPeriod,
  hosted: HostedTimes,
): readonly PlannedSegment[] | Rejection {
  const { hardwareId, rates } = period.hardware;
  const rateMicroPerHour = rateAt(rates, hardwareId, period.fromMs);
  if (rateMicroPerHour === null) {
    const first = rates[0];
    return rejected(
      'NO_RATE',
      `from is ${isoInstant(period.fromMs)}; the hardware ${first === undefined ? 'has no rate' : `has rates from ${isoInstant(first.fromMs)} on`}.`,
    );
  }
  const overlap = hosted.findOverlap(period.resourceId, period);
  if (overlap !== null) {
    const until =
      overlap.toMs === Infinity ? 'on, still running' : `to ${isoInstant(overlap.toMs)}`;
    return rejected(
      'OVERLAP',
      `The period from ${isoInstant(period.fromMs)} to ${isoInstant(period.toMs)} overlaps hosting of the resource from ${isoInstant(overlap.fromMs)} ${until}.`,
    );
  }
  return splitByRates(
    {
      accountId: period.accountId,
      segmentId: 0,
      resourceId: period.resourceId,
      hardwareId,
      replicas: period.replicas,
      rateMicroPerHour,
      fromMs: period.fromMs,
      toMs: period.toMs,
      eventSeq: period.eventSeq,
    },
    rates,
    period.toMs,
  );
}

// Ranges that do not overlap end in the same order as they begin, so the first one that matters is found by bisection.
function firstEndingAfter(stretches: readonly Range[], atMs: number): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stretches[middle]?.toMs ?? Infinity) > atMs) high = middle;
    else low = middle + 1;
  }
  return low;
}
