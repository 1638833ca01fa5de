// A forecast over ten years passes 120 cycles. Most accounts do not need it: their lots, or the grants of each cycle,
// cover more than they can burn.

import { DAY_MS } from '../core/range.ts';
import { MS_PER_HOUR } from '../hosting/charge.ts';
import { accruedMicro } from './burn.ts';
import { leftOf, type Lot } from './lots.ts';
import type { AccountState } from './state.ts';

/** A month of the calendar, plus more than two zones can lie apart (26 h), since an account may change its zone. */
const LONGEST_CYCLE_MS = 33 * DAY_MS;

/**
 * Whether the balance certainly stays above zero up to `untilMs`, without further writes; false may also mean unknown.
 *
 * While a lot has something left there is no debt. So the balance is at least what is left of any set of lots, less
 * what is burnt meanwhile, whatever the spending order. It suffices that more than the burn is left
 * - of lots that do not expire before `untilMs`, for the whole time, or
 * - of recurring grants, for the longest cycle: each cycle begins with at least as much again.
 */
export function isCovered(state: AccountState, untilMs: number): boolean {
  const spendable = state.credits.lots.filter((lot) => lot.state === 'SPENDABLE');
  const lasting = spendable.filter((lot) => (lot.expiresAtMs ?? Infinity) > untilMs);
  const recurring = spendable.filter((lot) => lot.seriesId !== null);
  return covers(state, lasting, untilMs - state.atMs) || covers(state, recurring, LONGEST_CYCLE_MS);
}

function covers(state: AccountState, lots: readonly Lot[], durationMs: number): boolean {
  let leftMicro = -accruedMicro(state.running, state.atMs);
  for (const lot of lots) leftMicro += leftOf(lot);
  return leftMicro > mostBurntMicro(state, durationMs);
}

/** The most that running segments can burn: each at the highest of its present and scheduled rates. */
function mostBurntMicro({ atMs, running, rates }: AccountState, durationMs: number): bigint {
  let burnMicroPerHour = 0n;
  for (const { hardwareId, replicas, rateMicroPerHour } of running) {
    const toCome = rates.filter((rate) => rate.hardwareId === hardwareId && rate.fromMs > atMs);
    const highestMicroPerHour = toCome.reduce(
      (highest, rate) => (rate.rateMicroPerHour > highest ? rate.rateMicroPerHour : highest),
      rateMicroPerHour,
    );
    burnMicroPerHour += BigInt(replicas) * highestMicroPerHour;
  }
  // Rounding changes each segment's growth by less than a micro-credit, and so does the division.
  return (burnMicroPerHour * BigInt(durationMs)) / MS_PER_HOUR + BigInt(running.length) + 1n;
}
