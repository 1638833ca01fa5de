// What is so at this very moment, between two answers of the gateway: the state of the balance, and the time until an instant.

import type { CreditState } from '@billing-gateway/client/operations';

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

export interface TimeLeft {
  readonly days: number;
  /** "04:12:09" */
  readonly clock: string;
}

const SECOND_MS = 1000;
const DAY_SECONDS = 86_400;

/** Days and the time that are left until an instant; zero once it is past. */
export function countdownTo(instant: string, nowMs: number): TimeLeft {
  const seconds = Math.max(0, Math.ceil((Date.parse(instant) - nowMs) / SECOND_MS));
  const two = (value: number): string => String(value).padStart(2, '0');
  const rest = seconds % DAY_SECONDS;
  return {
    days: Math.floor(seconds / DAY_SECONDS),
    clock: [Math.floor(rest / 3600), Math.floor((rest % 3600) / 60), rest % 60].map(two).join(':'),
  };
}

/** The same for a reader: "3 days 04:12:09". */
export function timeLeftText(locale: string, instant: string, nowMs: number): string {
  const { days, clock } = countdownTo(instant, nowMs);
  if (days === 0) return clock;
  return `${new Intl.NumberFormat(locale, { style: 'unit', unit: 'day' }).format(days)} ${clock}`;
}
