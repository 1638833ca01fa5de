// Allocations give an account something to spend: credits or workflow runs, in effect in [effectiveAt, expiresAt). Both
// units are counted in millionths, so they share the arithmetic; runs are whole. The request of an allocation is
// stored: the same idempotency key with the same request returns the first result, however late.
//
// There are three cases: in effect from now or later (spendable from then on); in effect before now (booked now,
// but in usage views from effectiveAt on); and history, which expired before the account's credits began and is in views only.

import { UserInputError } from '../core/errors.ts';
import { formatMicro, MICRO_PER_CREDIT, parseMicro } from '../core/micro.ts';
import { intersect, isoInstant, type Range } from '../core/range.ts';
import { parseText } from '../core/text.ts';
import { type CycleCalendar, cycleEndMs } from '../account/cycle.ts';
import { ADJUSTMENT_PRIORITY, type AllocationUnit, type Lot } from '../engine/lots.ts';
import type { RunningCycle } from '../engine/state.ts';

export const NOTE_LENGTH_MAX = 1_000;
export const VOID_REASON_LENGTH_MAX = 1_000;
const PRIORITY_DEFAULT = 100;

export const allocationSources = {
  PLAN: 'PLAN',
  TOP_UP: 'TOP_UP',
  PROMOTION: 'PROMOTION',
  ADJUSTMENT: 'ADJUSTMENT',
} as const;
export type AllocationSource = keyof typeof allocationSources;

/** A lot with its origin. In millionths of the unit: micro-credits, or runs times 1,000,000. */
export interface CreditAllocation extends Lot {
  readonly accountId: number;
  readonly unit: AllocationUnit;
  readonly source: AllocationSource;
  readonly effectiveAtMs: number;
  readonly voidedAtMs: number | null;
  readonly note: string | null;
  /** The rest of a reversal: no view counts it as allocated. */
  readonly isReturn: boolean;
}

/** The arguments of allocate, as the API takes them. */
export interface AllocateRequest {
  readonly accountId?: string | null;
  readonly unit?: AllocationUnit | null;
  readonly amount: string;
  readonly source?: AllocationSource | null;
  readonly priority?: number | null;
  readonly effectiveAt?: number | null;
  readonly expiresAt?: number | null;
  readonly everyCycle?: boolean | null;
  readonly note?: string | null;
  readonly idempotencyKey: string;
}

/**
 * The body of a request, normalised: fields that are left out have their defaults, except for effectiveAt, whose default
 * (now) differs at each call. It is stored and compared as JSON.
 */
export interface AllocationBody {
  readonly unit: AllocationUnit;
  readonly amount: string;
  readonly source: AllocationSource;
  readonly priority: number;
  readonly effectiveAt: number | null;
  readonly expiresAt: number | null;
  readonly everyCycle: boolean;
  readonly note: string | null;
}

/** A new allocation: it has no id and nothing of it is spent. */
export interface NewAllocation extends Omit<
  CreditAllocation,
  'allocationId' | 'accountId' | 'spentMicro' | 'voidedAtMs' | 'seriesId' | 'isReturn'
> {
  /** Whether it is the first of a recurring grant. */
  readonly isEveryCycle: boolean;
}

type Timed = Pick<
  CreditAllocation,
  | 'isReturn'
  | 'unit'
  | 'amountMicro'
  | 'spentMicro'
  | 'effectiveAtMs'
  | 'expiresAtMs'
  | 'voidedAtMs'
>;

/**
 * Checks what does not depend on the time of the call.
 * @throws UserInputError naming the field
 */
export function parseAllocateRequest(request: AllocateRequest): {
  readonly idempotencyKey: string;
  readonly body: AllocationBody;
} {
  const unit = request.unit ?? 'CREDITS';
  const { note = null, effectiveAt = null, expiresAt = null } = request;
  return {
    idempotencyKey: parseText(request.idempotencyKey, ['input', 'idempotencyKey']),
    body: {
      unit,
      amount: formatMicro(parseAmount(request.amount, unit)),
      source: request.source ?? 'TOP_UP',
      priority: request.priority ?? PRIORITY_DEFAULT,
      effectiveAt,
      expiresAt,
      everyCycle: parseEveryCycle(request),
      note: note === null ? null : parseText(note, ['input', 'note'], NOTE_LENGTH_MAX),
    },
  };
}

/**
 * The allocation that a request makes at `nowMs`. A recurring grant that takes effect later expires with the cycle in which
 * it does. The clock sets that expiry when it grants it; until then the calendar's is shown.
 * @param account.creditsFromMs where the account's credits begin; an allocation that expired by then is history
 * @param cycle the running one
 * @throws UserInputError when it would expire before it takes effect, or has expired and is not history
 */
