// A view: one account's usage in one range, at present or as it was when its first page was read.

import { type Account, nowOf } from '../account/account.ts';
import type { BucketSeries, ResolvedRange } from '../account/range.ts';
import type { AsOf, Written } from '../core/cursor.ts';
import { groupBy } from '../core/group.ts';
import { type Figures, figuresOf, type Sum } from './sums.ts';

/** An account, up to where it had been written; null: at present. */
export interface AccountOf {
  readonly accountId: number;
  readonly written: Written | null;
}

/** The account, range and state that a view shows. */
export interface View {
  readonly account: Account;
  readonly range: ResolvedRange;
  /** The same range, resolved at another now. */
  readonly rangeAt: (nowMs: number) => ResolvedRange;
  /** Up to where the account had been written when the view was first computed; null: at present. */
  readonly written: Written | null;
}

/** The present view of a range. @param rangeAt resolves the range at an account's now */
export function viewOf(account: Account, realNowMs: number, rangeAt: View['rangeAt']): View {
  return { account, range: rangeAt(nowOf(account, realNowMs)), rangeAt, written: null };
}

/** The same view as of an earlier instant. */
export function viewAsOf<T extends View>(view: T, asOf: AsOf): T {
  const { nowMs, ...written } = asOf;
  return { ...view, range: view.rangeAt(nowMs), written };
}

/** Some of a view's resources and models; null: all. */
export interface ViewPart extends View {
  readonly subjectIds: readonly number[] | null;
}

/** Hosting on one hardware profile, and how to find its peak and its segments. */
export interface HardwareFigures {
  readonly hardwareId: number;
  readonly figures: Figures;
  readonly part: ViewPart;
}

/** The edges of a range's buckets; without a series the range is one bucket. */
export function edgesOf(
  range: ResolvedRange,
  series: BucketSeries | null = null,
): readonly number[] {
  return [range.fromMs, ...(series?.buckets ?? [range]).map(({ toMs }) => toMs)];
}

/** The account of a view, and up to where it had been written. */
export function accountOf({ account: { accountId }, written }: View): AccountOf {
  return { accountId, written };
}

/** The hosting among some sums, by hardware. */
export function hardwareFigures(sums: readonly Sum[], part: ViewPart): readonly HardwareFigures[] {
  const hosting = sums.filter((sum) => sum.type === 'HOSTING');
  return [...groupBy(hosting, (sum) => sum.hardwareId)]
    .map(([hardwareId, ofHardware]) => ({ hardwareId, figures: figuresOf(ofHardware), part }))
    .filter(({ figures }) => figures.hostingMs !== 0n);
}
