// What an account will have used by the end of its running cycle. Hosting is that of the account's clock run ahead. Events are
// expected as they came in the last four weeks: each stretch of a day to come is held against the same local times of the
// same weekday. Pure; docs/projection.md has the rule with an example.

import { dayOf, dayStartMs, sameTimeOn } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import { halfUp, MICRO_PER_CREDIT } from '../core/micro.ts';
import type { Range } from '../core/range.ts';
import type { Position } from '../engine/alert-rules.ts';
import { advanceDraft, draftAhead } from '../engine/clock.ts';
import { closedCycles } from '../engine/credit-event.ts';
import { Draft } from '../engine/draft.ts';
import type { AccountState } from '../engine/state.ts';
import { figuresOf, type Sum } from './sums.ts';

const WEEKS = 4;
const DAYS_PER_WEEK = 7;
/** Whole days of events before today that a projection needs. */
export const HISTORY_DAYS = WEEKS * DAYS_PER_WEEK;

/** A day to come, or the part of one that lies in the cycle. */
export interface Stretch extends Range {
  /** The same local times of the same weekday in each of the last four weeks, the latest week first. */
  readonly before: readonly Range[];
}

/** What remains of today, and the days after it up to the cycle's end, by the account's zone; none of a closed account. */
export function stretchesAhead(state: AccountState): readonly Stretch[] {
  const { atMs, timeZone, cycle } = state;
  if (state.closedAtMs !== null) return [];
  const today = dayOf(timeZone, atMs);
  const stretches: Stretch[] = [];
  let fromMs = atMs;
  for (let day = today; fromMs < cycle.endMs; day += 1) {
    const toMs = Math.min(dayStartMs(timeZone, day + 1), cycle.endMs);
    // A day that the zone skips has no length.
    if (toMs > fromMs) {
      const sinceToday = (day - today) % DAYS_PER_WEEK;
      const before = Array.from({ length: WEEKS }, (_, week) =>
        sameTimes({ fromMs, toMs }, timeZone, {
          day,
          other: today + sinceToday - (week + 1) * DAYS_PER_WEEK,
        }),
      );
      stretches.push({ fromMs, toMs, before });
    }
    fromMs = toMs;
  }
  return stretches;
}

// The start and the end of a day stand for those of the other day, though midnight may be skipped or come twice on one of them.
function sameTimes(
  { fromMs, toMs }: Range,
  timeZone: string,
  { day, other }: { readonly day: number; readonly other: number },
): Range {
  const startMs = dayStartMs(timeZone, day);
  const endMs = dayStartMs(timeZone, day + 1);
  const otherFromMs =
    fromMs === startMs ? dayStartMs(timeZone, other) : sameTimeOn(timeZone, other, fromMs);
  const otherToMs =
    toMs === endMs ? dayStartMs(timeZone, other + 1) : sameTimeOn(timeZone, other, toMs);
  return { fromMs: otherFromMs, toMs: Math.max(otherFromMs, otherToMs) };
}

/** The instants between which the events of the past weeks are summed, ascending. */
export function edgesOfStretches(stretches: readonly Stretch[]): readonly number[] {
  const edges = stretches.flatMap(({ before }) =>
    before.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
  );
  return [...new Set(edges)].sort((a, b) => a - b);
}

/** The start of the first day on which there is enough history. @param historyFromMs when events began */
export function availableFromMs(timeZone: string, historyFromMs: number): number {
  return dayStartMs(timeZone, dayOf(timeZone, historyFromMs) + HISTORY_DAYS);
}

/** What a unit will have used. Micro-credits, or whole runs. */
export interface UnitProjection {
  readonly expected: bigint;
  readonly low: bigint;
  readonly high: bigint;
}

/** What a day to come is expected to use. */
export interface ProjectedDay extends Range {
  readonly hostingMicro: bigint;
  readonly creditsMicro: bigint;
  readonly runs: bigint;
}

/** What events are expected to use. */
export interface EventProjection {
  readonly credits: UnitProjection;
  readonly runs: UnitProjection;
  readonly days: readonly ProjectedDay[];
}

/** What running deployments will cost from now to the cycle's end, and what the cycle will have had to spend. */
export interface Ahead {
  readonly hostingMicro: bigint;
  readonly ofStretch: readonly bigint[];
  readonly allocatedMicro: bigint;
  readonly allocatedRuns: bigint;
}

