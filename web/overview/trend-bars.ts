// The bars of the trend: what was used, and in the running cycle what is expected until its end.

import type { GranularityChoice } from '../address/address.ts';
import type { BarDatum, BarPart } from '../charts/drawn.ts';
import { drawn } from '../charts/drawn.ts';
import type { Figures } from '../figures/figures.ts';
import { type Bucket, CATEGORIES, type Projection } from './categories.ts';
import { labelsOf, type Span, type SpanLabels } from '../charts/spans.ts';

export type ExpectedDay = Projection['days'][number];

export interface TrendBar extends Span {
  readonly labels: SpanLabels;
  /** Null where nothing can have been used yet. */
  readonly used: Bucket | null;
  /** Null where nothing is expected any more. */
  readonly expected: ExpectedDay | null;
}

/**
 * A bar for each bucket, and one for each day that is expected. What is expected of the rest of today stands on the bar of
 * today.
 */
export function trendBars(
  buckets: readonly Bucket[],
  expectedDays: readonly ExpectedDay[],
  granularity: GranularityChoice,
  figures: Figures,
): readonly TrendBar[] {
  const last = buckets.at(-1);
  const [rest] = expectedDays;
  const hasRest =
    last !== undefined &&
    rest !== undefined &&
    labelsOf(last, granularity, figures).full === labelsOf(rest, granularity, figures).full;
  const used = buckets.map((bucket, index) => ({
    from: bucket.from,
    to: bucket.to,
    labels: labelsOf(bucket, granularity, figures),
    used: bucket,
    expected: hasRest && index === buckets.length - 1 ? rest : null,
  }));
  const expected = expectedDays.slice(hasRest ? 1 : 0).map((day) => ({
    from: day.from,
    to: day.to,
    labels: labelsOf(day, granularity, figures),
    used: null,
    expected: day,
  }));
  return [...used, ...expected];
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