export function newAllocation(
  body: AllocationBody,
  account: CycleCalendar & { readonly creditsFromMs: number; readonly cycle: RunningCycle },
  nowMs: number,
): NewAllocation {
  const { effectiveAt } = body;
  const effectiveAtMs = effectiveAt ?? nowMs;
  const grantAtMs = Math.max(effectiveAtMs, nowMs);
  const expiresAt = body.everyCycle ? cycleEndOf(account, grantAtMs) : body.expiresAt;
  if (expiresAt !== null) requireExpiry({ effectiveAtMs, expiresAtMs: expiresAt }, account, nowMs);
  return {
    unit: body.unit,
    source: body.source,
    amountMicro: parseMicro(body.amount),
    priority: body.priority,
    effectiveAtMs,
    expiresAtMs: expiresAt,
    note: body.note,
    createdAtMs: nowMs,
    grantAtMs,
    state: expiresAt !== null && expiresAt <= nowMs ? 'EXPIRED' : 'PENDING',
    isEveryCycle: body.everyCycle,
    isAdjustment: false,
  };
}

/** A lot of credits that an adjustment adds at `nowMs`. */
export function newAdjustment(amountMicro: bigint, note: string, nowMs: number): NewAllocation {
  return {
    unit: 'CREDITS',
    source: 'ADJUSTMENT',
    amountMicro,
    priority: ADJUSTMENT_PRIORITY,
    effectiveAtMs: nowMs,
    expiresAtMs: null,
    note,
    createdAtMs: nowMs,
    grantAtMs: nowMs,
    state: 'PENDING',
    isEveryCycle: false,
    isAdjustment: true,
  };
}

/** The lot of a new allocation. */
export function lotOf(made: NewAllocation & { readonly allocationId: number }): Lot {
  const { allocationId, state, amountMicro, priority, grantAtMs, expiresAtMs } = made;
  return {
    allocationId,
    state,
    amountMicro,
    spentMicro: 0n,
    priority,
    grantAtMs,
    expiresAtMs,
    createdAtMs: made.createdAtMs,
    seriesId: made.isEveryCycle ? allocationId : null,
    isAdjustment: made.isAdjustment,
  };
}

/** The end of the cycle that contains an instant, by the present calendar. */
function cycleEndOf(
  account: CycleCalendar & { readonly cycle: RunningCycle },
  atMs: number,
): number {
  let { endMs } = account.cycle;
  while (endMs <= atMs) endMs = cycleEndMs(account, endMs);
  return endMs;
}

function parseEveryCycle({ everyCycle, expiresAt }: AllocateRequest): boolean {
  if (everyCycle !== true) return false;
  if (expiresAt === null || expiresAt === undefined) return true;
  throw new UserInputError(
    'expiresAt must be left out with everyCycle: each grant lasts until its cycle ends.',
    { path: ['input', 'expiresAt'] },
  );
}

export interface Allocated {
  readonly sumMicro: bigint;
  /** How many allocations the sum is made of. */
  readonly count: number;
}

/**
 * What was allocated in a unit within a range, in millionths: the amounts of the allocations that were in effect,
 * [effectiveAt, expiresAt or voidedAt), at some time of the range. Of a voided one only what was spent of it counts.
 * Lots that reversals made do not count.
 * @param allocations of one account, of any unit and time
 */
export function allocatedWithin(
  allocations: readonly Timed[],
  range: Range,
  unit: AllocationUnit,
): Allocated {
  let [sumMicro, count] = [0n, 0];
  for (const allocation of allocations) {
    const counts = allocation.unit === unit && !allocation.isReturn;
    if (!counts || intersect(inEffect(allocation), range) === null) continue;
    const countedMicro =
      allocation.voidedAtMs === null ? allocation.amountMicro : allocation.spentMicro;
    sumMicro += countedMicro;
    if (countedMicro !== 0n) count += 1;
  }
  return { sumMicro, count };
}

function inEffect(allocation: Timed): Range {
  return {
    fromMs: allocation.effectiveAtMs,
    toMs: Math.min(allocation.expiresAtMs ?? Infinity, allocation.voidedAtMs ?? Infinity),
  };
}

function parseAmount(amount: string, unit: AllocationUnit): bigint {
  const path = ['input', 'amount'];
  const amountMicro = parseMicro(amount, path);
  if (amountMicro <= 0n) {
    throw new UserInputError(`amount is ${formatMicro(amountMicro)}; it must be above 0.`, {
      path,
    });
  }
  if (unit === 'WORKFLOW_RUNS' && amountMicro % MICRO_PER_CREDIT !== 0n) {
    throw new UserInputError(
      `amount is ${formatMicro(amountMicro)}; workflow runs are allocated in whole numbers.`,
      { path },
    );
  }
  return amountMicro;
}

function requireExpiry(
  time: { readonly effectiveAtMs: number; readonly expiresAtMs: number },
  account: { readonly creditsFromMs: number },
  nowMs: number,
): void {
  const path = ['input', 'expiresAt'];
  const shown = isoInstant(time.expiresAtMs);
  const isHistory = time.expiresAtMs <= account.creditsFromMs;
  if (!isHistory && time.expiresAtMs <= nowMs) {
    throw new UserInputError(
      `expiresAt is ${shown}; it must be after now, or, for history, not after the account's creditsFrom, ${isoInstant(account.creditsFromMs)}.`,
      { path },
    );
  }
  if (time.expiresAtMs <= time.effectiveAtMs) {
    throw new UserInputError(
      `expiresAt is ${shown}; it must be after effectiveAt, ${isoInstant(time.effectiveAtMs)}.`,
      { path },
    );
  }
}
