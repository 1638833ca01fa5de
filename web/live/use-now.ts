// What the live balance says at this very moment. The gateway's clock counts, not the browser's: each balance says when it was
// taken, and the time since then is measured by a clock that only grows.

import { useCallback, useSyncExternalStore } from 'react';
import { useAccount } from '../account.ts';
import { monotonicMs, wallClockMs } from '../clock.ts';
import { parseMicro } from '../../src/core/micro.ts';
import { burnedDown } from '../figures/decimal.ts';
import { type Live, useLive } from './live.ts';

const TICK_MS = 1000;

const listeners = new Set<() => void>();
let ticker: ReturnType<typeof setInterval> | undefined;

// One timer for everything that counts.
function onTick(listener: () => void): () => void {
  listeners.add(listener);
  ticker ??= setInterval(() => {
    for (const one of listeners) one();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  };
}

/** Epoch milliseconds by the server's clock, anew each second; for a test account its own clock, which stands. */
export function useServerNow(): number {
  const live = useLive();
  const testClock = useAccount()?.testClock ?? null;
  return useSyncExternalStore(
    onTick,
    // Whole seconds, so that what is drawn twice in one second is the same.
    useCallback(
      () => Math.floor(serverNowMs(live, testClock) / TICK_MS) * TICK_MS,
      [live, testClock],
    ),
  );
}

function serverNowMs({ balance, receivedAtMs }: Live, testClock: string | null): number {
  if (testClock !== null) return Date.parse(balance?.asOf ?? testClock);
  if (balance === null) return wallClockMs();
  return Date.parse(balance.asOf) + monotonicMs() - receivedAtMs;
}

/** What is left now, in micro-credits, each second; null until the first balance came. */
export function useLiveBalance(): bigint | null {
  const { balance } = useLive();
  const nowMs = useServerNow();
  if (balance === null) return null;
  return burnedDown(
    parseMicro(balance.remaining),
    parseMicro(balance.burnRatePerHour),
    nowMs - Date.parse(balance.asOf),
  );
}
