// What was left of each allocation when a cycle ended. Nobody keeps that, but the ledger says what happened to the lots, in its
// order: so they are run once more through the engine's own rules, from what the statement before left of them.

import { invariant } from '../core/errors.ts';
import type { LedgerEntryKind } from '../engine/ledger.ts';
import {
  addReturned,
  adjustDown,
  balanceOf,
  compareLots,
  type CycleSums,
  expire,
  giveBack,
  grant,
  leftOf,
  type Lot,
  NOTHING,
  put,
  spend,
  takeBack,
  type Wallet,
} from '../engine/lots.ts';
import type { CreditAllocation } from '../settlement/allocation.ts';

/** An allocation as its row is now. */
export type KnownLot = Pick<
  CreditAllocation,
  keyof Lot | 'source' | 'effectiveAtMs' | 'voidedAtMs' | 'isReturn'
>;

/** An entry that changed which lots pay, or the CARRY_OVER. */
export interface LotMove {
  readonly kind: LedgerEntryKind;
  readonly amountMicro: bigint;
  readonly bookedAtMs: number;
  readonly allocationId: number | null;
  /** What entries of kind USAGE took since the entry before. */
  readonly usedMicro: bigint;
}

/** What a cycle began with and what happened in it. */
export interface CycleOfLots {
  readonly fromMs: number;
  readonly openingMicro: bigint;
  /** What was left of the allocations when it began, by id; those with nothing left may be missing. */
  readonly before: ReadonlyMap<number, bigint>;
  /** All allocations of credits of the account. */
  readonly known: readonly KnownLot[];
  /** In the order of the ledger; the last is the CARRY_OVER. */
  readonly moves: readonly LotMove[];
}

/** An allocation in a cycle. */
export interface LotInCycle {
  readonly lot: KnownLot;
  /** At the end of the cycle; 0 where it ended before. */
  readonly remainingMicro: bigint;
}

/** What a cycle came to. */
export interface EndedLots {
  readonly sums: CycleSums;
  readonly closingMicro: bigint;
  /** Those that had something left when the cycle began or ended, or took effect in it, in the order of spending. */
  readonly lots: readonly LotInCycle[];
}

/** Where there are thousands of lots, so many moves take about a tenth of a second. */
const MOVES_AT_A_TIME = 100;

/**
 * Runs a cycle's entries once more.
 * @param pause lets others work in between, and says that this goes on: with thousands of lots, it takes seconds
 * @throws InvariantError where the entries do not fit the allocations
 */
export async function endOfCycle(
  cycle: CycleOfLots,
  pause: () => Promise<void>,
): Promise<EndedLots> {
  const replay = new Replay(cycle);
  for (const [index, move] of cycle.moves.entries()) {
    if (index % MOVES_AT_A_TIME === 0) await pause();
    replay.apply(move);
  }
  return replay.end();
}

class Replay {
  private wallet: Wallet;
  private readonly byId: ReadonlyMap<number, KnownLot>;
  private readonly listed: Set<number>;
  private readonly endedByEntry: ReadonlySet<number | null>;
  private readonly returned: Set<KnownLot>;

  constructor(private readonly cycle: CycleOfLots) {
    const { known, before, openingMicro, moves } = cycle;
    this.byId = new Map(known.map((lot) => [lot.allocationId, lot]));
    this.listed = new Set(before.keys());
    this.endedByEntry = new Set(
      moves
        .filter(({ kind }) => kind === 'EXPIRY' || kind === 'VOID')
        .map(({ allocationId }) => allocationId),
    );
    this.returned = new Set(
      known.filter(({ isReturn }) => isReturn).sort((a, b) => a.allocationId - b.allocationId),
    );
    const lots = known.filter((lot) => this.isInEffect(lot)).map((lot) => this.asItBegan(lot));
    const leftMicro = lots.reduce((sum, lot) => sum + leftOf(lot), 0n);
    this.wallet = {
      lots,
      debtMicro: leftMicro - openingMicro,
      hasBegun: true,
      cycle: { ...NOTHING, carriedOverMicro: openingMicro },
    };
    invariant(this.wallet.debtMicro >= 0n, 'the lots hold what the cycle begins with');
  }

  apply(move: LotMove): void {
    if (move.usedMicro !== 0n) this.wallet = spend(this.wallet, move.usedMicro);
    const { kind, amountMicro } = move;
    switch (kind) {
      case 'ALLOCATION':
        this.begin(move);
        break;
      case 'ADJUSTMENT':
        if (move.allocationId === null) this.wallet = adjustDown(this.wallet, -amountMicro);
        else this.begin(move);
        break;
      case 'EXPIRY':
        this.wallet = expire(this.wallet, this.ending(move));
        break;
      case 'VOID':
        this.wallet = takeBack(this.wallet, this.ending(move));
        break;
      case 'REVERSAL':
        this.giveBack(move);
        break;
      case 'USAGE':
      case 'CARRY_OVER':
        break;
    }
  }

