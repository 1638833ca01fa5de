// What a call does to an account's credits, at the position that the clock has reached. Each function changes the
// working copy and ends with one evaluation. What has already happened is never refused here; what may be refused
// (deployments) is decided before.

import { invariant } from '../core/errors.ts';
import type { RunningSegment } from './burn.ts';
import { beginRates, endDeployments, evaluate } from './clock.ts';
import { grantLots } from './due-lots.ts';
import type { Draft } from './draft.ts';
import type { EventSpan, ItemCharge, SegmentCharge } from './ledger.ts';
import {
  ADJUSTMENT_PRIORITY,
  addReturned,
  adjustDown,
  type AllocationUnit,
  giveBack,
  grant,
  isLive,
  leftOf,
  type Lot,
  type Wallet,
  put,
  spend,
  takeBack,
  type UsedUpLots,
} from './lots.ts';
import type { CreditPolicy } from './limits.ts';
import type { KnownRate } from './state.ts';
import type { AlertRule } from './alert-rules.ts';

/** What one write recorded: credits and runs of events and of closed hosting, counted from the start of the account's credits. */
export interface RecordedUsage {
  readonly creditsMicro: bigint;
  readonly runsMicro: bigint;
  readonly events: EventSpan;
  readonly items: readonly ItemCharge[];
}

/** Charges recorded usage. */
export function recordUsage(draft: Draft, usage: RecordedUsage): void {
  const { creditsMicro, runsMicro, events, items } = usage;
  draft.changeWallet('CREDITS', (wallet) => spend(wallet, creditsMicro));
  draft.changeWallet('WORKFLOW_RUNS', (wallet) => spend(wallet, runsMicro));
  const description = 'Usage';
  draft.post('CREDITS', 'USAGE', { amountMicro: -creditsMicro, events, items, description });
  finish(draft);
}

/** Gives back the charges of a voided event or hosting period. */
export function reverseUsage(draft: Draft, usage: RecordedUsage, usedUp: UsedUpLots): void {
  const { creditsMicro, runsMicro, events, items } = usage;
  if (creditsMicro > 0n) {
    giveBackTo(draft, 'CREDITS', creditsMicro, usedUp.CREDITS);
    draft.post('CREDITS', 'REVERSAL', {
      amountMicro: creditsMicro,
      events,
      items,
      description: 'Usage taken back',
    });
  }
  if (runsMicro > 0n) giveBackTo(draft, 'WORKFLOW_RUNS', runsMicro, usedUp.WORKFLOW_RUNS);
  finish(draft);
}

/** Adds a pending lot, and grants it if it is due. */
export function allocate(draft: Draft, unit: AllocationUnit, lot: Lot): void {
  invariant(lot.grantAtMs >= draft.atMs, 'nothing is granted in the past', { lot });
  draft.changeWallet(unit, (wallet) => put(wallet, lot));
  grantLots(draft);
  finish(draft);
}

/**
 * Takes back what is left of a pending or spendable lot; an ended one is left as it is.
 * @param stored the lot as it is stored: a used-up one is not in its wallet
 */
export function voidLot(draft: Draft, unit: AllocationUnit, stored: Lot): void {
  const { allocationId } = stored;
  const find = ({ lots }: Wallet): Lot =>
    lots.find((lot) => lot.allocationId === allocationId) ?? stored;
  const lot = find(draft.wallet(unit));
  if (!isLive(lot)) return;
  if (lot.state === 'SPENDABLE') {
    let leftMicro = 0n;
    draft.changeLots(unit, (wallet) => {
      const posted = find(wallet);
      leftMicro = leftOf(posted);
      return takeBack(wallet, posted);
    });
    draft.post(unit, 'VOID', {
      amountMicro: -leftMicro,
      allocationId,
      description: 'Allocation voided',
    });
  } else {
    draft.changeWallet(unit, (wallet) => takeBack(wallet, lot));
  }
  finish(draft);
}

/** Adds credits as a separate lot. */
export function adjustUp(draft: Draft, lot: Lot, description: string): void {
  const { allocationId } = lot;
  draft.changeLots('CREDITS', (wallet) => grant(wallet, lot));
  draft.post('CREDITS', 'ADJUSTMENT', { amountMicro: lot.amountMicro, allocationId, description });
  finish(draft);
}

/** Takes credits like usage. @param amountMicro above zero */
export function takeAdjustment(draft: Draft, amountMicro: bigint, description: string): void {
  draft.changeWallet('CREDITS', (wallet) => adjustDown(wallet, amountMicro));
  draft.post('CREDITS', 'ADJUSTMENT', { amountMicro: -amountMicro, description });
  finish(draft);
}

/** Applies another zone to the cycles after the running one. */
export function setTimeZone(draft: Draft, timeZone: string): void {
  draft.set({ timeZone });
  finish(draft);
}

export function setPolicy(draft: Draft, policy: CreditPolicy): void {
  draft.set({ policy });
  finish(draft);
}

/** Adds a threshold; one that is already reached fires at once. */
export function addAlertRule(draft: Draft, rule: AlertRule): void {
  draft.set({ alertRules: [...draft.state.alertRules, rule] });
  finish(draft);
}

