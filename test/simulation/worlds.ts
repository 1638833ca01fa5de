// The worlds that are lived in. They differ in how much happens at a time, and so in how long accounts live: in a busy one writes meet each
// other all the time; in a quiet one hosting goes on for hours, and it is time that brings most of what comes about.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface World {
  readonly accounts: number;
  /** How long clients pause at most: each account has one of these. */
  readonly pausesMs: readonly number[];
  /** What is allocated at most. */
  readonly allocationMicroMax: number;
  /** How long everything goes wrong in a round. */
  readonly faultyMs: number;
  /** How far faults are apart, but for those that come together. */
  readonly apartMs: readonly [leastMs: number, mostMs: number];
}

export const WORLDS = {
  busy: {
    accounts: 5,
    pausesMs: [4_000, 30_000, 2 * MINUTE_MS],
    allocationMicroMax: 40_000_000,
    faultyMs: 6 * MINUTE_MS,
    apartMs: [1_000, 30_000],
  },
  mixed: {
    accounts: 100,
    pausesMs: [4_000, ...[1, 10, 10, 20, 20, 60, 60].map((minutes) => minutes * MINUTE_MS)],
    allocationMicroMax: 150_000_000,
    faultyMs: 6 * MINUTE_MS,
    apartMs: [1_000, 30_000],
  },
  quiet: {
    accounts: 300,
    pausesMs: [10, 20, 60, 120, 240].map((minutes) => minutes * MINUTE_MS),
    allocationMicroMax: 60_000_000,
    faultyMs: HOUR_MS,
    apartMs: [10_000, 5 * MINUTE_MS],
  },
} satisfies Readonly<Record<string, World>>;

export type WorldName = keyof typeof WORLDS;

export const worldNames = Object.keys(WORLDS) as readonly WorldName[];