  end(): EndedLots {
    const lots = this.wallet.lots
      .map((lot) => ({
        lot: this.known(lot.allocationId),
        remainingMicro: lot.state === 'SPENDABLE' ? leftOf(lot) : 0n,
      }))
      .filter(
        ({ lot, remainingMicro }) => remainingMicro > 0n || this.listed.has(lot.allocationId),
      );
    return {
      sums: this.wallet.cycle,
      closingMicro: balanceOf(this.wallet),
      lots: lots.sort((a, b) => compareLots(a.lot, b.lot)),
    };
  }

  private known(allocationId: number | null): KnownLot {
    const lot = allocationId === null ? undefined : this.byId.get(allocationId);
    invariant(lot !== undefined, 'an entry names an allocation of credits', { allocationId });
    return lot;
  }

  private isInEffect(lot: KnownLot): boolean {
    const { fromMs, before } = this.cycle;
    if (before.has(lot.allocationId)) return true;
    return lot.grantAtMs < fromMs && !hadEnded(lot, fromMs);
  }

  private asItBegan(lot: KnownLot): Lot {
    const leftMicro = this.cycle.before.get(lot.allocationId) ?? 0n;
    return { ...lot, state: 'SPENDABLE', spentMicro: lot.amountMicro - leftMicro };
  }

  private begin({ allocationId, amountMicro }: LotMove): void {
    const lot = this.known(allocationId);
    invariant(lot.amountMicro === amountMicro, 'an entry has the amount of its allocation', {
      allocationId,
    });
    this.listed.add(lot.allocationId);
    this.wallet = grant(this.wallet, { ...lot, state: 'PENDING', spentMicro: 0n });
  }

  private ending({ allocationId, amountMicro }: LotMove): Lot {
    const lot = this.wallet.lots.find((one) => one.allocationId === allocationId);
    const isLeft = lot?.state === 'SPENDABLE' && leftOf(lot) === -amountMicro;
    invariant(isLeft, 'an entry takes back what is left of its allocation', { allocationId });
    return lot;
  }

  private giveBack({ amountMicro, bookedAtMs }: LotMove): void {
    const before = this.withoutEnded(this.wallet, (lot) => hadEnded(lot, bookedAtMs));
    // A lot voided in the same millisecond may have ended before or after. If it ended before, the rest that it did not take
    // has an allocation. If both fit, they come to the same: such a lot was used up again before it ended.
    const ended = this.withoutEnded(before, (lot) => lot.voidedAtMs === bookedAtMs);
    const { restMicro: restOfOthers } = giveBack(ended, amountMicro, []);
    const hadAllEnded =
      restOfOthers === 0n || this.findRest(restOfOthers, bookedAtMs) !== undefined;
    const { wallet, restMicro } = giveBack(hadAllEnded ? ended : before, amountMicro, []);
    this.wallet = wallet;
    if (restMicro === 0n) return;
    const lot = this.findRest(restMicro, bookedAtMs);
    invariant(lot !== undefined, 'the rest of a reversal has an allocation', { bookedAtMs });
    this.returned.delete(lot);
    this.listed.add(lot.allocationId);
    this.wallet = addReturned(this.wallet, { ...lot, spentMicro: 0n });
  }

  private findRest(amountMicro: bigint, bookedAtMs: number): KnownLot | undefined {
    return [...this.returned].find(
      (lot) => lot.grantAtMs === bookedAtMs && lot.amountMicro === amountMicro,
    );
  }

  // A lot that ended with nothing left has no entry of it, but nothing is given back to it any more.
  private withoutEnded(wallet: Wallet, hasEnded: (lot: KnownLot) => boolean): Wallet {
    return wallet.lots
      .filter(({ allocationId }) => !this.endedByEntry.has(allocationId))
      .filter(({ allocationId }) => hasEnded(this.known(allocationId)))
      .reduce((without, lot) => put(without, { ...lot, state: 'EXPIRED' }), wallet);
  }
}

/** Whether a lot ended before any write of an instant: it expires before them, but is voided by one of them. */
function hadEnded({ expiresAtMs, voidedAtMs }: KnownLot, byMs: number): boolean {
  return (expiresAtMs ?? Infinity) <= byMs || (voidedAtMs ?? Infinity) < byMs;
}
