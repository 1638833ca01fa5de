// Puts the document of a statement together from what the rows say of its cycle.

import type { Account } from '../account/account.ts';
import { groupBy } from '../core/group.ts';
import { encodeId } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import type { CycleSums } from '../engine/lots.ts';
import type { RunningCycle } from '../engine/state.ts';
import { typeOfKind } from '../resources/resource.ts';
import { categoryOf, creditCategories, creditComponents } from '../views/sums.ts';
import type {
  StatementDocument,
  StatementLot,
  StatementResource,
  StatementUse,
} from './document.ts';
import { figureFaults } from './figures.ts';
import type { EndedLots, LotInCycle } from './lots.ts';
import type { ChargeSum, LedgerRange } from './statement.ts';

/** What the rows say of a cycle that has ended. */
export interface Books {
  readonly account: Pick<Account, 'accountId' | 'externalId' | 'name' | 'timeZone'>;
  /** Its row. */
  readonly cycle: RunningCycle & { readonly credits: CycleSums };
  readonly ledger: LedgerRange;
  readonly ended: EndedLots;
  readonly charges: readonly ChargeSum[];
}

/** What a document says beside the books. */
export interface Issue {
  readonly issuer: string;
  readonly issuedAtMs: number;
  readonly previousSha256: string | null;
}

export function composeStatement(books: Books, issue: Issue): StatementDocument {
  const { account, cycle, ledger, ended, charges } = books;
  const { accountId } = account;
  return {
    type: 'billing-statement',
    version: 1,
    id: encodeId('Statement', accountId, cycle.cycleId),
    number: cycle.cycleId,
    issuer: issue.issuer,
    account: {
      id: encodeId('Account', accountId, accountId),
      externalId: account.externalId,
      name: account.name,
      timeZone: account.timeZone,
    },
    cycle: {
      number: cycle.cycleId,
      from: isoInstant(cycle.startMs),
      to: isoInstant(cycle.endMs),
    },
    issuedAt: isoInstant(issue.issuedAtMs),
    credits: {
      opening: formatMicro(ended.sums.carriedOverMicro),
      allocated: formatMicro(ended.sums.allocatedMicro),
      used: formatMicro(ended.sums.usedMicro),
      expired: formatMicro(ended.sums.expiredMicro),
      adjusted: formatMicro(ended.sums.adjustedMicro),
      closing: formatMicro(ended.closingMicro),
    },
    used: useOf(accountId, charges),
    lots: ended.lots.map((one) => lotOf(accountId, one)),
    ledger: {
      firstSequence: ledger.firstSequence,
      lastSequence: ledger.lastSequence,
      lastHash: ledger.lastHash,
    },
    previousSha256: issue.previousSha256,
  };
}

const SUM_NAMES = {
  carriedOverMicro: 'opening',
  allocatedMicro: 'allocated',
  usedMicro: 'used',
  expiredMicro: 'expired',
  adjustedMicro: 'adjusted',
} as const satisfies Readonly<Record<keyof CycleSums, string>>;

/** Where the entries of a cycle, what they charged, and the cycle's own row say different things: one sentence each. */
export function bookFaults(books: Books): readonly string[] {
  const { cycle, ledger, ended } = books;
  const faults: string[] = [];
  for (const [sum, name] of Object.entries(SUM_NAMES) as [keyof CycleSums, string][]) {
    const [entriesMicro, rowMicro] = [ended.sums[sum], cycle.credits[sum]];
    if (entriesMicro === rowMicro) continue;
    faults.push(
      `The cycle's row has ${formatMicro(rowMicro)} ${name}, its entries ${formatMicro(entriesMicro)}.`,
    );
  }
  if (ended.closingMicro !== ledger.closingMicro) {
    faults.push(
      `The balance of its last entry is ${formatMicro(ledger.closingMicro)}, its entries come to ${formatMicro(ended.closingMicro)}.`,
    );
  }
  const document = composeStatement(books, { issuer: '', issuedAtMs: 0, previousSha256: null });
  return [...faults, ...figureFaults(document)];
}

function useOf(accountId: number, charges: readonly ChargeSum[]): StatementUse {
  const byComponent = sumsBy(charges, ({ component }) => component);
  const byCategory = sumsBy(charges, ({ kind }) => categoryOf(kind));
  const byHardware = sumsBy(charges, ({ hardware }) => hardware);
  return {
    byCategory: inOrder(byCategory, creditCategories).map(([category, credits]) => ({
      category,
      credits,
    })),
    byComponent: inOrder(byComponent, creditComponents).map(([component, credits]) => ({
      component,
      credits,
    })),
    byHardware: [...byHardware]
      .flatMap(([hardware, micro]) => (hardware === null ? [] : [{ hardware, micro }]))
      .sort((a, b) => largerFirst(a.micro, b.micro) || (a.hardware < b.hardware ? -1 : 1))
      .map(({ hardware, micro }) => ({ hardware, credits: formatMicro(micro) })),
    byResource: byResource(accountId, charges),
  };
}

function byResource(accountId: number, charges: readonly ChargeSum[]): StatementUse['byResource'] {
  const rows = [...groupBy(charges, (one) => subjectId(accountId, one))].flatMap(([id, ofOne]) => {
    const [first] = ofOne;
    const micro = sumOf(ofOne);
    if (micro === 0n) return [];
    const { kind, name, externalId } = first;
    const row: StatementResource = { id, kind, name, externalId, credits: formatMicro(micro) };
    return [{ row, micro }];
  });
  return rows
    .sort((a, b) => largerFirst(a.micro, b.micro) || (a.row.id < b.row.id ? -1 : 1))
    .map(({ row }) => row);
}

function subjectId(accountId: number, { kind, subjectId: localId }: ChargeSum): string {
  return encodeId(kind === 'MODEL' ? 'Model' : typeOfKind[kind], accountId, localId);
}

/** Sums by a key, without those of 0. */
function sumsBy<K>(
  charges: readonly ChargeSum[],
  keyOf: (charge: ChargeSum) => K,
): ReadonlyMap<K, bigint> {
  const sums = [...groupBy(charges, keyOf)].map(([key, ofKey]) => [key, sumOf(ofKey)] as const);
  return new Map(sums.filter(([, micro]) => micro !== 0n));
}

function sumOf(charges: readonly ChargeSum[]): bigint {
  return charges.reduce((sum, { usedMicro }) => sum + usedMicro, 0n);
}

function inOrder<N extends string>(
  sums: ReadonlyMap<N | null, bigint>,
  names: Readonly<Record<N, N>>,
): readonly (readonly [N, string])[] {
  return Object.values<N>(names).flatMap((name) => {
    const micro = sums.get(name);
    return micro === undefined ? [] : [[name, formatMicro(micro)] as const];
  });
}

function largerFirst(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a > b ? -1 : 1;
}

function lotOf(accountId: number, { lot, remainingMicro }: LotInCycle): StatementLot {
  return {
    allocationId: encodeId('CreditAllocation', accountId, lot.allocationId),
    source: lot.source,
    amount: formatMicro(lot.amountMicro),
    remaining: formatMicro(remainingMicro),
    priority: lot.priority,
    effectiveAt: isoInstant(lot.effectiveAtMs),
    expiresAt: lot.expiresAtMs === null ? null : isoInstant(lot.expiresAtMs),
  };
}
