import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HardwareRate } from '../../src/catalogue/rates.ts';
import {
  chargedMicro,
  chargeWithin,
  type HostingSegment,
  hostedMs,
  splitByRates,
} from '../../src/hosting/charge.ts';

const HOUR_MS = 3_600_000;
const NOON_MS = Date.parse('2026-03-10T12:00:00.000Z');

function aSegment(values: Partial<HostingSegment> = {}): HostingSegment {
  return {
    accountId: 1,
    segmentId: 1,
    resourceId: 1,
    hardwareId: 1,
    replicas: 1,
    rateMicroPerHour: 3_600_000n,
    fromMs: NOON_MS,
    toMs: null,
    eventSeq: null,
    ...values,
  };
}

const instants = fc.integer({ min: 0, max: 400 * 24 * HOUR_MS }).map((ms) => NOON_MS + ms);
const ratesPerHour = fc.bigInt({ min: 0n, max: 100_000_000_000n });
const closedSegments = fc
  .record({
    replicas: fc.integer({ min: 1, max: 1_000 }),
    rateMicroPerHour: ratesPerHour,
    fromMs: instants,
    lengthMs: fc.integer({ min: 1, max: 90 * 24 * HOUR_MS }),
  })
  .map(({ lengthMs, ...values }) => aSegment({ ...values, toMs: values.fromMs + lengthMs }));

/** Cuts a stretch at every change of its rate and rounds each part down: the rule, without the code under test. */
function naiveCharge(segment: HostingSegment, changes: readonly HardwareRate[]): bigint {
  const endMs = segment.toMs ?? segment.fromMs;
  const cuts = [segment.fromMs, endMs, ...changes.map((rate) => rate.fromMs)]
    .filter((cutMs) => cutMs >= segment.fromMs && cutMs <= endMs)
    .sort((a, b) => a - b);
  let sumMicro = 0n;
  for (const [index, cutMs] of cuts.slice(0, -1).entries()) {
    const inForce = changes
      .filter((rate) => rate.fromMs > segment.fromMs && rate.fromMs <= cutMs)
      .sort((a, b) => b.fromMs - a.fromMs)[0];
    const rateMicro = inForce?.rateMicroPerHour ?? segment.rateMicroPerHour;
    const ranMs = BigInt((cuts[index + 1] ?? cutMs) - cutMs);
    sumMicro += (BigInt(segment.replicas) * rateMicro * ranMs) / 3_600_000n;
  }
  return sumMicro;
}

describe('the charge of a segment', () => {
  it('is replicas x rate x time', () => {
    // 2 replicas x 3.6 credits an hour x 90 s = 0.18 credits.
    const segment = aSegment({ replicas: 2, toMs: NOON_MS + 90_000 });

    expect(chargedMicro(segment, NOON_MS + HOUR_MS)).toBe(180_000n);
  });

  it('is rounded down to the micro-credit', () => {
    // 1 credit an hour is 1,000,000 / 3,600,000 micro-credits a millisecond: 3 ms make 0.83, 4 ms make 1.11.
    const segment = aSegment({ rateMicroPerHour: 1_000_000n });

    expect(chargedMicro(segment, NOON_MS + 3)).toBe(0n);
    expect(chargedMicro(segment, NOON_MS + 4)).toBe(1n);
  });

  it('is nothing before its start and stands still after its end', () => {
    const segment = aSegment({ toMs: NOON_MS + 1_000 });

    expect(chargedMicro(segment, NOON_MS - 1)).toBe(0n);
    expect(chargedMicro(segment, NOON_MS + 1_000)).toBe(1_000n);
    expect(chargedMicro(segment, NOON_MS + HOUR_MS)).toBe(1_000n);
  });

  it('adds up however a range is cut', () => {
    fc.assert(
      fc.property(closedSegments, fc.array(instants, { minLength: 2 }), (segment, cuts) => {
        const sorted = [...cuts].sort((a, b) => a - b);
        const parts = sorted
          .slice(1)
          .map((toMs, index) => chargeWithin(segment, { fromMs: sorted[index] ?? toMs, toMs }));

        const whole = { fromMs: sorted[0] ?? 0, toMs: sorted.at(-1) ?? 0 };
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(chargeWithin(segment, whole));
      }),
    );
  });

  it('of two replicas is twice that of one, to within one micro-credit', () => {
    fc.assert(
      fc.property(closedSegments, instants, (segment, untilMs) => {
        const one = chargedMicro({ ...segment, replicas: 1 }, untilMs);
        const two = chargedMicro({ ...segment, replicas: 2 }, untilMs);

        expect([0n, 1n]).toContain(two - 2n * one);
      }),
    );
  });
});

