// Time that passes only when everything has happened that was to happen before: one queue of wakeups for all processes, in the
// order of simulated time. What a process does at a wakeup ends before the next one begins. So a seed decides the order of
// everything, and an hour takes no longer than the work that is done in it.

import { Chance } from '../faults/chance.ts';

const START_MS = Date.UTC(2026, 2, 31, 23, 20);
/** An event loop that is a little late: two timers of one instant come in either order. */
const LATE_MAX_MS = 1;
/** Immediates keep their order, and nothing that was sent meanwhile comes before them. */
const IMMEDIATE_MS = 0.001;

/** Wakeups in one turn of Node's loop. */
const TURNS = 500;

const real = { setImmediate };

/** Something that runs by itself, and may die at any wakeup: a gateway, the server of the database, a client. */
export class Process {
  isDead = false;
  /** Until then it does nothing, like one that got SIGSTOP. */
  frozenUntilMs = 0;
  /** By how much its wall clock is ahead. Anybody may set it. */
  wallAheadMs = 0;

  /** @param drift by which part of itself its count of passed time is fast */
  constructor(
    readonly name: string,
    private readonly drift = 0,
  ) {}

  get passedMs(): number {
    return (timeline().nowMs - START_MS) * (1 + this.drift);
  }
}

type Act = () => void;

/** What is to happen. */
export class Wakeup {
  isCancelled = false;

  constructor(
    readonly process: Process,
    public atMs: number,
    public order: number,
    readonly act: Act,
  ) {}
}

export class Timeline {
  nowMs = START_MS;
  current = new Process('nobody');
  wakeups = 0;
  private readonly heap: Wakeup[] = [];

  constructor(readonly chance: Chance) {}

  /** Has a process act in a while. @returns the wakeup, which can be cancelled */
  after(process: Process, delayMs: number, act: Act): Wakeup {
    const wakeup = new Wakeup(process, this.nowMs + delayMs, this.wakeups++, act);
    this.push(wakeup);
    return wakeup;
  }

  /** The same for the process that acts now, as its timers do. */
  timer(delayMs: number, act: Act): Wakeup {
    const lateMs = (this.chance.whole(0, 1_000) / 1_000) * LATE_MAX_MS;
    return this.after(this.current, Math.max(1, delayMs) + lateMs, act);
  }

  /** Lets time pass. */
  async run(untilMs: number): Promise<void> {
    while ((this.heap[0]?.atMs ?? Infinity) <= untilMs) {
      // All promises that a wakeup settles, and those that they settle, belong to it: Node has them run between two immediates. Many
      // share a turn of the loop, for each turn asks the system what else there is, and here there is nothing.
      await new Promise<void>((resolve) => {
        for (let turn = 0; turn < TURNS; turn += 1) {
          real.setImmediate(() => {
            this.step(untilMs);
          });
        }
        real.setImmediate(resolve);
      });
    }
    this.nowMs = untilMs;
  }

  /** Has the next wakeup happen, if there is one. */
  private step(untilMs: number): void {
    for (;;) {
      const [next] = this.heap;
      if (next === undefined || next.atMs > untilMs) return;
      this.pop();
      const { process } = next;
      if (next.isCancelled || process.isDead) continue;
      if (process.frozenUntilMs > next.atMs) {
        next.atMs = process.frozenUntilMs;
        next.order = this.wakeups++;
        this.push(next);
        continue;
      }
      this.nowMs = next.atMs;
      this.current = process;
      next.act();
      return;
    }
  }

  // A heap: each is before the two that are below it.
  private push(wakeup: Wakeup): void {
    const { heap } = this;
    let index = heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(wakeup, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = wakeup;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const next = isRight ? right : left;
      if (!isBefore(next, last)) break;
      heap[index] = next;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(a: Wakeup, b: Wakeup): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

// Modules draw numbers while they load.
let now = new Timeline(new Chance('loading'));

/** The time that passes at present. */
export function timeline(): Timeline {
  return now;
}

/** A timer as Node's are. */
class Timer {
  private wakeup: Wakeup;

  constructor(
    private readonly everyMs: number | null,
    private readonly delayMs: number,
    private readonly act: Act,
  ) {
    this.wakeup = this.begin();
  }

  private begin(): Wakeup {
    return timeline().timer(this.delayMs, () => {
      if (this.everyMs !== null) this.wakeup = this.begin();
      this.act();
    });
  }

  refresh(): this {
    this.cancel();
    this.wakeup = this.begin();
    return this;
  }

  cancel(): void {
    this.wakeup.isCancelled = true;
  }

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }
}

const clear = (timer: unknown): void => {
  if (timer instanceof Timer) timer.cancel();
};
type Callback = (...args: unknown[]) => void;

/** From here on all code of this process goes by a simulated time. */
export function begin(chance: Chance): Timeline {
  now = new Timeline(chance);
  Object.assign(globalThis, {
    setTimeout: (act: Callback, delayMs = 0, ...args: unknown[]) =>
      new Timer(null, delayMs, () => {
        act(...args);
      }),
    setInterval: (act: Callback, delayMs = 0, ...args: unknown[]) =>
      new Timer(delayMs, delayMs, () => {
        act(...args);
      }),
    setImmediate: (act: Callback, ...args: unknown[]) =>
      timeline().after(timeline().current, IMMEDIATE_MS, () => {
        act(...args);
      }),
    clearTimeout: clear,
    clearInterval: clear,
  });
  performance.now = () => timeline().current.passedMs;
  Date.now = () => Math.floor(timeline().nowMs + timeline().current.wallAheadMs);
  return now;
}

/** Fulfilled after a while of the process that asks. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    timeline().timer(durationMs, resolve);
  });
}
