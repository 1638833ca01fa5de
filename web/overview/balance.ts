// What the balance card shows between the gateway's answers: the state, the countdown, and the places on the gauge.

import type { CreditState } from '../api/operations.ts';
import { shareOf } from '../figures/decimal.ts';

export interface Levels {
  readonly lowMicro: bigint;
  readonly negativeLimitMicro: bigint;
}

const WORSE: readonly CreditState[] = ['OK', 'LOW', 'EXHAUSTED', 'STOPPED'];

/**
 * The state of what is left now. The gateway's own state holds until the balance has burned to a worse one: a level is crossed
 * when it is reached.
 */
export function stateNow(
  said: CreditState,
  remainingMicro: bigint,
  { lowMicro, negativeLimitMicro }: Levels,
): CreditState {
  const reached =
    remainingMicro <= negativeLimitMicro
      ? 'STOPPED'
      : remainingMicro <= 0n
        ? 'EXHAUSTED'
        : remainingMicro <= lowMicro
          ? 'LOW'
          : 'OK';
  return WORSE.indexOf(reached) > WORSE.indexOf(said) ? reached : said;
}

export interface Countdown {
  readonly days: number;
  /** "04:12:09" */
  readonly clock: string;
}

const SECOND_MS = 1000;
const DAY_SECONDS = 86_400;

/** Days and the time that are left until an instant; zero once it is past. */
export function countdownTo(instant: string, nowMs: number): Countdown {
  const seconds = Math.max(0, Math.ceil((Date.parse(instant) - nowMs) / SECOND_MS));
  const two = (value: number): string => String(value).padStart(2, '0');
  const rest = seconds % DAY_SECONDS;
  return {
    days: Math.floor(seconds / DAY_SECONDS),
    clock: [Math.floor(rest / 3600), Math.floor((rest % 3600) / 60), rest % 60].map(two).join(':'),
  };
}

/** The span of a gauge: from the lowest to the highest of what it shows, with a margin on both sides. */
export function gaugeSpan(levels: readonly bigint[]): {
  readonly from: bigint;
  readonly to: bigint;
} {
  const low = levels.reduce((least, level) => (level < least ? level : least), 0n);
  const high = levels.reduce((most, level) => (level > most ? level : most), 0n);
  const margin = (high - low) / 40n + 1n;
  return { from: low - margin, to: high + margin };
}

/** Where a level stands in the span of a gauge, 0 to 1. */
export function placeOn(
  span: { readonly from: bigint; readonly to: bigint },
  level: bigint,
): number {
  return Math.min(1, Math.max(0, shareOf(level - span.from, span.to - span.from)));
}
