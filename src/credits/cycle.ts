// Billing cycles begin on the account's day in its zone. They are kept as they came about: the running one ends where it was
// to end when it began, whatever the account's zone is by then; another zone applies from the next one on.

import { cycleStartMs, shiftCycleMs } from '../core/calendar.ts';
import type { Range } from '../core/range.ts';

/** Longer than two zones lie apart and shorter than any month: a change of zone makes no cycle of a few hours. */
const SHORTEST_CYCLE_MS = 14 * 86_400_000;

interface CycleCalendar {
  readonly timeZone: string;
  readonly cycleDay: number;
}

/** The first cycle of an account: it begins at the calendar boundary before the account's credits do. */
export function firstCycle(calendar: CycleCalendar, creditsFromMs: number): Range {
  const fromMs = cycleStartMs(calendar.timeZone, calendar.cycleDay, creditsFromMs);
  return {
    fromMs,
    toMs: shiftCycleMs(calendar.timeZone, calendar.cycleDay, { startMs: fromMs, cycles: 1 }),
  };
}

/** Where the cycle that begins at `startMs` ends: at the calendar's first boundary at least two weeks later. */
export function cycleEndMs({ timeZone, cycleDay }: CycleCalendar, startMs: number): number {
  const before = cycleStartMs(timeZone, cycleDay, startMs + SHORTEST_CYCLE_MS);
  return shiftCycleMs(timeZone, cycleDay, { startMs: before, cycles: 1 });
}
