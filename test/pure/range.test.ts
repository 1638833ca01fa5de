import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstAccountCycle } from '../../src/account/cycle.ts';
import {
  bucketsOf,
  previousRange,
  resolveRange,
  type DateRangeRequest,
} from '../../src/account/range.ts';
import { historyPlan, ZONES, type Question } from '../support/arbitraries.ts';
import {
  autoUnit,
  bucketsOf as knownBuckets,
  previousOf,
  resolve,
  type RangeQuestion,
} from '../support/reference/time.ts';

const NOW_MS = Date.parse('2026-03-29T10:00:00.000Z');
const BERLIN = accountAt({ timeZone: 'Europe/Berlin', cycleDay: 15 }, NOW_MS);

/** An account that was settled at an instant. */
function accountAt(
  calendar: { readonly timeZone: string; readonly cycleDay: number },
  settledAtMs: number,
): Parameters<typeof resolveRange>[1] {
  return {
    ...calendar,
    isTest: false,
    closedAtMs: null,
    settledAtMs,
    cycle: firstAccountCycle(calendar, settledAtMs),
  };
}

function request({ preset, from, to, fromDay, toDay, zone }: RangeQuestion): DateRangeRequest {
  return {
    preset: preset ?? null,
    from: from ?? null,
    to: to ?? null,
    fromDay: fromDay ?? null,
    toDay: toDay ?? null,
    timeZone: zone,
  };
}

const asked = fc.record({
  plan: historyPlan(1),
  account: fc.record({
    timeZone: fc.constantFrom(...ZONES),
    cycleDay: fc.integer({ min: 1, max: 28 }),
  }),
});

/** The question of a plan, unless its days have no length (Apia's missing one). */
function questionOf(
  questions: readonly Question[],
  account: { readonly timeZone: string; readonly cycleDay: number },
  nowMs: number,
): Question {
  const [question] = questions;
  const span =
    question === undefined ? { from: 0, to: 0 } : resolve(question.range, account, nowMs);
  fc.pre(span.from < span.to);
  if (question === undefined) throw new Error('a plan has a question');
  return question;
}

function told(range: { readonly fromMs: number; readonly toMs: number }): string {
  return [range.fromMs, range.toMs].map((atMs) => new Date(atMs).toISOString()).join(' to ');
}

function known(span: { readonly from: number; readonly to: number }): string {
  return told({ fromMs: span.from, toMs: span.to });
}

describe('a range', () => {
  it('covers the instants that its words say, and so does the range before', () => {
    fc.assert(
      fc.property(asked, ({ plan, account }) => {
        const { range } = questionOf(plan.questions, account, plan.nowMs);
        const resolved = resolveRange(request(range), accountAt(account, plan.nowMs), plan.nowMs);
        expect(told(resolved)).toBe(known(resolve(range, account, plan.nowMs)));
        expect(told(previousRange(resolved))).toBe(known(previousOf(range, account, plan.nowMs)));
      }),
      { numRuns: 300 },
    );
  });

  it('falls into buckets that begin with the units of its zone', () => {
    fc.assert(
      fc.property(asked, ({ plan, account }) => {
        const { range, unit } = questionOf(plan.questions, account, plan.nowMs);
        const span = resolve(range, account, plan.nowMs);
        const meant = unit === 'AUTO' ? autoUnit(span, range.zone) : unit;
        fc.pre(meant !== 'HOUR' || span.to - span.from < 2_400 * 3_600_000);
        const series = bucketsOf(
          resolveRange(request(range), accountAt(account, plan.nowMs), plan.nowMs),
          unit,
        );
        expect(series.granularity).toBe(meant);
        expect(series.buckets.map((bucket) => [told(bucket), bucket.isPartial])).toEqual(
          knownBuckets(span, range.zone, meant).map((bucket) => [known(bucket), bucket.isPartial]),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('has whole days or months before it where it has whole days or months, also where days begin at one', () => {
    const zone = fc.constantFrom(
      'Asia/Beirut',
      'America/Havana',
      'Africa/Cairo',
      'America/Santiago',
    );
    const fromDay = fc.date({
      min: new Date('2026-01-01'),
      max: new Date('2027-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(zone, fromDay, fc.nat({ max: 70 }), (timeZone, from, days) => {
        const range = {
          zone: timeZone,
          fromDay: from.toISOString().slice(0, 10),
          toDay: new Date(from.getTime() + days * 86_400_000).toISOString().slice(0, 10),
        };
        const resolved = resolveRange(request(range), BERLIN, NOW_MS);
        expect(told(previousRange(resolved))).toBe(known(previousOf(range, BERLIN, NOW_MS)));
      }),
      { numRuns: 300 },
    );
  });

  it('is refused when its days are out of order, in words that allow the same day twice', () => {
    const ask = (fromDay: string, toDay: string): unknown =>
      told(resolveRange({ fromDay, toDay }, BERLIN, NOW_MS));
    expect(() => ask('2026-03-02', '2026-03-01')).toThrow('fromDay must not be after toDay.');
    expect(ask('2026-03-02', '2026-03-02')).toBe(
      '2026-03-01T23:00:00.000Z to 2026-03-02T23:00:00.000Z',
    );
  });

  it.each([
    [
      'a week up to now, at the same local time across the change of the clocks',
      { preset: 'LAST_7_DAYS' as const },
      '2026-03-22T23:00:00.000Z to 2026-03-29T10:00:00.000Z',
      '2026-03-15T23:00:00.000Z to 2026-03-22T11:00:00.000Z',
    ],
    [
      'a running cycle: the cycle before, up to the same day and local time',
      { preset: 'CURRENT_CYCLE' as const },
      '2026-03-14T23:00:00.000Z to 2026-03-29T10:00:00.000Z',
      '2026-02-14T23:00:00.000Z to 2026-03-01T11:00:00.000Z',
    ],
    [
      'two whole months: two months',
      { fromDay: '2026-03-01', toDay: '2026-04-30' },
      '2026-02-28T23:00:00.000Z to 2026-04-30T22:00:00.000Z',
      '2025-12-31T23:00:00.000Z to 2026-02-28T23:00:00.000Z',
    ],
    [
      'three days, one of 23 hours: three days',
      { fromDay: '2026-03-28', toDay: '2026-03-30' },
      '2026-03-27T23:00:00.000Z to 2026-03-30T22:00:00.000Z',
      '2026-03-24T23:00:00.000Z to 2026-03-27T23:00:00.000Z',
    ],
    [
      'odd instants: their length',
      { from: NOW_MS - 1_001, to: NOW_MS },
      '2026-03-29T09:59:58.999Z to 2026-03-29T10:00:00.000Z',
      '2026-03-29T09:59:57.998Z to 2026-03-29T09:59:58.999Z',
    ],
    [
      'days that begin at one o’clock: whole days before them',
      { fromDay: '2026-03-29', toDay: '2026-03-30', timeZone: 'Asia/Beirut' },
      '2026-03-28T22:00:00.000Z to 2026-03-30T21:00:00.000Z',
      '2026-03-26T22:00:00.000Z to 2026-03-28T22:00:00.000Z',
    ],
  ])('has before it, for %s', (_, asking, covered, before) => {
    const resolved = resolveRange(asking, BERLIN, NOW_MS);
    expect([told(resolved), told(previousRange(resolved))]).toEqual([covered, before]);
  });
});
