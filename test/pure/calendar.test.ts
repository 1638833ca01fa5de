import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import {
  cycleStartMs,
  dayOf,
  dayStartMs,
  isoLocal,
  nextUnitStartMs,
  parseLocalDate,
  shiftCycleMs,
  unitStartMs,
  type CalendarUnit,
} from '../../src/core/calendar.ts';
import { CLOCK_CHANGES, ZONES } from '../support/arbitraries.ts';
import { cycleStart, edgesAround } from '../support/reference/time.ts';

const HOUR = 3_600_000;
const UNITS: readonly CalendarUnit[] = ['HOUR', 'DAY', 'WEEK', 'MONTH'];

/** Zones whose clocks change at midnight, or a minute after it, besides those of the histories. */
const MIDNIGHT_CHANGES = [
  { zone: 'Asia/Beirut', at: '2026-03-28T22:00:00Z' },
  { zone: 'America/Havana', at: '2026-03-08T05:00:00Z' },
  { zone: 'America/Havana', at: '2026-11-01T05:00:00Z' },
  { zone: 'Africa/Cairo', at: '2026-04-23T22:00:00Z' },
  { zone: 'Africa/Cairo', at: '2026-10-29T21:00:00Z' },
  { zone: 'America/Santiago', at: '2026-09-06T04:00:00Z' },
  { zone: 'America/St_Johns', at: '2008-11-02T02:31:00Z' },
] as const;

/** A zone with an instant near one of its changes of the clocks, or anywhere in a century. */
const placeInTime = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...CLOCK_CHANGES, ...MIDNIGHT_CHANGES),
      fc.integer({ min: -30 * HOUR, max: 30 * HOUR }),
    )
    .map(([{ zone, at }, offset]) => ({ zone, atMs: Date.parse(at) + offset })),
  fc.record({
    zone: fc.constantFrom(...ZONES),
    atMs: fc.integer({ min: Date.UTC(1991, 0), max: Date.UTC(2099, 0) }),
  }),
);

function lengthsOfHours(zone: string, from: string, to: string): number[] {
  const lengths: number[] = [];
  for (let atMs = Date.parse(from); atMs < Date.parse(to);) {
    const nextMs = nextUnitStartMs(zone, 'HOUR', atMs);
    lengths.push((nextMs - atMs) / HOUR);
    atMs = nextMs;
  }
  return lengths;
}

function dayLength(zone: string, date: string): number {
  const day = parseLocalDate(date);
  return (dayStartMs(zone, day + 1) - dayStartMs(zone, day)) / HOUR;
}

