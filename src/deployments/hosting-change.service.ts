// What a lifecycle call does to a resource's segments: those that reach beyond its instant end there, and the next one
// begins. A late call may end segments that the clock has meanwhile ended or begun (at the negative limit, at a change of
// rates). The ledger then gets the difference to what was posted.

import { type HardwareRate, rateAt } from '../catalogue/rates.ts';
import { ConflictError, type ErrorPath, invariant, UserInputError } from '../core/errors.ts';
import { formatMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import type { Tx } from '../db/database.ts';
import { HELD_MICRO_MAX } from '../engine/bounds.ts';
import { runningSegment } from '../engine/burn.ts';
import type { OpenAccount } from '../settlement/settlement.service.ts';
import type { HostingChange } from '../engine/writes.ts';
import { chargedMicro, type HostingSegment, splitByRates } from '../hosting/charge.ts';
import {
  insertSegments,
  loadLifecycleAfter,
  loadOverlapping,
  saveSettledSegments,
} from '../hosting/hosting.store.ts';
import type { ResourceAddress } from '../resources/resources.store.ts';
import { removeSegmentsFromRollups } from '../rollups/rollups.store.ts';
import { type LifecycleState, type Placement, samePlacement } from './lifecycle.ts';

interface LifecycleChange {
  readonly address: ResourceAddress;
  readonly state: LifecycleState;
  readonly next: LifecycleState;
  readonly rates: readonly HardwareRate[];
  readonly time: { readonly atMs: number; readonly nowMs: number; readonly path: ErrorPath };
}

/** Writes the segments that a call changes. @returns what the account's credits are charged for */
export async function changeHosting(
  open: OpenAccount,
  change: LifecycleChange,
): Promise<HostingChange> {
  const { state, next, address } = change;
  const unchanged = {
    resourceId: address.resourceId,
    isRequested: next.status === 'DEPLOYING',
    charges: [],
    endedSegmentIds: [],
    begun: null,
  };
  const staysStopped = next.stoppedAtMs === state.stoppedAtMs;
  if (samePlacement(state.running, next.running) && (staysStopped || next.status === 'DEPLOYING')) {
    return unchanged;
  }
  if (next.running !== null && state.running === null) {
    // In this case no segment reaches beyond `at`.
    await requireFree(open.tx, change);
    return { ...unchanged, ...(await beginSegments(open, change, next.running)) };
  }
  const ended = await endSegments(open, change);
  if (next.running === null) return { ...unchanged, ...ended };
  const begun = await beginSegments(open, change, next.running);
  return { ...unchanged, ...ended, ...begun, charges: [...ended.charges, ...begun.charges] };
}

/** Ends at `at` the segments that reach beyond it. */
async function endSegments(
  { tx, account }: OpenAccount,
  { address, time: { atMs } }: LifecycleChange,
): Promise<Pick<HostingChange, 'charges' | 'endedSegmentIds'>> {
  const { accountId, creditsFromMs } = account;
  const segments = await loadLifecycleAfter(tx, address, atMs);
  const ended = segments.map((segment) => {
    // A segment that began later is void: it ends where it began.
    const shorter = { ...segment, toMs: Math.max(atMs, segment.fromMs) };
    const postedMicro = chargedMicro(shorter, shorter.toMs);
    const beforeMicro = segment.postedMicro ?? chargedMicro(segment, creditsFromMs);
    const backMicro = beforeMicro - chargedMicro(segment, creditsFromMs);
    const chargeMicro = postedMicro - chargedMicro(shorter, creditsFromMs);
    return { ...shorter, postedMicro, chargedMicro: chargeMicro - backMicro };
  });
  await removeSegmentsFromRollups(tx, accountId, segments);
  await saveSettledSegments(tx, accountId, { ended, posted: [], begun: [] });
  const running = segments.filter((segment) => segment.toMs === null);
  return { charges: ended, endedSegmentIds: running.map((segment) => segment.segmentId) };
}

/** Begins segments at `at`: several where rates have changed since. */
async function beginSegments(
  { tx, account, draft }: OpenAccount,
  { address, rates, time }: LifecycleChange,
  placement: Placement,
): Promise<Pick<HostingChange, 'charges' | 'begun'>> {
  const rateMicroPerHour = rateAt(rates, placement.hardwareId, time.atMs);
  if (rateMicroPerHour === null) {
    throw new UserInputError(
      `${placement.hardware} has no rate yet at ${isoInstant(time.atMs)}: hosting on it cannot begin then.`,
      { path: time.path },
    );
  }
  const whole: HostingSegment = {
    ...address,
    segmentId: 0,
    hardwareId: placement.hardwareId,
    replicas: placement.replicas,
    rateMicroPerHour,
    fromMs: time.atMs,
    toMs: null,
    eventSeq: null,
  };
  const parts = splitByRates(whole, rates, time.nowMs).map((part) => {
    const segment = { ...part, segmentId: draft.takeLocalId() };
    const historyMicro = chargedMicro(segment, account.creditsFromMs);
    const postedMicro = segment.toMs === null ? historyMicro : chargedMicro(segment, segment.toMs);
    return { ...segment, postedMicro, chargedMicro: postedMicro - historyMicro };
  });
  requireHeld(parts, time);
  await insertSegments(tx, parts);
  const last = parts.at(-1);
  invariant(last?.toMs === null, 'the last part runs', { ...address });
  return { charges: parts, begun: runningSegment(last, account.creditsFromMs) };
}

/** Past hosting is charged at once, so its cost must be an amount that the account can hold. @throws UserInputError */
function requireHeld(
  parts: readonly HostingSegment[],
  { atMs, nowMs, path }: LifecycleChange['time'],
): void {
  const costMicro = parts.reduce((sum, part) => sum + chargedMicro(part, nowMs), 0n);
  if (costMicro <= HELD_MICRO_MAX) return;
  throw new UserInputError(
    `at is ${isoInstant(atMs)}; until now the hosting would have cost ${formatMicro(costMicro)} credits, and may cost at most ${formatMicro(HELD_MICRO_MAX)}.`,
    { path },
  );
}

/** A deployment that begins now must not overlap hosting that is already recorded. @throws CONFLICT */
async function requireFree(tx: Tx, { address, time }: LifecycleChange): Promise<void> {
  const [inTheWay] = await loadOverlapping(tx, address.accountId, [address.resourceId], {
    fromMs: time.atMs,
    toMs: time.nowMs + 1,
  });
  if (inTheWay === undefined) return;
  const { fromMs, toMs } = inTheWay;
  throw new ConflictError(
    `Hosting of the resource is recorded from ${isoInstant(fromMs)} to ${isoInstant(toMs ?? time.nowMs)}: it cannot begin at ${isoInstant(time.atMs)}.`,
    { path: time.path },
  );
}
