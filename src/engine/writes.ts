// What a call does to an account's credits, at the position that the clock has brought it to. Each function changes the
// working copy and ends with one evaluation. What happened already is never refused here; what may be refused
// (deployments) is judged before.

import { invariant } from '../core/errors.ts';
import type { RunningSegment } from './burn.ts';
import { beginRates, evaluate, grantLots } from './clock.ts';
import type { Draft } from './draft.ts';
import type { EventSpan, SegmentCharge } from './ledger.ts';
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
  put,
  spend,
  takeBack,
} from './lots.ts';
import type { CreditPolicy } from './limits.ts';
import type { KnownRate } from './state.ts';
import type { Watch } from './watches.ts';

/** What one write recorded: credits and runs of events and of closed hosting, since the account's credits began. */
export interface RecordedUsage {
  readonly creditsMicro: bigint;
  readonly runsMicro: bigint;
  readonly events: EventSpan;
}

/** Charges recorded usage. */
export function recordUsage(draft: Draft, usage: RecordedUsage): void {
  const { creditsMicro, runsMicro, events } = usage;
  draft.setPurse('CREDITS', spend(draft.purse('CREDITS'), creditsMicro));
  draft.setPurse('WORKFLOW_RUNS', spend(draft.purse('WORKFLOW_RUNS'), runsMicro));
  draft.book('USAGE', -creditsMicro, { events, description: 'Usage' });
  finish(draft);
}

/** Gives back what a voided event or hosting period was charged. */
export function reverseUsage(draft: Draft, usage: RecordedUsage): void {
  const { creditsMicro, runsMicro, events } = usage;
  if (creditsMicro > 0n) {
    draft.postHosting();
    giveBackTo(draft, 'CREDITS', creditsMicro);
    draft.book('REVERSAL', creditsMicro, { events, description: 'Usage taken back' });
  }
  if (runsMicro > 0n) giveBackTo(draft, 'WORKFLOW_RUNS', runsMicro);
  finish(draft);
}

/** Adds a waiting lot, and grants it when its instant has come. */
export function allocate(draft: Draft, unit: AllocationUnit, lot: Lot): void {
  invariant(lot.grantAtMs >= draft.atMs, 'nothing is granted in the past', { lot });
  if (unit === 'CREDITS' && lot.grantAtMs === draft.atMs) draft.postHosting();
  draft.setPurse(unit, put(draft.purse(unit), lot));
  grantLots(draft);
  finish(draft);
}

/** Takes back what is left of a waiting or spendable lot; one that has ended is left as it is. */
export function voidLot(draft: Draft, unit: AllocationUnit, allocationId: number): void {
  const find = (): Lot | undefined =>
    draft.purse(unit).lots.find((lot) => lot.allocationId === allocationId);
  const isSpendableCredit = unit === 'CREDITS' && find()?.state === 'SPENDABLE';
  if (isSpendableCredit) draft.postHosting();
  const lot = find();
  if (lot === undefined || !isLive(lot)) return;
  draft.setPurse(unit, takeBack(draft.purse(unit), lot));
  if (isSpendableCredit) {
    draft.book('VOID', -leftOf(lot), { allocationId, description: 'Allocation voided' });
  }
  finish(draft);
}

/** Adds credits as a lot of their own. */
export function adjustUp(draft: Draft, lot: Lot, description: string): void {
  const { allocationId } = lot;
  draft.postHosting();
  draft.setPurse('CREDITS', grant(draft.purse('CREDITS'), lot));
  draft.book('ADJUSTMENT', lot.amountMicro, { allocationId, description });
  finish(draft);
}

/** Takes credits like usage. @param amountMicro above zero */
export function takeAdjustment(draft: Draft, amountMicro: bigint, description: string): void {
  draft.setPurse('CREDITS', adjustDown(draft.purse('CREDITS'), amountMicro));
  draft.book('ADJUSTMENT', -amountMicro, { description });
  finish(draft);
}

/** Cycles go by another zone from the next one on. */
export function setTimeZone(draft: Draft, timeZone: string): void {
  draft.set({ timeZone });
  finish(draft);
}

export function setPolicy(draft: Draft, policy: CreditPolicy): void {
  draft.set({ policy });
  finish(draft);
}

/** Adds a threshold; one that is reached already fires at once. */
export function addWatch(draft: Draft, watch: Watch): void {
  draft.set({ watches: [...draft.state.watches, watch] });
  finish(draft);
}

export function removeWatch(draft: Draft, watchId: number): void {
  draft.set({ watches: draft.state.watches.filter((watch) => watch.watchId !== watchId) });
}

/** Runs go on at the rates that the table now has for this instant (a test account whose time is past their start). */
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

/** Knows rates that may have been set since the account was read; none of them has taken effect on what runs. */
export function learnRates(draft: Draft, rates: readonly KnownRate[]): void {
  draft.set({ rates });
}

/** What a lifecycle call does to hosting: segments that end earlier than they would, and segments that begin. */
export interface HostingTurn {
  /** Charged for closed segments beyond (or, negative, back from) what was posted for them. */
  readonly charges: readonly SegmentCharge[];
  /** Running segments that are over. */
  readonly endedSegmentIds: readonly number[];
  /** A segment that runs from now on; its begin may lie in the past. */
  readonly begun: RunningSegment | null;
  /** Whether the resource's deployment is asked for and not running yet, after the call. */
  readonly resourceId: number;
  readonly isRequested: boolean;
}

/** Books a lifecycle call. */
export function turnHosting(draft: Draft, turn: HostingTurn): void {
  const { state } = draft;
  const over = new Set(turn.endedSegmentIds);
  const running = state.running.filter((segment) => !over.has(segment.segmentId));
  const requested = state.requestedResourceIds.filter((id) => id !== turn.resourceId);
  draft.set({
    running: turn.begun === null ? running : [...running, turn.begun],
    requestedResourceIds: turn.isRequested ? [...requested, turn.resourceId] : requested,
  });
  chargeSegments(draft, turn.charges);
  finish(draft);
}

function chargeSegments(draft: Draft, charges: readonly SegmentCharge[]): void {
  const segments = charges.filter(({ chargedMicro: micro }) => micro !== 0n);
  const sumMicro = segments.reduce((sum, { chargedMicro: micro }) => sum + micro, 0n);
  if (sumMicro >= 0n) {
    draft.setPurse('CREDITS', spend(draft.purse('CREDITS'), sumMicro));
    draft.book('USAGE', -sumMicro, { segments, description: 'Hosting' });
    return;
  }
  draft.postHosting();
  giveBackTo(draft, 'CREDITS', -sumMicro);
  draft.book('REVERSAL', -sumMicro, { segments, description: 'Hosting that ended earlier' });
}

function giveBackTo(draft: Draft, unit: AllocationUnit, amountMicro: bigint): void {
  const { purse, restMicro } = giveBack(draft.purse(unit), amountMicro);
  draft.setPurse(unit, purse);
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
  draft.made.push({ unit, lot, predecessorId: null });
  draft.setPurse(unit, addReturned(draft.purse(unit), lot));
}

function finish(draft: Draft): void {
  draft.stopForecast = null;
  evaluate(draft);
}