/** Runs the account's clock ahead to the end of the running cycle, as the forecast of the stop does. A closed account's stays. */
export function runToCycleEnd(state: AccountState, stretches: readonly Stretch[]): Ahead {
  const { endMs } = state.cycle;
  const draft = draftAhead(state);
  if (state.closedAtMs !== null) {
    return { hostingMicro: 0n, ofStretch: [], ...allocatedIn(draft.position()) };
  }
  const usedAtFirst = draft.position().credits.usedMicro;
  const usedByMicro = stretches.map(({ toMs }) => {
    advanceDraft(draft, Math.min(toMs, endMs - 1));
    return draft.position().credits.usedMicro;
  });
  // What expires with the cycle can be spent until then, so it is asked for a millisecond before.
  const allocated = allocatedIn(draft.position());
  advanceDraft(draft, endMs);
  const [closed] = closedCycles(draft.creditEvents);
  invariant(closed !== undefined, 'a cycle has ended at its end', { accountId: state.accountId });
  usedByMicro[usedByMicro.length - 1] = closed.credits.usedMicro;
  return {
    hostingMicro: closed.credits.usedMicro - usedAtFirst,
    ofStretch: usedByMicro.map((micro, index) => micro - (usedByMicro[index - 1] ?? usedAtFirst)),
    ...allocated,
  };
}

function allocatedIn({ credits, runs }: Position): Pick<Ahead, 'allocatedMicro' | 'allocatedRuns'> {
  return {
    allocatedMicro: credits.allocatedMicro,
    allocatedRuns: runs.allocatedMicro / MICRO_PER_CREDIT,
  };
}

/**
 * What events are expected to use up to the cycle's end.
 * @param sums of events between the edges of the stretches
 */
export function projectEvents(
  state: AccountState,
  by: {
    readonly stretches: readonly Stretch[];
    readonly sums: readonly Sum[];
    readonly ahead: Ahead;
  },
): EventProjection {
  const { stretches, ahead } = by;
  const { credits, runs } = eventsBefore(by);
  const position = new Draft(state).position();
  return {
    credits: unitProjection(credits, position.credits.usedMicro + ahead.hostingMicro),
    runs: unitProjection(runs, position.runs.usedMicro / MICRO_PER_CREDIT),
    days: stretches.map(({ fromMs, toMs }, index) => {
      const hostingMicro = ahead.ofStretch[index] ?? 0n;
      return {
        fromMs,
        toMs,
        hostingMicro,
        creditsMicro: hostingMicro + (credits.ofStretch[index] ?? 0n),
        runs: runs.ofStretch[index] ?? 0n,
      };
    }),
  };
}

function unitProjection({ expected, low, high }: Estimate, certain: bigint): UnitProjection {
  return { expected: certain + expected, low: certain + low, high: certain + high };
}

/** What events use in the stretches to come. */
interface Estimate {
  readonly ofStretch: readonly bigint[];
  /** The mean of the four weeks: the sum of `ofStretch`. */
  readonly expected: bigint;
  /** As if all days to come were those of the week that gives the least, or the most. */
  readonly low: bigint;
  readonly high: bigint;
}

/** @param weeks of each past week, what its counterparts of the stretches used */
function estimateOf(weeks: readonly (readonly bigint[])[], stretches: number): Estimate {
  const divisor = BigInt(weeks.length);
  const ofStretch: bigint[] = [];
  let sum = 0n;
  let expected = 0n;
  for (let index = 0; index < stretches; index += 1) {
    for (const week of weeks) sum += week[index] ?? 0n;
    // The sum so far is rounded, not each day: so the days add up to the whole, which is rounded once.
    const upTo = halfUp(sum, divisor);
    ofStretch.push(upTo - expected);
    expected = upTo;
  }
  const totals = weeks.map((week) => week.reduce((total, used) => total + used, 0n));
  totals.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { ofStretch, expected, low: totals[0] ?? 0n, high: totals.at(-1) ?? 0n };
}

function eventsBefore(by: {
  readonly stretches: readonly Stretch[];
  readonly sums: readonly Sum[];
}): { readonly credits: Estimate; readonly runs: Estimate } {
  const { stretches, sums } = by;
  const edgesMs = edgesOfStretches(stretches);
  const events = sums.filter(({ type }) => type !== 'HOSTING');
  const figures = edgesMs.map((_, cell) => figuresOf(events.filter((sum) => sum.cell === cell)));
  const weeks = Array.from({ length: WEEKS }, (_, week) =>
    stretches.map(({ before }) => {
      const range = before[week] ?? { fromMs: 0, toMs: 0 };
      return figures.filter((_figures, cell) => {
        const atMs = edgesMs[cell] ?? 0;
        return atMs >= range.fromMs && atMs < range.toMs;
      });
    }),
  );
  const estimate = (of: (one: (typeof figures)[number]) => bigint): Estimate =>
    estimateOf(
      weeks.map((week) => week.map((cells) => cells.reduce((sum, one) => sum + of(one), 0n))),
      stretches.length,
    );
  return {
    credits: estimate(({ creditsMicro }) => creditsMicro),
    runs: estimate(({ runs }) => runs),
  };
}
