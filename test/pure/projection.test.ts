// Which stretches of the past four weeks stand for the days to come, where clocks change, a day is skipped, and a cycle
// ends within a day. The instants were looked up in the calendar.

import { describe, expect, it } from '@jest/globals';
import { isoInstant } from '../../src/core/range.ts';
import type { AccountState } from '../../src/engine/state.ts';
import { edgesOfStretches, stretchesAhead } from '../../src/views/projection.ts';
import { newAccount } from '../support/credit-run.ts';

function stateAt(now: string, end: string, timeZone: string): AccountState {
  const atMs = Date.parse(now);
  const policy = { lowCreditMicro: 0n, negativeLimitMicro: 0n, fineTuningMinimumMicro: 0n };
  const state = newAccount({ atMs, timeZone, cycleDay: 1, policy, rates: [], alertRules: [] });
  return { ...state, cycle: { ...state.cycle, endMs: Date.parse(end) } };
}

/** Each stretch and those before it, to the minute. */
function linesOf(state: AccountState): readonly (readonly string[])[] {
  const line = ({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): string =>
    [fromMs, toMs].map((ms) => isoInstant(ms).slice(5, 16)).join(' ');
  return stretchesAhead(state).map((stretch) => [line(stretch), ...stretch.before.map(line)]);
}

describe('the stretches to come', () => {
  it('begin with the rest of today, and each looks back to its weekday in four weeks', () => {
    // A Tuesday; the weekdays of the week after next are those of the same past weeks.
    const lines = linesOf(stateAt('2026-03-10T12:00:00Z', '2026-03-19T00:00:00Z', 'UTC'));

    expect(lines).toHaveLength(9);
    expect(lines[0]).toEqual([
      '03-10T12:00 03-11T00:00',
      '03-03T12:00 03-04T00:00',
      '02-24T12:00 02-25T00:00',
      '02-17T12:00 02-18T00:00',
      '02-10T12:00 02-11T00:00',
    ]);
    expect(lines[1]?.[1]).toBe('03-04T00:00 03-05T00:00');
    expect(lines[6]?.[1]).toBe('03-09T00:00 03-10T00:00');
    expect(lines[7]).toEqual([
      '03-17T00:00 03-18T00:00',
      '03-03T00:00 03-04T00:00',
      '02-24T00:00 02-25T00:00',
      '02-17T00:00 02-18T00:00',
      '02-10T00:00 02-11T00:00',
    ]);
  });

  it('keep the local time over a change of the clocks', () => {
    // Half past three in the afternoon of a Wednesday; Berlin went from UTC+1 to UTC+2 on Sunday, 29 March, at two.
    const lines = linesOf(stateAt('2026-04-08T13:30:00Z', '2026-04-12T22:00:00Z', 'Europe/Berlin'));

    expect(lines[0]).toEqual([
      '04-08T13:30 04-08T22:00',
      '04-01T13:30 04-01T22:00',
      '03-25T14:30 03-25T23:00',
      '03-18T14:30 03-18T23:00',
      '03-11T14:30 03-11T23:00',
    ]);
    // Sundays: the one of 23 hours stands beside three of 24.
    expect(lines[4]).toEqual([
      '04-11T22:00 04-12T22:00',
      '04-04T22:00 04-05T22:00',
      '03-28T23:00 03-29T22:00',
      '03-21T23:00 03-22T23:00',
      '03-14T23:00 03-15T23:00',
    ]);
  });

  it('take a time that a past day skipped as later by what it skipped', () => {
    // Half past two on a Sunday: on 29 March there was none, so that day counts from half past three on.
    const lines = linesOf(stateAt('2026-04-05T00:30:00Z', '2026-04-05T22:00:00Z', 'Europe/Berlin'));

    expect(lines).toHaveLength(1);
    expect(lines[0]?.[1]).toBe('03-29T01:30 03-29T22:00');
    expect(lines[0]?.[2]).toBe('03-22T01:30 03-22T23:00');
  });

  it('end where the cycle does, if that is within a day', () => {
    // The account moved from UTC to Kolkata: its cycle still ends at midnight in UTC, half past five there.
    const lines = linesOf(stateAt('2026-03-10T20:00:00Z', '2026-03-12T00:00:00Z', 'Asia/Kolkata'));

    expect(lines.map(([stretch, last]) => [stretch, last])).toEqual([
      ['03-10T20:00 03-11T18:30', '03-03T20:00 03-04T18:30'],
      ['03-11T18:30 03-12T00:00', '03-04T18:30 03-05T00:00'],
    ]);
  });

  it('pass over a day that the zone skips, and find nothing on a past one', () => {
    // Apia had no Friday, 30 December 2011.
    const ahead = linesOf(stateAt('2011-12-29T20:00:00Z', '2012-01-01T10:00:00Z', 'Pacific/Apia'));
    const since = linesOf(stateAt('2012-01-06T05:00:00Z', '2012-01-06T10:00:00Z', 'Pacific/Apia'));

    expect(ahead.map(([stretch]) => stretch)).toEqual([
      '12-29T20:00 12-30T10:00',
      '12-30T10:00 12-31T10:00',
      '12-31T10:00 01-01T10:00',
    ]);
    expect(since[0]?.[1]).toBe('12-30T10:00 12-30T10:00');
  });

  it('have ascending edges, each once', () => {
    const stretches = stretchesAhead(
      stateAt('2026-04-08T13:30:00Z', '2026-04-30T22:00:00Z', 'Europe/Berlin'),
    );
    const edges = edgesOfStretches(stretches);

    // The starts of 28 days, the end of the last, and 15:30 of four of them.
    expect(edges).toHaveLength(33);
    expect(edges).toEqual([...new Set(edges)].sort((a, b) => a - b));
  });
});
