// What the live balance says at this very moment. The gateway's clock counts, not the browser's: each balance says when it was
// taken, and the time since then is measured by a clock that only grows.

import { useCallback, useState, useSyncExternalStore } from 'react';
import { useAccount } from '../account.ts';
import type { CreditState } from '@billing-gateway/client/operations';
import { monotonicMs, wallClockMs } from '../clock.ts';
import { parseMicro } from '../../src/core/micro.ts';
import { burnedDown } from '../figures/decimal.ts';
import { useLive } from './live.ts';
import { stateNow } from './moment.ts';

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

/**
 * Epoch milliseconds by the server's clock, anew each second.
 * @param asOf when the server took what is shown; null: not known
 * @param receivedAtMs when it came, of the clock that only grows
 */
export function useNowSince(asOf: string | null, receivedAtMs: number): number {
  return useSyncExternalStore(
    onTick,
    useCallback(() => {
      const nowMs = asOf === null ? wallClockMs() : Date.parse(asOf) + monotonicMs() - receivedAtMs;
      // Whole seconds, so that what is drawn twice in one second is the same.
      return Math.floor(nowMs / TICK_MS) * TICK_MS;
    }, [asOf, receivedAtMs]),
  );
}

/** The same, of an answer that came when it was first drawn. */
export function useNowOf(asOf: string): number {
  const [came, setCame] = useState(() => ({ asOf, atMs: monotonicMs() }));
  if (came.asOf !== asOf) setCame({ asOf, atMs: monotonicMs() });
  return useNowSince(came.asOf, came.atMs);
}

/** The now of the account that is shown; for a test account its own clock, which stands. */
export function useServerNow(): number {
  const { balance, receivedAtMs } = useLive();
  const testClock = useAccount()?.testClock ?? null;
  const nowMs = useNowSince(balance?.asOf ?? null, receivedAtMs);
  return testClock === null ? nowMs : Date.parse(balance?.asOf ?? testClock);
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

/** The state of what is left now; null until the first balance came. */
export function useLiveState(): CreditState | null {
  const { balance } = useLive();
  const policy = useAccount()?.creditPolicy;
  const remainingMicro = useLiveBalance();
  if (balance === null || policy === undefined || remainingMicro === null) return null;
  return stateNow(balance.state, remainingMicro, {
    lowMicro: parseMicro(policy.lowCredit),
    negativeLimitMicro: parseMicro(policy.negativeLimit),
  });
}
