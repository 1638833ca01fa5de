// What becomes of an allocation, and in which order allocations are read.

import { parseMicro } from '../../src/core/micro.ts';
import type { AllocationPartsFragment } from '@billing-gateway/client/operations';

export type Allocation = AllocationPartsFragment;
export type AllocationState = 'LIVE' | 'COMING' | 'SPENT' | 'EXPIRED' | 'VOIDED';

/** Whether an allocation can be spent; if not, why not. */
export function stateOf(allocation: Allocation, nowMs: number): AllocationState {
  const { voidedAt, effectiveAt, expiresAt, remaining } = allocation;
  if (voidedAt !== null) return 'VOIDED';
  if (expiresAt !== null && Date.parse(expiresAt) <= nowMs) return 'EXPIRED';
  if (Date.parse(effectiveAt) > nowMs) return 'COMING';
  return parseMicro(remaining) === 0n ? 'SPENT' : 'LIVE';
}

export interface Allocations {
  /** What can be spent, in the order in which it is; then what will be. Credits before runs. */
  readonly open: readonly Allocation[];
  /** The rest, in the order given. */
  readonly ended: readonly Allocation[];
}

/** Parts what can still be spent from what can not. */
export function partedAllocations(all: readonly Allocation[], nowMs: number): Allocations {
  const isOpen = (allocation: Allocation): boolean =>
    ['LIVE', 'COMING'].includes(stateOf(allocation, nowMs));
  return {
    open: all.filter(isOpen).sort((a, b) => inOrder(keyOf(a, nowMs), keyOf(b, nowMs))),
    ended: all.filter((allocation) => !isOpen(allocation)),
  };
}

// The gateway spends by priority, then by expiry (none last), then by creation.
function keyOf(allocation: Allocation, nowMs: number): readonly number[] {
  const { unit, priority, effectiveAt, expiresAt, createdAt } = allocation;
  const isComing = stateOf(allocation, nowMs) === 'COMING';
  return [
    unit === 'CREDITS' ? 0 : 1,
    isComing ? Date.parse(effectiveAt) : 0,
    priority,
    expiresAt === null ? Infinity : Date.parse(expiresAt),
    Date.parse(createdAt),
  ];
}

function inOrder(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) < (b[at] ?? 0) ? -1 : 1;
}