export function removeAlertRule(draft: Draft, ruleId: number): void {
  draft.set({ alertRules: draft.state.alertRules.filter((rule) => rule.ruleId !== ruleId) });
}

/** Applies the rates in force at this instant (for a test account whose time has passed their start). */
export function applyRates(draft: Draft): void {
  const { rates } = draft.state;
  const inForce = new Map<number, KnownRate>();
  for (const rate of rates) {
    const before = inForce.get(rate.hardwareId);
    if (rate.fromMs <= draft.atMs && (before?.fromMs ?? -Infinity) <= rate.fromMs) {
      inForce.set(rate.hardwareId, rate);
    }
  }
  const differs = (rate: KnownRate): boolean =>
    draft.state.running.some(
      (segment) =>
        segment.hardwareId === rate.hardwareId &&
        segment.rateMicroPerHour !== rate.rateMicroPerHour,
    );
  beginRates(draft, [...inForce.values()].filter(differs));
  finish(draft);
}

/** Adds rates that may have been set since the account was read. None of them has taken effect on a running segment. */
export function learnRates(draft: Draft, rates: readonly KnownRate[]): void {
  draft.set({ rates });
}

/** What a lifecycle call changes in hosting: segments that end earlier, and segments that begin. */
export interface HostingChange {
  /** Charges for closed segments beyond what was posted for them; negative for what is given back. */
  readonly charges: readonly SegmentCharge[];
  /** Running segments that end. */
  readonly endedSegmentIds: readonly number[];
  /** A segment that runs from now on; its start may lie in the past. */
  readonly begun: RunningSegment | null;
  /** Whether the resource has a requested deployment that does not run yet, after the call. */
  readonly resourceId: number;
  readonly isRequested: boolean;
}

/** Whether a lifecycle call gives back more of what was charged than it charges. */
export function givesBack({ charges }: HostingChange): boolean {
  return sumMicroOf(charges) < 0n;
}

/** Books a lifecycle call's changes. @param usedUp null where it gives nothing back */
export function applyHostingChange(
  draft: Draft,
  change: HostingChange,
  usedUp: UsedUpLots | null,
): void {
  const { state } = draft;
  const over = new Set(change.endedSegmentIds);
  const running = state.running.filter((segment) => !over.has(segment.segmentId));
  const requested = state.requestedResourceIds.filter((id) => id !== change.resourceId);
  draft.set({
    running: change.begun === null ? running : [...running, change.begun],
    requestedResourceIds: change.isRequested ? [...requested, change.resourceId] : requested,
  });
  if (givesBack(change)) giveBackSegments(draft, change.charges, usedUp);
  else chargeSegments(draft, change.charges);
  finish(draft);
}

/** Ends all deployments now, charged up to here. @returns their resources */
export function endHosting(draft: Draft): readonly number[] {
  const resourceIds = endDeployments(draft);
  finish(draft);
  return resourceIds;
}

function chargeSegments(draft: Draft, charges: readonly SegmentCharge[]): void {
  const sumMicro = sumMicroOf(charges);
  draft.changeWallet('CREDITS', (wallet) => spend(wallet, sumMicro));
  draft.post('CREDITS', 'USAGE', {
    amountMicro: -sumMicro,
    segments: charges.filter(isCharged),
    description: 'Hosting',
  });
}

function giveBackSegments(
  draft: Draft,
  charges: readonly SegmentCharge[],
  usedUp: UsedUpLots | null,
): void {
  invariant(usedUp !== null, 'the used-up lots are known where something is given back');
  const amountMicro = -sumMicroOf(charges);
  giveBackTo(draft, 'CREDITS', amountMicro, usedUp.CREDITS);
  draft.post('CREDITS', 'REVERSAL', {
    amountMicro,
    segments: charges.filter(isCharged),
    description: 'Hosting that ended earlier',
  });
}

function sumMicroOf(charges: readonly SegmentCharge[]): bigint {
  return charges.reduce((sum, { chargedMicro }) => sum + chargedMicro, 0n);
}

function isCharged({ chargedMicro }: SegmentCharge): boolean {
  return chargedMicro !== 0n;
}

function giveBackTo(
  draft: Draft,
  unit: AllocationUnit,
  amountMicro: bigint,
  usedUp: readonly Lot[],
): void {
  let restMicro = 0n;
  draft.changeLots(unit, (before) => {
    const given = giveBack(before, amountMicro, usedUp);
    restMicro = given.restMicro;
    return given.wallet;
  });
  if (restMicro === 0n) return;
  const lot: Lot = {
    allocationId: draft.takeLocalId(),
    state: 'PENDING',
    amountMicro: restMicro,
    spentMicro: 0n,
    priority: ADJUSTMENT_PRIORITY,
    grantAtMs: draft.atMs,
    expiresAtMs: null,
    createdAtMs: draft.atMs,
    seriesId: null,
    isAdjustment: true,
  };
  draft.made.push({ unit, lot });
  draft.changeLots(unit, (wallet) => addReturned(wallet, lot));
}

function finish(draft: Draft): void {
  draft.stopForecast = null;
  evaluate(draft);
}
