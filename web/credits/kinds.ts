// The kinds of ledger entries. The address chooses one by its name: "status=usage".

import type { CreditsTabQuery, LedgerEntryKind } from '../api/operations.ts';

export type CreditsAccount = NonNullable<CreditsTabQuery['account']>;

export const KINDS = [
  'USAGE',
  'ALLOCATION',
  'CARRY_OVER',
  'EXPIRY',
  'VOID',
  'ADJUSTMENT',
  'REVERSAL',
] as const satisfies readonly LedgerEntryKind[];

/** Whether an entry of this kind has charges to show: what was used, or what was taken back of it. */
export function hasCharges(kind: LedgerEntryKind): boolean {
  return kind === 'USAGE' || kind === 'REVERSAL';
}

/** Neighbours of one cycle together, in the order given. */
export function byCycle<T extends { readonly cycle: { readonly id: string } }>(
  entries: readonly T[],
): readonly { readonly cycleId: string; readonly entries: readonly T[] }[] {
  const groups: { cycleId: string; entries: T[] }[] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last?.cycleId === entry.cycle.id) last.entries.push(entry);
    else groups.push({ cycleId: entry.cycle.id, entries: [entry] });
  }
  return groups;
}
