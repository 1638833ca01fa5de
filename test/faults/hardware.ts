// What the driver hosts on, and what that costs by the rule: each change of the rate begins a part of its own, and each part has one
// floor. No rate is a whole number of micro-credits in any unit of time, so that whoever rounds elsewhere is found out.

import type { Chance } from './chance.ts';

const HOUR_MS = 3_600_000n;
/** Up to here rates are planned ahead: further than anything is reckoned. */
const AHEAD_MS = 600_000;
/** The product takes a change only some seconds before it. */
const SOONEST_MS = 20_000;
const APART_MS = [4_000, 40_000] as const;

export const HARDWARE = 'faults-1';
export const FIRST_MICRO_PER_HOUR = 3_599_123_457n;

interface Rate {
  readonly fromMs: number;
  readonly microPerHour: bigint;
}

/** The rates of the driver's hardware, those to come among them. */
export class Rates {
  private readonly all: Rate[] = [
    { fromMs: Number.NEGATIVE_INFINITY, microPerHour: FIRST_MICRO_PER_HOUR },
  ];

  constructor(private readonly chance: Chance) {}

  /** Plans changes for the next minutes. @returns the new ones, which the gateway has to be told */
  plan(nowMs: number): readonly Rate[] {
    const planned: Rate[] = [];
    let lastMs = Math.max(this.all.at(-1)?.fromMs ?? 0, nowMs + SOONEST_MS);
    while (lastMs < nowMs + AHEAD_MS) {
      lastMs += this.chance.whole(...APART_MS);
      const microPerHour = BigInt(this.chance.whole(3_000_000_001, 4_000_000_001));
      planned.push({ fromMs: lastMs, microPerHour });
    }
    this.all.push(...planned);
    return planned;
  }

  /** The cost of a stretch, in micro-credits. */
  costMicro(fromMs: number, toMs: number, replicas: number): bigint {
    return this.parts(fromMs, toMs).reduce(
      (sum, part) =>
        sum + (part.microPerHour * BigInt(replicas) * BigInt(part.toMs - part.fromMs)) / HOUR_MS,
      0n,
    );
  }

  /** The first millisecond by which one replica, running since `fromMs`, costs at least so much. */
  costsBy(fromMs: number, amountMicro: bigint): number {
    let left = amountMicro;
    for (const part of this.parts(fromMs, fromMs + AHEAD_MS)) {
      const elapsedMs = (left * HOUR_MS + part.microPerHour - 1n) / part.microPerHour;
      if (elapsedMs <= part.toMs - part.fromMs) return part.fromMs + Number(elapsedMs);
      left -= (part.microPerHour * BigInt(part.toMs - part.fromMs)) / HOUR_MS;
    }
    throw new Error(`${amountMicro} micro-credits take too long to burn`);
  }

  private parts(
    fromMs: number,
    toMs: number,
  ): readonly { readonly fromMs: number; readonly toMs: number; readonly microPerHour: bigint }[] {
    return this.all
      .map(({ fromMs: rateMs, microPerHour }, index) => ({
        fromMs: Math.max(fromMs, rateMs),
        toMs: Math.min(toMs, this.all[index + 1]?.fromMs ?? toMs),
        microPerHour,
      }))
      .filter((part) => part.fromMs < part.toMs);
  }
}