describe('units of the calendar', () => {
  it('begin where every label of the local clock says, for any zone and instant', () => {
    fc.assert(
      fc.property(placeInTime, fc.constantFrom(...UNITS), ({ zone, atMs }, unit) => {
        const edges = edgesAround({ from: atMs, to: atMs }, zone, unit);
        const before = edges.filter((edge) => edge <= atMs);
        const after = edges.filter((edge) => edge > atMs);
        const startMs = unitStartMs(zone, unit, atMs);
        expect([startMs, nextUnitStartMs(zone, unit, startMs)]).toEqual([before.at(-1), after[0]]);
      }),
      { numRuns: 400 },
    );
  });

  it('number days so that each instant lies in the day that its number names', () => {
    fc.assert(
      fc.property(placeInTime, ({ zone, atMs }) => {
        const day = dayOf(zone, atMs);
        expect(dayStartMs(zone, day)).toBeLessThanOrEqual(atMs);
        expect(dayStartMs(zone, day + 1)).toBeGreaterThan(atMs);
      }),
      { numRuns: 400 },
    );
  });

  it('give days of 23, 25 and other hours where the clocks change, and none where a day is left out', () => {
    expect(dayLength('Europe/Berlin', '2026-03-29')).toBe(23);
    expect(dayLength('Europe/Berlin', '2025-10-26')).toBe(25);
    expect(dayLength('America/New_York', '2026-03-08')).toBe(23);
    expect(dayLength('Australia/Lord_Howe', '2026-04-05')).toBe(24.5);
    expect(dayLength('Australia/Lord_Howe', '2025-10-05')).toBe(23.5);
    expect(dayLength('Asia/Kolkata', '2026-03-29')).toBe(24);
    expect(dayLength('Pacific/Apia', '2011-12-29')).toBe(24);
    expect(dayLength('Pacific/Apia', '2011-12-30')).toBe(0);
    expect(dayLength('Asia/Beirut', '2026-03-29')).toBe(23);
  });

  it('keep whole hours where the clock shifts by one, and stretch or cut the adjoining hour where it shifts by half', () => {
    const berlin = lengthsOfHours('Europe/Berlin', '2025-10-25T22:00:00Z', '2025-10-26T23:00:00Z');
    expect(berlin).toEqual(new Array(25).fill(1));
    const chatham = lengthsOfHours(
      'Pacific/Chatham',
      '2025-09-27T11:15:00Z',
      '2025-09-27T17:15:00Z',
    );
    expect(chatham).toEqual(new Array(6).fill(1));
    // 02:00 becomes 01:30: the hour of 01 is shown until 02:00 comes again.
    expect(
      lengthsOfHours('Australia/Lord_Howe', '2026-04-04T13:00:00Z', '2026-04-04T17:30:00Z'),
    ).toEqual([1, 1.5, 1, 1]);
    // 02:00 becomes 02:30: the hour of 02 has half its length.
    expect(
      lengthsOfHours('Australia/Lord_Howe', '2025-10-04T14:30:00Z', '2025-10-04T18:00:00Z'),
    ).toEqual([1, 0.5, 1, 1]);
  });
});

describe('billing cycles', () => {
  it('begin on their day of the month, forwards and backwards', () => {
    fc.assert(
      fc.property(
        placeInTime,
        fc.integer({ min: 1, max: 28 }),
        fc.nat({ max: 14 }),
        ({ zone, atMs }, cycleDay, back) => {
          const startMs = cycleStartMs(zone, cycleDay, atMs);
          const cycles = { timeZone: zone, cycleDay };
          expect(startMs).toBe(cycleStart(cycles, atMs, 0));
          expect(shiftCycleMs(zone, cycleDay, { startMs, cycles: -back })).toBe(
            cycleStart(cycles, atMs, back),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('an instant in a zone', () => {
  it('is printed with the offset of that instant, however often the clocks changed before', () => {
    const printed = ({ zone, atMs }: { zone: string; atMs: number }): string =>
      Temporal.Instant.fromEpochMilliseconds(atMs)
        .toZonedDateTimeISO(zone)
        .toString({ timeZoneName: 'never', fractionalSecondDigits: 3 });
    // Also where offsets had seconds, and years have more than four digits.
    const longAgo = fc.record({
      zone: fc.constantFrom(...ZONES, 'Africa/Monrovia', 'Europe/Amsterdam'),
      atMs: fc.integer({ min: Date.UTC(1850, 0), max: Date.UTC(11_000, 0) }),
    });
    fc.assert(
      fc.property(fc.oneof(placeInTime, longAgo), (place) => {
        expect(isoLocal(place.zone, place.atMs)).toBe(printed(place));
      }),
      { numRuns: 3_000 },
    );
  });

  it('has the new offset from the very millisecond of a change', () => {
    const berlin = (at: string): string => isoLocal('Europe/Berlin', Date.parse(at));

    expect(berlin('2026-03-29T00:59:59.999Z')).toBe('2026-03-29T01:59:59.999+01:00');
    expect(berlin('2026-03-29T01:00:00.000Z')).toBe('2026-03-29T03:00:00.000+02:00');
    expect(berlin('2026-10-25T00:59:59.999Z')).toBe('2026-10-25T02:59:59.999+02:00');
    expect(berlin('2026-10-25T01:00:00.000Z')).toBe('2026-10-25T02:00:00.000+01:00');
  });
});
