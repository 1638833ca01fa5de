import { describe, expect, it } from '@jest/globals';
import { figuresOf } from '../../web/figures/figures.ts';
import { barAt, drawn, labelStep } from '../../web/charts/drawn.ts';
import { countdownTo, stateNow } from '../../web/live/moment.ts';
import { gaugeSpan, placeOn } from '../../web/overview/gauge-span.ts';
import { granularitiesOf, labelsOf, rangeOf } from '../../web/charts/spans.ts';
import { type ExpectedDay, runBars, trendBars } from '../../web/overview/trend-bars.ts';

const BERLIN = 'Europe/Berlin';
const figures = figuresOf('en-GB', BERLIN);

describe('the range of a bar', () => {
  it('is the whole local day, also of 25 hours', () => {
    // Berlin left summer time on 25 October 2026: that day began at 22:00Z and ended at 23:00Z.
    const day = { from: '2026-10-24T22:00:00Z', to: '2026-10-25T23:00:00Z' };
    expect(rangeOf(day, 'day', BERLIN)).toEqual({
      kind: 'days',
      from: '2026-10-25',
      to: '2026-10-25',
    });
  });

  it('is whole days of a week, and of a day that is not over', () => {
    const week = { from: '2026-11-08T23:00:00Z', to: '2026-11-15T23:00:00Z' };
    expect(rangeOf(week, 'week', BERLIN)).toEqual({
      kind: 'days',
      from: '2026-11-09',
      to: '2026-11-15',
    });
    const today = { from: '2026-11-15T23:00:00Z', to: '2026-11-16T09:30:00Z' };
    expect(rangeOf(today, 'day', BERLIN)).toMatchObject({ from: '2026-11-16', to: '2026-11-16' });
  });

  it('is its instants where it begins within a day', () => {
    const hour = { from: '2026-11-15T23:00:00Z', to: '2026-11-16T00:00:00Z' };
    expect(rangeOf(hour, 'hour', BERLIN)).toEqual({
      kind: 'instants',
      from: '2026-11-15T23:00:00.000Z',
      to: '2026-11-16T00:00:00.000Z',
    });
    const rest = { from: '2026-11-15T12:00:00Z', to: '2026-11-15T23:00:00Z' };
    expect(rangeOf(rest, 'day', BERLIN)).toMatchObject({ kind: 'instants' });
  });
});

