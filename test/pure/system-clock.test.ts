import { describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/core/clock.ts';

const HOUR = 3_600_000;
/** What the database's clock says when the gateway starts. */
const START = Date.UTC(2026, 2, 10, 12);

/** A gateway that started at START, on a machine and a database whose clocks the test sets. */
function started(): {
  readonly clock: SystemClock;
  /** Lets time pass on all clocks. */
  readonly pass: (ms: number) => void;
  /** The machine sleeps: neither wall clock nor database do. */
  readonly sleep: (ms: number) => void;
  readonly stepWall: (ms: number) => void;
  readonly stepDatabase: (ms: number) => void;
  /** Asks the database; the answer comes at once, or after its ways there and back. */
  readonly follow: (ways?: { readonly thereMs: number; readonly backMs: number }) => number;
} {
  // A wall clock that is ten minutes fast.
  const machine = { wall: START + 600_000, passed: 5_000, up: 90_000, database: START };
  const clock = new SystemClock({ wallMs: () => machine.wall, passedMs: () => machine.passed });
  const pass = (ms: number): void => {
    machine.wall += ms;
    machine.passed += ms;
    machine.up += ms;
    machine.database += ms;
  };
  const follow = (ways = { thereMs: 0, backMs: 0 }): number => {
    const askedMs = clock.passedMs();
    pass(ways.thereMs);
    const databaseMs = machine.database;
    pass(ways.backMs);
    return clock.follow({ askedMs, databaseMs, upMs: machine.up });
  };
  follow();
  return {
    clock,
    pass,
    follow,
    sleep: (ms) => {
      machine.wall += ms;
      machine.up += ms;
      machine.database += ms;
    },
    stepWall: (ms) => {
      machine.wall += ms;
    },
    stepDatabase: (ms) => {
      machine.database += ms;
    },
  };
}

describe('SystemClock', () => {
  it('begins where the database is, not the wall clock', () => {
    expect(started().clock.nowMs()).toBe(START);
  });

  it.each([2 * HOUR, -2 * HOUR])('is not moved by a wall clock that steps by %i ms', (step) => {
    const { clock, pass, stepWall, follow } = started();
    stepWall(step);
    pass(10_000);
    expect(clock.nowMs()).toBe(START + 10_000);
    expect(follow()).toBe(0);
    expect(clock.nowMs()).toBe(START + 10_000);
  });

  it("goes on by the passed time when the database's clock steps forward, a thousandth faster", () => {
    const { clock, pass, stepDatabase, follow } = started();
    stepDatabase(2 * HOUR);
    pass(10_000);
    // The count has come 10 ms nearer.
    expect(follow()).toBe(2 * HOUR - 10);
    expect(clock.nowMs()).toBe(START + 10_010);
    stepDatabase(-2 * HOUR);
    pass(10_000);
    // And goes back towards it as slowly; time itself is the database's at once, which never means back.
    expect(follow()).toBe(0);
    expect(clock.nowMs()).toBe(START + 20_000);
  });

  it("stands while the database's clock is behind it, and never goes back", () => {
    const { clock, pass, stepDatabase, follow } = started();
    pass(10_000);
    expect(clock.nowMs()).toBe(START + 10_000);
    stepDatabase(-30_000);
    pass(10_000);
    // The database says START - 10 s, and the count was slowed for 20 s.
    expect(follow()).toBe(-30_000 + 20);
    expect(clock.nowMs()).toBe(START + 20_000 - 10_000);
    pass(19_999);
    expect(clock.nowMs()).toBe(START + 10_000);
    pass(2_001);
    expect(clock.nowMs()).toBe(START + 12_000);
  });

  it("is right at once when the database's clock is set right again", () => {
    const { clock, pass, stepDatabase, follow } = started();
    stepDatabase(-2 * HOUR);
    pass(10_000);
    follow();
    pass(10_000);
    stepDatabase(2 * HOUR);
    follow();
    // Ten seconds of slewing back, and ten forth.
    expect(clock.nowMs()).toBe(START + 20_000);
  });

  it('counts the sleep of the machine', () => {
    const { clock, pass, sleep, follow } = started();
    pass(10_000);
    sleep(8 * HOUR);
    expect(clock.nowMs()).toBe(START + 10_000);
    expect(follow()).toBe(0);
    expect(clock.nowMs()).toBe(START + 10_000 + 8 * HOUR);
  });

  it('is moved by no answer for as long as its way may have taken', () => {
    const { clock, pass, follow } = started();
    pass(10_000);
    // It may be that the database spoke at once, or just now: each answer alone leaves the right time possible.
    expect(follow({ thereMs: 4_000, backMs: 0 })).toBe(0);
    expect(follow({ thereMs: 0, backMs: 4_000 })).toBe(0);
    expect(clock.nowMs()).toBe(START + 18_000);
  });
});
