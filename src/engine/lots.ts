// Lots: what an account can spend, in each of the two units. A lot is pending until it is granted, then spendable until it
// expires or is voided, and then over. Spending takes from the spendable lots by priority, then expiry (none
// last), then creation, then id; what they do not cover is debt. Every new lot pays debt first, so there is debt only while
// no spendable lot has anything left. A spendable lot without expiry of which nothing is left is used up: time and spending change
// nothing of it, but a charge that is given back may refill it. An account gathers more and more of them, so its wallet leaves them out.
//
// A wallet holds the lots of one unit with its debt and the sums of its running cycle. Two equations always hold:
//   balance = left in spendable lots - debt = carriedOver + allocated - used - expired + adjusted.
// Both units are counted in millionths, so they share the arithmetic. Every function returns a new wallet.

import { invariant } from '../core/errors.ts';

export const allocationUnits = { CREDITS: 'CREDITS', WORKFLOW_RUNS: 'WORKFLOW_RUNS' } as const;
export type AllocationUnit = keyof typeof allocationUnits;

/** For lots that adjustments and reversals make. */
export const ADJUSTMENT_PRIORITY = 100;

export const lotStates = {
  PENDING: 'PENDING',
  SPENDABLE: 'SPENDABLE',
  EXPIRED: 'EXPIRED',
  VOIDED: 'VOIDED',
} as const;
export type LotState = keyof typeof lotStates;

export interface Lot {
  readonly allocationId: number;
  readonly state: LotState;
  readonly amountMicro: bigint;
  /** What it paid: charges, and the debt that existed when it was granted. */
  readonly spentMicro: bigint;
  readonly priority: number;
  /** When it is booked: its effectiveAt, or the now of the call that made it, whichever is later. */
  readonly grantAtMs: number;
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
  /** The first grant's id, for a recurring grant: it has one lot for each cycle. */
  readonly seriesId: number | null;
  /** Whether an adjustment or a reversal made it; then it has no ALLOCATION entry and counts elsewhere in the cycle. */
  readonly isAdjustment: boolean;
}

/** What happened to one unit within a cycle. */
export interface CycleSums {
  readonly carriedOverMicro: bigint;
  readonly allocatedMicro: bigint;
  readonly usedMicro: bigint;
  readonly expiredMicro: bigint;
  readonly adjustedMicro: bigint;
}

export interface Wallet {
  /**
   * The pending and spendable ones, and those that ended since they were read, in no order. Those that were used up when it was read
   * are left out.
   */
  readonly lots: readonly Lot[];
  readonly debtMicro: bigint;
  /** Whether a first lot has taken effect. */
  readonly hasBegun: boolean;
  readonly cycle: CycleSums;
}

/** The lots of an account that its wallets leave out, as they are stored. */
export type UsedUpLots = Readonly<Record<AllocationUnit, readonly Lot[]>>;

/** The spending order. */
export function compareLots(a: Lot, b: Lot): number {
  return (
    a.priority - b.priority ||
    compareExpiries(a.expiresAtMs, b.expiresAtMs) ||
    a.createdAtMs - b.createdAtMs ||
    a.allocationId - b.allocationId
  );
}

function compareExpiries(a: number | null, b: number | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  return b === null ? -1 : a - b;
}

export function leftOf(lot: Lot): bigint {
  return lot.amountMicro - lot.spentMicro;
}

/** Whether a lot is pending or spendable. */
export function isLive(lot: Lot): boolean {
  return lot.state === 'PENDING' || lot.state === 'SPENDABLE';
}

/** The pending or spendable lot of a recurring grant; there is none after the recurrence ended. */
export function findLiveOf(wallet: Wallet, seriesId: number): Lot | undefined {
  return wallet.lots.find((lot) => lot.seriesId === seriesId && isLive(lot));
}

/** What is spendable minus the debt. */
export function balanceOf(wallet: Wallet): bigint {
  let balanceMicro = -wallet.debtMicro;
  for (const lot of wallet.lots) if (lot.state === 'SPENDABLE') balanceMicro += leftOf(lot);
  return balanceMicro;
}

/** What can be spent in the cycle: carriedOver + allocated - expired + adjusted. */
export function allocatedOf({ cycle }: Wallet): bigint {
  return cycle.carriedOverMicro + cycle.allocatedMicro - cycle.expiredMicro + cycle.adjustedMicro;
}

/** Takes a charge from the lots; the rest becomes debt. @param amountMicro zero or more */
export function spend(wallet: Wallet, amountMicro: bigint): Wallet {
  return counted(take(wallet, amountMicro), { usedMicro: amountMicro });
}

/** Takes a downward adjustment like a charge; it counts as adjusted. @param amountMicro above zero */
export function adjustDown(wallet: Wallet, amountMicro: bigint): Wallet {
  return counted(take(wallet, amountMicro), { adjustedMicro: -amountMicro });
}

/** Makes a pending lot spendable; it pays debt first. */
export function grant(wallet: Wallet, lot: Lot): Wallet {
  const paidMicro = smaller(wallet.debtMicro, lot.amountMicro);
  const granted: Lot = { ...lot, state: 'SPENDABLE', spentMicro: paidMicro };
  const counts = lot.isAdjustment
    ? { adjustedMicro: lot.amountMicro }
    : { allocatedMicro: lot.amountMicro };
  return counted(
    { ...put(wallet, granted), debtMicro: wallet.debtMicro - paidMicro, hasBegun: true },
    counts,
  );
}

