// The working copy of an account's state, with everything that is to be written for it: ledger lines, new lots,
// ended segments, and credit events. The clock (clock.ts) and the writes (writes.ts) change what will be stored. Deployments
// only take local ids from it and add the credit event of a lifecycle call. A quote, and the forecast of what is left of an
// allocation, change a draft that is never stored.

import { invariant } from '../core/errors.ts';
import { chargedMicro, type HostingSegment } from '../hosting/charge.ts';
import { accruedMicro, accruedOf, type RunningSegment } from './burn.ts';
import type { LedgerEntryKind, LedgerLine, LineContent, SegmentCharge } from './ledger.ts';
import {
  type AllocationUnit,
  allocatedOf,
  balanceOf,
  checkWallet,
  type Lot,
  type Wallet,
  spend,
} from './lots.ts';
import type { CreditEvent } from './credit-event.ts';
import { creditStateOf } from './limits.ts';
import { type AccountState } from './state.ts';
import type { Position, UnitPosition } from './alert-rules.ts';

/** An ended segment with its charge. One that ended where it began is void. */
export interface EndedSegment extends HostingSegment {
  readonly toMs: number;
  readonly postedMicro: bigint;
}

/** A lot that the clock or a reversal made. */
export interface MadeLot {
  readonly unit: AllocationUnit;
  readonly lot: Lot;
}

/** When deployments will be stopped (null: not within the horizon), and how far the forecast reached. */
interface StopForecast {
  readonly stopsAtMs: number | null;
  readonly lookedUntilMs: number;
}

export class Draft {
  readonly lines: LedgerLine[] = [];
  readonly creditEvents: CreditEvent[] = [];
  readonly ended: EndedSegment[] = [];
  /** Segments that began because a rate took effect, in their initial form. */
  readonly begun: RunningSegment[] = [];
  readonly made: MadeLot[] = [];
  /** Dropped at every write. The passing of time alone does not change it. */
  stopForecast: StopForecast | null = null;
  /** Whether each unit had begun when the alert rules were last evaluated. */
  judged: { readonly credits: boolean; readonly runs: boolean };

  constructor(public state: AccountState) {
    this.judged = { credits: state.credits.hasBegun, runs: state.runs.hasBegun };
  }

  get atMs(): number {
    return this.state.atMs;
  }

  set(changes: Partial<AccountState>): void {
    this.state = { ...this.state, ...changes };
  }

  wallet(unit: AllocationUnit): Wallet {
    return unit === 'CREDITS' ? this.state.credits : this.state.runs;
  }

  /** Changes a wallet, but not which lots pay: usage, debt, pending lots. */
  changeWallet(unit: AllocationUnit, change: (wallet: Wallet) => Wallet): void {
    const wallet = change(this.wallet(unit));
    this.set(unit === 'CREDITS' ? { credits: wallet } : { runs: wallet });
  }

  /**
   * Changes which lots pay. The lots as they were must pay for accrued hosting, so it is posted here first, and no
   * caller can forget it. `change` receives the wallet after that posting.
   */
  changeLots(unit: AllocationUnit, change: (wallet: Wallet) => Wallet): void {
    if (hasLedger(unit)) this.postHosting();
    this.changeWallet(unit, change);
  }

  takeLocalId(): number {
    const lastLocalId = this.state.lastLocalId + 1;
    this.set({ lastLocalId });
    return lastLocalId;
  }

  /**
   * Writes a line of a unit's ledger, after the wallet was changed. A unit without a ledger has no lines. Lines of
   * amount 0 are left out, except for the end of a cycle.
   */
  post(
    unit: AllocationUnit,
    kind: LedgerEntryKind,
    line: LineContent & { readonly amountMicro: bigint },
  ): void {
    const { amountMicro, ...content } = line;
    if (!hasLedger(unit) || (amountMicro === 0n && kind !== 'CARRY_OVER')) return;
    const sequence = this.state.lastLedgerSequence + 1;
    this.set({ lastLedgerSequence: sequence });
    this.lines.push({
      sequence,
      kind,
      amountMicro,
      balanceMicro: balanceOf(this.state.credits),
      bookedAtMs: this.atMs,
      cycleId: this.state.cycle.cycleId,
      allocationId: content.allocationId ?? null,
      events: content.events ?? null,
      items: content.items ?? [],
      segments: content.segments ?? [],
      description: content.description,
    });
  }

  /** Takes the accrued cost of some running segments from the lots, as one line. */
  postHosting(which: (segment: RunningSegment) => boolean = () => true): void {
    const charges: SegmentCharge[] = [];
    let sumMicro = 0n;
    const running = this.state.running.map((segment) => {
      const chargeMicro = which(segment) ? accruedOf(segment, this.atMs) : 0n;
      if (chargeMicro === 0n) return segment;
      charges.push({ segmentId: segment.segmentId, chargedMicro: chargeMicro });
      sumMicro += chargeMicro;
      return { ...segment, postedMicro: segment.postedMicro + chargeMicro };
    });
    if (sumMicro === 0n) return;
    this.set({ running });
    this.changeWallet('CREDITS', (wallet) => spend(wallet, sumMicro));
    this.post('CREDITS', 'USAGE', {
      amountMicro: -sumMicro,
      segments: charges,
      description: 'Hosting',
    });
  }

  /** Ends running segments now; their cost must have been posted. */
  end(which: (segment: RunningSegment) => boolean): readonly RunningSegment[] {
    const ending = this.state.running.filter(which);
    for (const segment of ending) {
      invariant(segment.postedMicro === chargedMicro(segment, this.atMs), 'hosting is posted', {
        segmentId: segment.segmentId,
      });
      this.ended.push({ ...segment, toMs: this.atMs });
    }
    this.set({ running: this.state.running.filter((segment) => !which(segment)) });
    return ending;
  }

  /** The account's present figures. `stopsAtMs` is the forecast's, null when there is none. */
  position(): Position {
    const { atMs, policy, credits, runs, running } = this.state;
    const creditsNow = unitPosition(credits, accruedMicro(running, atMs));
    return {
      atMs,
      policy,
      state: creditStateOf(credits.hasBegun, creditsNow.balanceMicro, policy),
      credits: creditsNow,
      runs: unitPosition(runs, 0n),
      stopsAtMs: this.stopForecast?.stopsAtMs ?? null,
    };
  }

  /** @throws InvariantError when what would be written is contradictory */
  check(before: { readonly balanceMicro: bigint }): void {
    const facts = { accountId: this.state.accountId };
    checkWallet(this.state.credits, facts);
    checkWallet(this.state.runs, facts);
    let balanceMicro = before.balanceMicro;
    for (const line of this.lines) {
      balanceMicro += line.amountMicro;
      invariant(line.balanceMicro === balanceMicro, 'each line has the sum so far', facts);
    }
    invariant(balanceMicro === balanceOf(this.state.credits), 'the ledger is the balance', facts);
  }
}

/** Credits have a ledger; of workflow runs only the sums are kept. */
function hasLedger(unit: AllocationUnit): boolean {
  return unit === 'CREDITS';
}

function unitPosition(wallet: Wallet, accruedMicro: bigint): UnitPosition {
  return {
    hasBegun: wallet.hasBegun,
    allocatedMicro: allocatedOf(wallet),
    usedMicro: wallet.cycle.usedMicro + accruedMicro,
    balanceMicro: balanceOf(wallet) - accruedMicro,
  };
}
