// Billing cycles begin on the account's day in its zone. A cycle keeps the end that it had when it began, even if the
// account's zone changes meanwhile; the new zone applies from the next cycle on.

import { cycleStartMs, shiftCycleMs } from '../core/calendar.ts';
import { DAY_MS, type Range } from '../core/range.ts';

/** More than two zones can lie apart and less than any month, so a change of zone makes no cycle of a few hours. */
const SHORTEST_CYCLE_MS = 14 * DAY_MS;
const CACHED_ENDS = 20_000;

/** The zone and day that cycles begin by. */
export interface CycleCalendar {
  readonly timeZone: string;
  readonly cycleDay: number;
}

/** An account's first cycle: it begins at the last calendar boundary before the account's credits do. */
export function firstCycle(calendar: CycleCalendar, creditsFromMs: number): Range {
  const fromMs = cycleStartMs(calendar.timeZone, calendar.cycleDay, creditsFromMs);
  return {
    fromMs,
    toMs: shiftCycleMs(calendar.timeZone, calendar.cycleDay, { startMs: fromMs, cycles: 1 }),
  };
}

// Each forecast passes 120 cycles, and most accounts have the same ones.
const ends = new Map<string, number>();

/** The end of the cycle that begins at `startMs`: the calendar's first boundary at least two weeks later. */
export function cycleEndMs({ timeZone, cycleDay }: CycleCalendar, startMs: number): number {
  const key = `${timeZone} ${cycleDay} ${startMs}`;
  let endMs = ends.get(key);
  if (endMs === undefined) {
    const before = cycleStartMs(timeZone, cycleDay, startMs + SHORTEST_CYCLE_MS);
    endMs = shiftCycleMs(timeZone, cycleDay, { startMs: before, cycles: 1 });
    if (ends.size >= CACHED_ENDS) ends.clear();
    ends.set(key, endMs);
  }
  return endMs;
}

/** The running cycle as an account's row stores it. */
export interface AccountCycle {
  readonly startMs: number;
  readonly endMs: number;
  /** Starts of the two cycles before it, the later one first. */
  readonly earlierStartsMs: readonly number[];
}

/** An account's first cycle as its row stores it. Cycles before it follow the calendar backwards. */
export function firstAccountCycle(calendar: CycleCalendar, creditsFromMs: number): AccountCycle {
  const { fromMs: startMs, toMs: endMs } = firstCycle(calendar, creditsFromMs);
  const beforeMs = cycleStartBefore(calendar, startMs);
  return { startMs, endMs, earlierStartsMs: [beforeMs, cycleStartBefore(calendar, beforeMs)] };
}

/** The cycle that contains an instant. The account may not be settled up to it yet, or may be past it. */
export function cycleAt(
  account: CycleCalendar & { readonly cycle: AccountCycle },
  atMs: number,
): AccountCycle {
  let { cycle } = account;
  while (cycle.startMs > atMs) cycle = previousCycle(account, cycle);
  while (cycle.endMs <= atMs) cycle = nextCycle(cycle, cycleEndMs(account, cycle.endMs));
  return cycle;
}

function previousCycle(calendar: CycleCalendar, cycle: AccountCycle): AccountCycle {
  const [startMs = cycleStartBefore(calendar, cycle.startMs), ...known] = cycle.earlierStartsMs;
  const earlierStartsMs = [...known];
  while (earlierStartsMs.length < 2) {
    earlierStartsMs.push(cycleStartBefore(calendar, earlierStartsMs.at(-1) ?? startMs));
  }
  return { startMs, endMs: cycle.startMs, earlierStartsMs };
}

/** The cycle after one. */
export function nextCycle(cycle: AccountCycle, endMs: number): AccountCycle {
  const earlierStartsMs = [cycle.startMs, ...cycle.earlierStartsMs].slice(0, 2);
  return { startMs: cycle.endMs, endMs, earlierStartsMs };
}

/** The start of the cycle before one, by the calendar: its last boundary at least two weeks earlier. */
export function cycleStartBefore({ timeZone, cycleDay }: CycleCalendar, startMs: number): number {
  return cycleStartMs(timeZone, cycleDay, startMs - SHORTEST_CYCLE_MS);
}