/** Ends a spendable lot at its expiry. */
export function expire(wallet: Wallet, lot: Lot): Wallet {
  return counted(put(wallet, { ...lot, state: 'EXPIRED' }), { expiredMicro: leftOf(lot) });
}

/**
 * Ends a pending or spendable lot by taking back what is left of it; what was spent stays spent.
 * @param lot the wallet's, or one that it leaves out
 */
export function takeBack(wallet: Wallet, lot: Lot): Wallet {
  const voided = put(wallet, { ...lot, state: 'VOIDED' });
  return lot.state === 'SPENDABLE' ? counted(voided, { adjustedMicro: -leftOf(lot) }) : voided;
}

/**
 * Gives a charge back: debt is paid, then the spendable lots are refilled in reverse spending order, each up to what was
 * spent of it.
 * @param usedUp the lots that the wallet leaves out, as they are stored
 * @returns the wallet, and the rest that did not fit: it becomes a separate lot (`addReturned`)
 */
export function giveBack(
  wallet: Wallet,
  amountMicro: bigint,
  usedUp: readonly Lot[],
): { readonly wallet: Wallet; readonly restMicro: bigint } {
  const paidMicro = smaller(wallet.debtMicro, amountMicro);
  let restMicro = amountMicro - paidMicro;
  const refilled: Lot[] = [];
  for (const lot of spendableOf(withLeftOut(wallet, usedUp)).reverse()) {
    const refillMicro = smaller(lot.spentMicro, restMicro);
    if (refillMicro === 0n) continue;
    refilled.push({ ...lot, spentMicro: lot.spentMicro - refillMicro });
    restMicro -= refillMicro;
  }
  const given = { ...putAll(wallet, refilled), debtMicro: wallet.debtMicro - paidMicro };
  return { wallet: counted(given, { usedMicro: -amountMicro }), restMicro };
}

/** Adds the lot for the rest of a reversal. It was counted when it was given back. */
export function addReturned(wallet: Wallet, lot: Lot): Wallet {
  return { ...put(wallet, { ...lot, state: 'SPENDABLE' }), hasBegun: true };
}

/** The wallet at the start of a cycle. */
export function beginCycle(wallet: Wallet): Wallet {
  return { ...wallet, cycle: { ...NOTHING, carriedOverMicro: balanceOf(wallet) } };
}

/** Adds a lot, or replaces the one with its id. */
export function put(wallet: Wallet, lot: Lot): Wallet {
  return putAll(wallet, [lot]);
}

function putAll(wallet: Wallet, lots: readonly Lot[]): Wallet {
  const ids = new Set(lots.map(({ allocationId }) => allocationId));
  const others = wallet.lots.filter(({ allocationId }) => !ids.has(allocationId));
  return { ...wallet, lots: [...others, ...lots] };
}

/** @throws InvariantError when a wallet is contradictory */
export function checkWallet(wallet: Wallet, facts: Readonly<Record<string, unknown>>): void {
  const closingMicro = allocatedOf(wallet) - wallet.cycle.usedMicro;
  const balanceMicro = balanceOf(wallet);
  invariant(balanceMicro === closingMicro, 'lots agree with the cycle', {
    ...facts,
    balanceMicro,
    closingMicro,
  });
  invariant(wallet.debtMicro >= 0n, 'debt is not negative', facts);
  for (const lot of wallet.lots) {
    const isWithin = lot.spentMicro >= 0n && lot.spentMicro <= lot.amountMicro;
    invariant(isWithin, 'a lot is spent within its amount', { ...facts, lot });
  }
}

export const NOTHING: CycleSums = {
  carriedOverMicro: 0n,
  allocatedMicro: 0n,
  usedMicro: 0n,
  expiredMicro: 0n,
  adjustedMicro: 0n,
};

export function spendableOf(wallet: Wallet): Lot[] {
  return wallet.lots.filter((lot) => lot.state === 'SPENDABLE').sort(compareLots);
}

/** The wallet with lots that it leaves out. One that it has may have changed since it was stored. */
function withLeftOut(wallet: Wallet, stored: readonly Lot[]): Wallet {
  const known = new Set(wallet.lots.map(({ allocationId }) => allocationId));
  const leftOut = stored.filter(({ allocationId }) => !known.has(allocationId));
  return { ...wallet, lots: [...wallet.lots, ...leftOut] };
}

function take(wallet: Wallet, amountMicro: bigint): Wallet {
  let restMicro = amountMicro;
  const taken: Lot[] = [];
  for (const lot of spendableOf(wallet)) {
    if (restMicro === 0n) break;
    const partMicro = smaller(leftOf(lot), restMicro);
    if (partMicro === 0n) continue;
    taken.push({ ...lot, spentMicro: lot.spentMicro + partMicro });
    restMicro -= partMicro;
  }
  return { ...putAll(wallet, taken), debtMicro: wallet.debtMicro + restMicro };
}

function counted(wallet: Wallet, more: Partial<CycleSums>): Wallet {
  const { cycle } = wallet;
  return {
    ...wallet,
    cycle: {
      carriedOverMicro: cycle.carriedOverMicro,
      allocatedMicro: cycle.allocatedMicro + (more.allocatedMicro ?? 0n),
      usedMicro: cycle.usedMicro + (more.usedMicro ?? 0n),
      expiredMicro: cycle.expiredMicro + (more.expiredMicro ?? 0n),
      adjustedMicro: cycle.adjustedMicro + (more.adjustedMicro ?? 0n),
    },
  };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
