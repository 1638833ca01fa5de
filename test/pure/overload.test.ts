// What is refused under which pressure: wide before cheap, and writes last.

import { afterEach, describe, expect, it } from '@jest/globals';
import { Waits } from '../../src/db/waits.ts';
import { Overload, type Work } from '../../src/http/overload.ts';

const wide: Work = { type: 'query', points: 1_001 };
const view: Work = { type: 'query', points: 101 };
const cheap: Work = { type: 'query', points: 100 };
const subscription: Work = { type: 'subscription', points: 20 };
const write: Work = { type: 'mutation', points: 20 };

let overload: Overload;
afterEach(() => {
  overload.stop();
});

function under(measured: { waitMs?: number; loopDelayMs?: number }): Overload {
  const { waitMs = 0, loopDelayMs = 0 } = measured;
  overload = new Overload({ connectionWaitMs: () => waitMs, loopDelayMs: () => loopDelayMs });
  return overload;
}

function taken(by: Overload): readonly boolean[] {
  return [wide, view, cheap, subscription, write].map((work) => {
    try {
      by.require(work);
      return true;
    } catch {
      return false;
    }
  });
}

describe('the longer work would wait for a connection', () => {
  it.each([
    [0, [true, true, true, true, true]],
    [249, [true, true, true, true, true]],
    [250, [false, true, true, true, true]],
    [375, [false, false, true, true, true]],
    [450, [false, false, false, false, true]],
    [500, [false, false, false, false, false]],
  ])('(%i ms), the less is taken', (waitMs, expected) => {
    expect(taken(under({ waitMs }))).toEqual(expected);
  });
});

describe('the other signals', () => {
  it('do the same: how late the event loop is', () => {
    expect(taken(under({ loopDelayMs: 99 }))).toEqual([true, true, true, true, true]);
    expect(taken(under({ loopDelayMs: 100 }))).toEqual([false, true, true, true, true]);
    expect(taken(under({ loopDelayMs: 200 }))).toEqual([false, false, false, false, false]);
  });

  it('and how much is in flight, until it ends', () => {
    const it = under({});
    const ends = Array.from({ length: 1_000 }, () => it.begin());
    expect(taken(it)).toEqual([false, false, false, false, false]);
    for (const end of ends.slice(0, 500)) end();
    expect(taken(it)).toEqual([false, true, true, true, true]);
    ends[500]?.();
    expect(taken(it)).toEqual([true, true, true, true, true]);
  });
});

describe('a refusal', () => {
  it('says when to try again, and is counted by its reason', () => {
    const it = under({ waitMs: 600, loopDelayMs: 100 });

    expect(() => {
      it.require(cheap);
    }).toThrow(expect.objectContaining({ code: 'UNAVAILABLE', retryAfterSeconds: 1 }));
    expect(it.shed).toEqual({ connections: 1, event_loop: 0, in_flight: 0 });
    expect(it.pressures()).toEqual({ connections: 1.2, event_loop: 0.5, in_flight: 0 });
  });
});

describe('a queue', () => {
  it('expects one more to wait as long as others did, for each place before it', async () => {
    const waits = new Waits();
    const served: (() => void)[] = [];
    const wait = (): Promise<void> =>
      waits.during(new Promise<void>((resolve) => served.push(resolve)));
    expect(waits.expectedMs).toBe(0);

    const first = wait();
    const busyUntilMs = performance.now() + 50;
    while (performance.now() < busyUntilMs);
    const seenMs = waits.expectedMs;
    served[0]?.();
    await first;
    const others = Promise.all([wait(), wait(), wait()]);
    const expectedMs = waits.expectedMs;
    for (const serve of served) serve();
    await others;

    // The first one has waited 50 ms itself. Of that, a tenth goes into the average, for each of three.
    expect(seenMs).toBeGreaterThanOrEqual(49);
    expect(expectedMs).toBeGreaterThanOrEqual(3 * 4.9);
    expect(waits.expectedMs).toBe(0);
  });
});
