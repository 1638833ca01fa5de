// The credit ledger: every change of an account's balance is one entry, in the order of booking, and the
// balance is the sum of them all. Hosting is posted when a segment ends and when lots change; until then it is accrued.

export const ledgerEntryKinds = {
  ALLOCATION: 'ALLOCATION',
  USAGE: 'USAGE',
  EXPIRY: 'EXPIRY',
  VOID: 'VOID',
  CARRY_OVER: 'CARRY_OVER',
  ADJUSTMENT: 'ADJUSTMENT',
  REVERSAL: 'REVERSAL',
} as const;
export type LedgerEntryKind = keyof typeof ledgerEntryKinds;

/** What an entry charged for one segment of hosting; negative where it was given back. */
export interface SegmentCharge {
  readonly segmentId: number;
  readonly chargedMicro: bigint;
}

/** What an entry charged, or gave back, for one usage event, or for one segment of a hosting period among its events. */
export interface ItemCharge {
  readonly of: 'EVENT' | 'SEGMENT';
  /** The event's seq, or the segment's id. */
  readonly id: number;
  readonly chargedMicro: bigint;
}

/** The events that one entry charged: those of an account from one seq to another. */
export interface EventSpan {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** One line of the ledger, before it is written. */
export interface LedgerLine {
  readonly sequence: number;
  readonly kind: LedgerEntryKind;
  /** Signed: allocations positive, usage negative. */
  readonly amountMicro: bigint;
  /** The sum of all amounts up to this one. */
  readonly balanceMicro: bigint;
  readonly bookedAtMs: number;
  /** The cycle that it counts in: bookings at a cycle's end, up to its CARRY_OVER, count in the cycle that ends. */
  readonly cycleId: number;
  readonly allocationId: number | null;
  readonly events: EventSpan | null;
  /** Of `events`: those that were charged, by seq, then segments, by id. */
  readonly items: readonly ItemCharge[];
  readonly segments: readonly SegmentCharge[];
  readonly description: string;
}

/** A line without its place in the ledger. */
export interface LineContent {
  readonly allocationId?: number;
  readonly events?: EventSpan | null;
  readonly items?: readonly ItemCharge[];
  readonly segments?: readonly SegmentCharge[];
  readonly description: string;
}
