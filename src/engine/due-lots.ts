// What the clock does to lots at their instants: grants, expiries and the end of the cycle, with their lines in the ledger.

import { cycleEndMs } from '../account/cycle.ts';
import { isoInstant } from '../core/range.ts';
import type { Draft } from './draft.ts';
import {
  type AllocationUnit,
  allocationUnits,
  balanceOf,
  beginCycle,
  compareLots,
  expire,
  grant,
  leftOf,
  type Lot,
  put,
} from './lots.ts';

const UNITS = Object.values(allocationUnits);

/** When a lot is granted or expires. */
export function dueOf(lot: Lot): number {
  if (lot.state === 'PENDING') return lot.grantAtMs;
  return lot.state === 'SPENDABLE' ? (lot.expiresAtMs ?? Infinity) : Infinity;
}

/** Expires the lots that are due. @returns the recurring grants that expired with their cycle, each of which has a successor */
export function expireLots(draft: Draft): readonly { unit: AllocationUnit; lot: Lot }[] {
  const successors: { unit: AllocationUnit; lot: Lot }[] = [];
  for (const unit of UNITS) {
    const expiring = draft
      .wallet(unit)
      .lots.filter((lot) => lot.state === 'SPENDABLE' && dueOf(lot) <= draft.atMs);
    for (const lot of expiring.sort(compareLots)) {
      draft.changeLots(unit, (wallet) => expire(wallet, lot));
      draft.post(unit, 'EXPIRY', {
        amountMicro: -leftOf(lot),
        allocationId: lot.allocationId,
        description: 'Credits expired',
      });
      if (lot.seriesId !== null) successors.push({ unit, lot });
    }
  }
  return successors;
}

/** Ends the billing cycle and begins the next one. */
export function endCycle(draft: Draft): void {
  const { cycle, credits, runs } = draft.state;
  const description = `End of the billing cycle from ${isoInstant(cycle.startMs)} to ${isoInstant(cycle.endMs)}`;
  draft.post('CREDITS', 'CARRY_OVER', { amountMicro: 0n, description });
  draft.creditEvents.push({
    what: 'CYCLE_CLOSED',
    atMs: cycle.endMs,
    cycle,
    credits: { ...credits.cycle, closingMicro: balanceOf(credits) },
    runs: { ...runs.cycle, closingMicro: balanceOf(runs) },
  });
  draft.set({
    cycle: {
      cycleId: cycle.cycleId + 1,
      startMs: cycle.endMs,
      endMs: cycleEndMs(draft.state, cycle.endMs),
    },
    credits: beginCycle(credits),
    runs: beginCycle(runs),
  });
}

/** Adds the next lot of a recurring grant; it takes effect at once. */
export function addSuccessor(draft: Draft, unit: AllocationUnit, before: Lot): void {
  const { atMs } = draft;
  const lot: Lot = {
    ...before,
    allocationId: draft.takeLocalId(),
    state: 'PENDING',
    spentMicro: 0n,
    grantAtMs: atMs,
    createdAtMs: atMs,
  };
  draft.made.push({ unit, lot });
  draft.changeWallet(unit, (wallet) => put(wallet, lot));
}

/** Makes the lots that are due spendable, in the spending order. */
export function grantLots(draft: Draft): void {
  for (const unit of UNITS) {
    const due = draft
      .wallet(unit)
      .lots.filter((lot) => lot.state === 'PENDING' && lot.grantAtMs <= draft.atMs)
      // A recurring grant lasts as long as the cycle in which it takes effect, whatever end was expected when it was made.
      .map((lot) =>
        lot.seriesId === null ? lot : { ...lot, expiresAtMs: draft.state.cycle.endMs },
      );
    for (const lot of due.sort(compareLots)) {
      draft.changeLots(unit, (wallet) => grant(wallet, lot));
      draft.post(unit, 'ALLOCATION', {
        amountMicro: lot.amountMicro,
        allocationId: lot.allocationId,
        description: 'Allocation',
      });
    }
  }
}
