// What the hash of a ledger entry is computed of, to the byte: docs/statements.md describes it for others, and the migration that
// chained earlier entries writes the same in SQL. It may never change: hashes that were handed out would no longer verify.

import { isoInstant } from '../core/range.ts';
import type { LedgerLine } from '../engine/ledger.ts';

/** The hash before an account's first entry: 32 bytes of zero, in hex. */
export const FIRST_HASH = '0'.repeat(64);

/** An entry as it is hashed, but for its charges. */
export interface HashedEntry extends Omit<LedgerLine, 'items' | 'segments'> {
  readonly accountId: number;
  readonly recordedAtMs: number;
}

/**
 * An entry as one JSON object in the canonical form of RFC 8785: names in order, no blanks.
 * @param charges of chargesText
 */
export function entryText(entry: HashedEntry, charges: string): string {
  const { accountId, allocationId, amountMicro, balanceMicro, cycleId, events } = entry;
  const span = events === null ? null : [events.firstSeq, events.lastSeq];
  return [
    `{"account":${accountId}`,
    `"allocation":${String(allocationId)}`,
    `"amountMicro":"${amountMicro}"`,
    `"balanceMicro":"${balanceMicro}"`,
    `"bookedAt":"${isoInstant(entry.bookedAtMs)}"`,
    `"charges":${charges}`,
    `"cycle":${cycleId}`,
    `"description":${JSON.stringify(entry.description)}`,
    `"events":${JSON.stringify(span)}`,
    `"kind":"${entry.kind}"`,
    `"recordedAt":"${isoInstant(entry.recordedAtMs)}"`,
    `"sequence":${entry.sequence}}`,
  ].join(',');
}

/** What a line charged item by item, signed like its amount: events by seq, then segments by id; without those of 0. */
export function chargesText({ kind, items, segments }: LedgerLine): string {
  const postings = [...segments]
    .sort((a, b) => a.segmentId - b.segmentId)
    .map(({ segmentId, chargedMicro }) => chargeText('SEGMENT', segmentId, -chargedMicro));
  // Postings have a sign. For events, a reversal gives back what usage took.
  const isGivenBack = kind === 'REVERSAL';
  const charged = items.map(({ of, id, chargedMicro }) =>
    chargeText(of, id, isGivenBack ? chargedMicro : -chargedMicro),
  );
  return `[${[...charged, ...postings].join(',')}]`;
}

function chargeText(of: 'EVENT' | 'SEGMENT', id: number, amountMicro: bigint): string {
  return `["${of}",${id},"${amountMicro}"]`;
}
