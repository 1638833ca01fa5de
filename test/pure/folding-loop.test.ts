// When the loop folds, by a clock that only the test moves.

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Database } from '../../src/db/database.ts';
import { FoldingLoop } from '../../src/rollups/folding.loop.ts';

let folds = 0;
let faults = 0;
let isDown = false;

/** It has nothing but counts what is asked of it. */
const database = {
  isDistributed: false,
  inSnapshot: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve([])),
  inTransaction: () => {
    folds += 1;
    return Promise.resolve({ behind: [], elsewhere: [], toPrepare: [] });
  },
} as unknown as Database;

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

let loop: FoldingLoop;

beforeEach(async () => {
  jest.useFakeTimers();
  [folds, faults, isDown] = [0, 0, false];
  const onError = (): void => void (faults += 1);
  loop = new FoldingLoop(database, onError);
  loop.start();
  await pass(0);
});

afterEach(async () => {
  await loop.stop();
  jest.useRealTimers();
});

describe('an account', () => {
  it('gathers events for half a second, once there are enough to fold', async () => {
    loop.nudge(1, 999);
    await pass(1_000);
    expect(folds).toBe(0);
    loop.nudge(1, 1);
    await pass(499);
    expect(folds).toBe(0);
    await pass(1);
    expect(folds).toBe(1);
  });

  it('gathers no more once it has ten thousand', async () => {
    loop.nudge(1, 9_999);
    await pass(1);
    expect(folds).toBe(0);
    loop.nudge(1, 1);
    await pass(0);
    expect(folds).toBe(1);
  });

  it('that has many is not asked for again and again while the database is away', async () => {
    isDown = true;
    loop.nudge(1, 20_000);
    await pass(1_000);
    loop.nudge(1, 1);
    await pass(999);
    expect([folds, faults]).toEqual([0, 1]);
    isDown = false;
    await pass(1);
    expect(folds).toBe(1);
  });
});
