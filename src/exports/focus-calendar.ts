// Where the rows of a FOCUS export end: at buckets, billing cycles and changes of the credit price. Pure.

import { cycleEndMs, cycleStartBefore } from '../account/cycle.ts';
import type { ResolvedRange } from '../account/range.ts';
import { type CalendarUnit, nextUnitStartMs, unitStartMs } from '../core/calendar.ts';
import { ConflictError, present, UserInputError } from '../core/errors.ts';
import { intersect, isoInstant, type Range } from '../core/range.ts';
import { type CreditPrice, priceAt } from '../credits/prices.ts';

/** A billing cycle. */
export interface FocusCycle extends Range {
  /** The id of its statement; null while there is none. */
  readonly invoiceId: string | null;
}

/** A part of the range in one cycle at one price. */
export interface FocusStretch extends Range {
  readonly cycle: FocusCycle;
  readonly price: CreditPrice;
}

/**
 * The range in stretches, each in one cycle and at one price.
 * @param known the cycles that are stored; those before and after them follow the calendar
 * @param prices earliest first; the first one holds from the beginning of the range
 */
export function stretchesOf(
  range: ResolvedRange,
  known: readonly FocusCycle[],
  prices: readonly CreditPrice[],
): readonly FocusStretch[] {
  const cycles = cyclesOf(range, known);
  const stretches: FocusStretch[] = [];
  for (const cycle of cycles) {
    const within = intersect(range, cycle);
    if (within === null) continue;
    for (const part of cutAt(
      within,
      prices.map(({ fromMs }) => fromMs),
    )) {
      const price = present(priceAt(prices, part.fromMs), 'a price in force');
      stretches.push({ ...part, cycle, price });
    }
  }
  return stretches;
}

/** All cycles that have a part in the range, earliest first. */
function cyclesOf(range: ResolvedRange, known: readonly FocusCycle[]): readonly FocusCycle[] {
  const { cycle: running } = range;
  const cycles =
    known.length > 0
      ? [...known]
      : [{ fromMs: running.startMs, toMs: running.endMs, invoiceId: null }];
  for (
    let first = cycles[0];
    first !== undefined && first.fromMs > range.fromMs;
    first = cycles[0]
  ) {
    const fromMs = cycleStartBefore(running, first.fromMs);
    cycles.unshift({ fromMs, toMs: first.fromMs, invoiceId: null });
  }
  for (
    let last = cycles.at(-1);
    last !== undefined && last.toMs < range.toMs;
    last = cycles.at(-1)
  ) {
    cycles.push({ fromMs: last.toMs, toMs: cycleEndMs(running, last.toMs), invoiceId: null });
  }
  return cycles;
}

/** A range cut at the instants that lie inside it. @param instants in order of time */
export function cutAt(range: Range, instants: readonly number[]): readonly Range[] {
  const inside = instants.filter((atMs) => atMs > range.fromMs && atMs < range.toMs);
  const starts = [range.fromMs, ...inside];
  return starts.map((fromMs, index) => ({ fromMs, toMs: starts[index + 1] ?? range.toMs }));
}

/** The bucket of an instant, as far as it lies in its stretch. */
export function bucketAt(
  stretch: Range,
  { timeZone, unit }: { readonly timeZone: string; readonly unit: CalendarUnit | null },
  atMs: number,
): Range {
  if (unit === null) return { fromMs: stretch.fromMs, toMs: stretch.toMs };
  const fromMs = unitStartMs(timeZone, unit, atMs);
  const bucket = { fromMs, toMs: nextUnitStartMs(timeZone, unit, fromMs) };
  return present(intersect(stretch, bucket), 'a bucket in its stretch');
}

/** The stretch of an instant of the range. */
export function stretchAt(stretches: readonly FocusStretch[], atMs: number): FocusStretch {
  return present(
    stretches.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs),
    'a stretch of the instant',
  );
}

/**
 * Refuses a range for which credits have no price in money.
 * @param prices earliest first
 * @throws CONFLICT without any price; UserInputError when the range begins before the first one
 */
export function requirePrices(prices: readonly CreditPrice[], range: Range): void {
  const [first] = prices;
  const how =
    'An operator sets it with setCreditPrice (currency, listPerCredit, contractedPerCredit, effectiveFrom)';
  if (first === undefined) {
    throw new ConflictError(
      `The account has no credit price, and FOCUS gives costs in money. ${how}, from ${isoInstant(range.fromMs)} or earlier for this range.`,
    );
  }
  if (first.fromMs <= range.fromMs) return;
  throw new UserInputError(
    `The range begins at ${isoInstant(range.fromMs)}, but the first credit price of the account holds from ${isoInstant(first.fromMs)}. ${how} from ${isoInstant(range.fromMs)} or earlier, or begin the range at ${isoInstant(first.fromMs)}.`,
    { path: ['from'] },
  );
}