describe('the bars', () => {
  const bucket = {
    from: '2026-11-15T23:00:00Z',
    to: '2026-11-16T09:30:00Z',
    isPartial: true,
    workflowRuns: 7,
    credits: '3.5',
    models: '3.5',
    guardrails: '0',
    customScripts: '0',
    ocr: '0',
    browserAutomation: '0',
  };
  const rest: ExpectedDay = {
    from: bucket.to,
    to: '2026-11-16T23:00:00Z',
    credits: '4',
    hosting: '1',
    runs: 5,
  };
  const tomorrow: ExpectedDay = { ...rest, from: rest.to, to: '2026-11-17T23:00:00Z' };

  it('have what is expected of today on the bar of today, and a bar for each later day', () => {
    const bars = trendBars([bucket], [rest, tomorrow], 'day', figures);
    expect(bars.map(({ used, expected }) => [used, expected])).toEqual([
      [bucket, rest],
      [null, tomorrow],
    ]);
    expect(runBars(bars).map(({ parts }) => parts.map(({ value }) => value))).toEqual([
      [7, 5],
      [0, 5],
    ]);
  });

  it('of weeks and months have the days that are expected of them together', () => {
    // 16 November 2026 is a Monday: with the 17th it is of one week, the 23rd is of the next.
    const monday: ExpectedDay = {
      from: '2026-11-22T23:00:00Z',
      to: '2026-11-23T23:00:00Z',
      credits: '0.000001',
      hosting: '0',
      runs: 2,
    };
    const days = [rest, tomorrow, monday];
    const shown = (granularity: 'week' | 'month'): unknown =>
      trendBars([bucket], days, granularity, figures).map(({ from, to, used, expected }) => ({
        days: [from, to],
        isUsed: used !== null,
        expected: [expected?.credits, expected?.runs],
      }));

    expect(shown('week')).toEqual([
      { days: [bucket.from, tomorrow.to], isUsed: true, expected: ['8', 10] },
      { days: [monday.from, monday.to], isUsed: false, expected: ['0.000001', 2] },
    ]);
    expect(shown('month')).toEqual([
      { days: [bucket.from, monday.to], isUsed: true, expected: ['8.000001', 12] },
    ]);
  });

  it('are hatched where a part is in the range and nothing more is expected', () => {
    expect(runBars(trendBars([bucket], [], 'day', figures))[0]?.isPartial).toBe(true);
    expect(runBars(trendBars([bucket], [rest], 'day', figures))[0]?.isPartial).toBe(false);
  });

  it('are called by the days of the zone', () => {
    expect(labelsOf(bucket, 'day', figures).axis).toBe('16 Nov');
  });

  it('of the hour in which the clock is put back say which two o’clock is meant', () => {
    // In Berlin 25 October 2026, 03:00 of summer is 02:00 of winter.
    const hour = { from: '2026-10-25T00:00:00.000Z', to: '2026-10-25T01:00:00.000Z' };
    const next = { from: hour.to, to: '2026-10-25T02:00:00.000Z' };

    expect(labelsOf(hour, 'hour', figures).full).toMatch(/02:00 \S+ – 02:00 \S+$/);
    const [, summer, winter] =
      /02:00 (\S+) – 02:00 (\S+)$/.exec(labelsOf(hour, 'hour', figures).full) ?? [];
    expect(summer).not.toBe(winter);
    expect(labelsOf(next, 'hour', figures).full).toMatch(/, 02:00 – 03:00$/);
  });

  it('offer no granularity of more bars than a person can point at', () => {
    const days = (count: number): { from: string; to: string } => ({
      from: '2026-01-01T00:00:00Z',
      to: new Date(Date.UTC(2026, 0, 1 + count)).toISOString(),
    });
    expect(granularitiesOf(days(7))).toEqual(['hour', 'day', 'week', 'month']);
    expect(granularitiesOf(days(30))).toEqual(['day', 'week', 'month']);
    expect(granularitiesOf(days(365))).toEqual(['week', 'month']);
  });
});

describe('the balance between two answers', () => {
  const levels = { lowMicro: 10_000_000n, negativeLimitMicro: -25_000_000n };

  it('is in a worse state from the moment at which it reaches the level', () => {
    expect(stateNow('OK', 10_000_001n, levels)).toBe('OK');
    expect(stateNow('OK', 10_000_000n, levels)).toBe('LOW');
    expect(stateNow('LOW', 0n, levels)).toBe('EXHAUSTED');
    expect(stateNow('EXHAUSTED', -24_999_999n, levels)).toBe('EXHAUSTED');
    expect(stateNow('EXHAUSTED', -25_000_000n, levels)).toBe('STOPPED');
  });

  it('counts down to an instant and stays at zero', () => {
    const nowMs = Date.UTC(2026, 10, 12, 8, 0, 0);
    expect(countdownTo('2026-11-15T12:12:09Z', nowMs)).toEqual({ days: 3, clock: '04:12:09' });
    expect(countdownTo('2026-11-12T08:00:00.001Z', nowMs).clock).toBe('00:00:01');
    expect(countdownTo('2026-11-12T07:00:00Z', nowMs)).toEqual({ days: 0, clock: '00:00:00' });
  });

  it('stands on the gauge in the order of the levels', () => {
    const span = gaugeSpan([300_000_000n, -25_000_000n, 10_000_000n]);
    const places = [-25_000_000n, 0n, 10_000_000n, 300_000_000n].map((one) => placeOn(span, one));
    expect(places.toSorted((a, b) => a - b)).toEqual(places);
    expect(places[0]).toBeGreaterThan(0);
    expect(places[3]).toBeLessThan(1);
  });
});

it('draws labels that do not touch, and finds the bar under the pointer', () => {
  expect(labelStep(30, 640, 64)).toBe(3);
  expect(labelStep(7, 640, 64)).toBe(1);
  expect(barAt(0, 300, 30)).toBe(0);
  expect(barAt(299, 300, 30)).toBe(29);
  expect(barAt(-1, 300, 30)).toBeNull();
  expect(drawn('-2.5')).toBe(-2.5);
});
