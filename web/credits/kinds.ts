// The kinds of ledger entries. The address chooses one by its name: "status=usage".

import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import type { CreditsTabQuery, LedgerEntryKind } from '@billing-gateway/client/operations';

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

/**
 * What running deployments cost since it was last booked, as the API writes amounts; null where there is none, or where the newest entry shown is not the
 * newest of all.
 */
export function accruedOf({ ledger, credits, usage }: AccruingAccount): string | null {
  const newest = ledger.nodes.at(-1);
  const reachesNow = Date.parse(usage.range.to) >= Date.parse(credits.asOf);
  if (newest === undefined || !reachesNow) return null;
  const micro = parseMicro(credits.remaining) - parseMicro(newest.balance);
  return micro === 0n ? null : formatMicro(micro);
}

export interface AccruingAccount {
  readonly ledger: { readonly nodes: readonly { readonly balance: string }[] };
  readonly credits: { readonly remaining: string; readonly asOf: string };
  readonly usage: { readonly range: { readonly to: string } };
}

export type Sign = '' | '+' | '−' | '=';

/** A term of an equation. What is less than nothing is taken away, and not added with a second sign: "− 8.50", not "+ -8.50". */
export function termOf(sign: Sign, value: string): { readonly sign: Sign; readonly value: string } {
  const micro = parseMicro(value);
  if (micro >= 0n || sign === '' || sign === '=') return { sign, value };
  return { sign: sign === '+' ? '−' : '+', value: formatMicro(-micro) };
}