describe('the time of a segment', () => {
  it('is what it has in common with the range', () => {
    const segment = aSegment({ toMs: NOON_MS + 10 });

    expect(hostedMs(segment, { fromMs: NOON_MS - 5, toMs: NOON_MS + 3 })).toBe(3);
    expect(hostedMs(segment, { fromMs: NOON_MS + 10, toMs: NOON_MS + 20 })).toBe(0);
    expect(hostedMs(aSegment(), { fromMs: NOON_MS + 10, toMs: NOON_MS + 20 })).toBe(10);
  });
});

describe('a segment over changes of its rate', () => {
  const rates: readonly HardwareRate[] = [
    { hardwareId: 1, fromMs: NOON_MS + 2 * HOUR_MS, rateMicroPerHour: 5_000_000n },
    { hardwareId: 2, fromMs: NOON_MS + 30, rateMicroPerHour: 9_000_000n },
    { hardwareId: 1, fromMs: NOON_MS + HOUR_MS, rateMicroPerHour: 2_000_000n },
    { hardwareId: 1, fromMs: 0, rateMicroPerHour: 3_600_000n },
  ];

  it('is cut at each change of its own hardware', () => {
    const segment = aSegment({ toMs: NOON_MS + 3 * HOUR_MS });

    const parts = splitByRates(segment, rates, NOON_MS);

    expect(
      parts.map(({ fromMs, toMs, rateMicroPerHour }) => [fromMs, toMs, rateMicroPerHour]),
    ).toEqual([
      [NOON_MS, NOON_MS + HOUR_MS, 3_600_000n],
      [NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS, 2_000_000n],
      [NOON_MS + 2 * HOUR_MS, NOON_MS + 3 * HOUR_MS, 5_000_000n],
    ]);
  });

  it('is not cut by a change at its end', () => {
    const segment = aSegment({ toMs: NOON_MS + HOUR_MS });

    expect(splitByRates(segment, rates, NOON_MS)).toHaveLength(1);
  });

  it('runs on at the last rate that is due', () => {
    const parts = splitByRates(aSegment(), rates, NOON_MS + HOUR_MS);

    expect(parts.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [NOON_MS, NOON_MS + HOUR_MS],
      [NOON_MS + HOUR_MS, null],
    ]);
  });

  it('costs the sum of its parts, whatever the changes', () => {
    const changes = fc.array(
      fc.record({ hardwareId: fc.constant(1), fromMs: instants, rateMicroPerHour: ratesPerHour }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(closedSegments, changes, (segment, drawn) => {
        const distinct = [...new Map(drawn.map((rate) => [rate.fromMs, rate])).values()];
        const endMs = segment.toMs ?? segment.fromMs;

        const parts = splitByRates(segment, distinct, endMs);

        const sumMicro = parts.reduce((sum, part) => sum + chargedMicro(part, endMs), 0n);
        expect(sumMicro).toBe(naiveCharge(segment, distinct));
        expect(parts[0]?.fromMs).toBe(segment.fromMs);
        expect(parts.at(-1)?.toMs).toBe(segment.toMs);
        expect(parts.slice(1).map((part) => part.fromMs)).toEqual(
          parts.slice(0, -1).map((part) => part.toMs),
        );
      }),
    );
  });
});
