// The bars of the trend: what was used, and in the running cycle what is expected until its end.

import type { GranularityChoice } from '../address/address.ts';
import type { BarDatum, BarPart } from '../charts/drawn.ts';
import { drawn } from '../charts/drawn.ts';
import type { Figures } from '../figures/figures.ts';
import { type Bucket, CATEGORIES, type Projection } from './categories.ts';
import { bucketKey, labelsOf, type Span, type SpanLabels } from '../charts/spans.ts';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';

export type ExpectedDay = Projection['days'][number];

export interface TrendBar extends Span {
  readonly labels: SpanLabels;
  /** Null where nothing can have been used yet. */
  readonly used: Bucket | null;
  /** Null where nothing is expected any more. */
  readonly expected: Expected | null;
}

/** What is expected of a span: a day, or several together. */
export type Expected = Omit<ExpectedDay, 'hosting'>;

/**
 * A bar for each bucket, and one for each day, week or month in which more is expected. What is expected of the rest of the last
 * bucket stands on its bar.
 */
export function trendBars(
  buckets: readonly Bucket[],
  expectedDays: readonly ExpectedDay[],
  granularity: GranularityChoice,
  figures: Figures,
): readonly TrendBar[] {
  const keyOf = ({ from }: Span): string => bucketKey(from, granularity, figures.timeZone);
  const expected = new Map<string, Expected>();
  for (const day of expectedDays) {
    const before = expected.get(keyOf(day));
    expected.set(keyOf(day), before === undefined ? day : joined(before, day));
  }
  const used = buckets.map((bucket, index) => {
    const rest = index === buckets.length - 1 ? expected.get(keyOf(bucket)) : undefined;
    if (rest !== undefined) expected.delete(keyOf(bucket));
    const span = { from: bucket.from, to: rest?.to ?? bucket.to };
    return { ...span, used: bucket, expected: rest ?? null };
  });
  const ahead = [...expected.values()].map((one) => ({
    from: one.from,
    to: one.to,
    used: null,
    expected: one,
  }));
  return [...used, ...ahead].map((bar) => ({
    ...bar,
    labels: labelsOf(bar, granularity, figures),
  }));
}

function joined(one: Expected, next: Expected): Expected {
  return {
    from: one.from,
    to: next.to,
    credits: formatMicro(parseMicro(one.credits) + parseMicro(next.credits)),
    runs: one.runs + next.runs,
  };
}

/** The bars of credits, a part for each category. */
export function creditBars(bars: readonly TrendBar[]): readonly BarDatum[] {
  return bars.map((bar) =>
    datum(bar, [
      ...(bar.used === null ? [] : categoryParts(bar.used)),
      ...expectedPart(bar.expected === null ? undefined : drawn(bar.expected.credits)),
    ]),
  );
}

/** The bars of workflow runs. */
export function runBars(bars: readonly TrendBar[]): readonly BarDatum[] {
  return bars.map((bar) =>
    datum(bar, [
      { className: 'runs', value: bar.used?.workflowRuns ?? 0 },
      ...expectedPart(bar.expected?.runs),
    ]),
  );
}

function datum({ from, labels, used, expected }: TrendBar, parts: readonly BarPart[]): BarDatum {
  return {
    key: from,
    label: labels.axis,
    parts,
    // A day that goes on is no part of a day once its rest stands on it.
    isPartial: isHatched({ used, expected }),
  };
}

function categoryParts(bucket: Bucket): readonly BarPart[] {
  return CATEGORIES.map(({ tab, bucketField }) => ({
    className: `category-${tab}`,
    value: drawn(bucket[bucketField]),
  }));
}

function expectedPart(value: number | undefined): readonly BarPart[] {
  return value === undefined ? [] : [{ className: 'expected', value }];
}

/** Whether a bar shows only a part of its time. One that is topped up by what is expected of it is drawn whole. */
export function isHatched({ used, expected }: Pick<TrendBar, 'used' | 'expected'>): boolean {
  return used?.isPartial === true && expected === null;
}
