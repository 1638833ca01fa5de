// The rows of each export and their columns. Names are those of the API; an exact decimal is a number of a spreadsheet.

import { encodeId } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import { intersect, lengthMs, type Range } from '../core/range.ts';
import type { HardwareRate } from '../catalogue/rates.ts';
import type { ResolvedRange } from '../account/range.ts';
import type { AllocationUnit } from '../engine/lots.ts';
import { chargeWithin, type HostingSegment, splitByRates } from '../hosting/charge.ts';
import type { Column } from './columns.ts';

/** What usage is of: a resource, with the model that it is a deployment of, or a model alone. */
export interface SubjectNames {
  readonly resourceKind: string | null;
  readonly resourceExternalId: string | null;
  readonly resourceName: string | null;
  readonly owner: string | null;
  readonly modelExternalId: string | null;
  readonly modelName: string | null;
}

/** The columns of what usage is of. */
export const subjectColumns: readonly Column<SubjectNames>[] = [
  { name: 'resourceKind', kind: 'text', value: (row) => row.resourceKind },
  { name: 'resourceExternalId', kind: 'text', value: (row) => row.resourceExternalId },
  { name: 'resourceName', kind: 'text', value: (row) => row.resourceName },
  { name: 'owner', kind: 'text', value: (row) => row.owner },
  { name: 'modelExternalId', kind: 'text', value: (row) => row.modelExternalId },
  { name: 'modelName', kind: 'text', value: (row) => row.modelName },
];

export interface EventRow extends SubjectNames {
  readonly accountId: number;
  readonly seq: number;
  readonly source: string;
  readonly eventId: string;
  readonly usageType: string;
  readonly quantity: number;
  readonly unit: string | null;
  readonly creditsMicro: bigint;
  readonly occurredAtMs: number;
  readonly recordedAtMs: number;
  readonly voidedAtMs: number | null;
  readonly voidReason: string | null;
}

export const eventColumns: readonly Column<EventRow>[] = [
  { name: 'id', kind: 'text', value: (row) => encodeId('UsageEvent', row.accountId, row.seq) },
  { name: 'source', kind: 'text', value: (row) => row.source },
  { name: 'eventId', kind: 'text', value: (row) => row.eventId },
  { name: 'usageType', kind: 'text', value: (row) => row.usageType },
  ...subjectColumns,
  { name: 'quantity', kind: 'number', value: (row) => row.quantity },
  { name: 'unit', kind: 'text', value: (row) => row.unit },
  { name: 'credits', kind: 'number', value: (row) => formatMicro(row.creditsMicro) },
  { name: 'occurredAt', kind: 'instant', value: (row) => row.occurredAtMs },
  { name: 'recordedAt', kind: 'instant', value: (row) => row.recordedAtMs },
  { name: 'voidedAt', kind: 'instant', value: (row) => row.voidedAtMs },
  { name: 'voidReason', kind: 'text', value: (row) => row.voidReason },
];

export interface LedgerRow {
  readonly accountId: number;
  readonly sequence: number;
  readonly kind: string;
  readonly amountMicro: bigint;
  readonly balanceMicro: bigint;
  readonly bookedAtMs: number;
  readonly recordedAtMs: number;
  readonly cycleId: number;
  readonly allocationId: number | null;
  readonly description: string;
}

export const ledgerColumns: readonly Column<LedgerRow>[] = [
  {
    name: 'id',
    kind: 'text',
    value: (row) => encodeId('LedgerEntry', row.accountId, row.sequence),
  },
  { name: 'sequence', kind: 'number', value: (row) => row.sequence },
  { name: 'kind', kind: 'text', value: (row) => row.kind },
  { name: 'amount', kind: 'number', value: (row) => formatMicro(row.amountMicro) },
  { name: 'balance', kind: 'number', value: (row) => formatMicro(row.balanceMicro) },
  { name: 'bookedAt', kind: 'instant', value: (row) => row.bookedAtMs },
  { name: 'recordedAt', kind: 'instant', value: (row) => row.recordedAtMs },
  {
    name: 'cycleId',
    kind: 'text',
    value: (row) => encodeId('BillingCycle', row.accountId, row.cycleId),
  },
  { name: 'allocationId', kind: 'text', value: (row) => allocationId(row) },
  { name: 'description', kind: 'text', value: (row) => row.description },
];

export interface AllocationRow {
  readonly accountId: number;
  readonly allocationId: number;
  readonly unit: AllocationUnit;
  readonly source: string;
  readonly amountMicro: bigint;
  readonly spentMicro: bigint;
  readonly priority: number;
  readonly effectiveAtMs: number;
  readonly expiresAtMs: number | null;
  readonly voidedAtMs: number | null;
  readonly createdAtMs: number;
  readonly isEveryCycle: boolean;
  readonly isReturn: boolean;
  readonly note: string | null;
}

/** An allocation, and what of it usage views count as allocated. */
export interface CountedAllocation extends AllocationRow {
  readonly allocatedMicro: bigint;
}

export const allocationColumns: readonly Column<CountedAllocation>[] = [
  { name: 'id', kind: 'text', value: (row) => allocationId(row) },
  { name: 'unit', kind: 'text', value: (row) => row.unit },
  { name: 'source', kind: 'text', value: (row) => row.source },
  { name: 'amount', kind: 'number', value: (row) => formatMicro(row.amountMicro) },
  { name: 'allocated', kind: 'number', value: (row) => formatMicro(row.allocatedMicro) },
  { name: 'priority', kind: 'number', value: (row) => row.priority },
  { name: 'effectiveAt', kind: 'instant', value: (row) => row.effectiveAtMs },
  { name: 'expiresAt', kind: 'instant', value: (row) => row.expiresAtMs },
  { name: 'voidedAt', kind: 'instant', value: (row) => row.voidedAtMs },
  { name: 'createdAt', kind: 'instant', value: (row) => row.createdAtMs },
  { name: 'everyCycle', kind: 'text', value: (row) => String(row.isEveryCycle) },
  { name: 'note', kind: 'text', value: (row) => row.note },
];

function allocationId(row: {
  readonly accountId: number;
  readonly allocationId: number | null;
}): string | null {
  if (row.allocationId === null) return null;
  return encodeId('CreditAllocation', row.accountId, row.allocationId);
}

export interface AlertRow {
  readonly accountId: number;
  readonly sequence: number;
  readonly kind: string;
  readonly crossedAtMs: number;
  readonly raisedAtMs: number;
  readonly remainingMicro: bigint;
  readonly percentUsed: number | null;
  readonly runsRemaining: number | null;
  readonly measuredMicro: bigint | null;
  readonly message: string;
  readonly resolves: number | null;
}

export const alertColumns: readonly Column<AlertRow>[] = [
  { name: 'id', kind: 'text', value: (row) => encodeId('Alert', row.accountId, row.sequence) },
  { name: 'sequence', kind: 'number', value: (row) => row.sequence },
  { name: 'kind', kind: 'text', value: (row) => row.kind },
  { name: 'crossedAt', kind: 'instant', value: (row) => row.crossedAtMs },
  { name: 'raisedAt', kind: 'instant', value: (row) => row.raisedAtMs },
  { name: 'remaining', kind: 'number', value: (row) => formatMicro(row.remainingMicro) },
  { name: 'percentUsed', kind: 'number', value: (row) => row.percentUsed },
  { name: 'runsRemaining', kind: 'number', value: (row) => row.runsRemaining },
  {
    name: 'measured',
    kind: 'number',
    value: ({ measuredMicro }) => (measuredMicro === null ? null : formatMicro(measuredMicro)),
  },
  { name: 'resolvesSequence', kind: 'number', value: (row) => row.resolves },
  { name: 'message', kind: 'text', value: (row) => row.message },
];

/** A segment as it is stored, with what it is of. */
export interface SegmentRow extends HostingSegment, SubjectNames {
  readonly hardware: string;
}

/** A stretch at one rate, and the part of it within the export's range. */
export interface HostedRow extends SegmentRow {
  readonly within: Range;
}

export const segmentColumns: readonly Column<HostedRow>[] = [
  ...subjectColumns,
  { name: 'hardware', kind: 'text', value: (row) => row.hardware },
  { name: 'replicas', kind: 'number', value: (row) => row.replicas },
  { name: 'creditsPerHour', kind: 'number', value: (row) => formatMicro(row.rateMicroPerHour) },
  { name: 'startedAt', kind: 'instant', value: (row) => row.fromMs },
  { name: 'endedAt', kind: 'instant', value: (row) => row.toMs },
  { name: 'from', kind: 'instant', value: (row) => row.within.fromMs },
  { name: 'to', kind: 'instant', value: (row) => row.within.toMs },
  { name: 'timeMs', kind: 'number', value: (row) => lengthMs(row.within) },
  { name: 'replicaTimeMs', kind: 'number', value: (row) => lengthMs(row.within) * row.replicas },
  { name: 'credits', kind: 'number', value: (row) => formatMicro(hostedMicro(row)) },
];

/** What a stretch cost within the range. */
export function hostedMicro(row: HostedRow): bigint {
  return chargeWithin(row, row.within);
}

/** A stored segment by its rates, as it was at the range's now, without what lies outside the range. */
export function hostedRows(
  segment: SegmentRow,
  rates: readonly HardwareRate[],
  range: ResolvedRange,
): readonly HostedRow[] {
  const { nowMs } = range;
  const stretches = segment.toMs === null ? splitByRates(segment, rates, nowMs) : [segment];
  return stretches.flatMap((stretch) => {
    // What ended later was still running then.
    const toMs = stretch.toMs !== null && stretch.toMs > nowMs ? null : stretch.toMs;
    const ran = { fromMs: stretch.fromMs, toMs: toMs ?? nowMs };
    const within = intersect(range, ran);
    return within === null ? [] : [{ ...stretch, toMs, within }];
  });
}

/** Sums of usage of one bucket. */
export interface UsageRow extends SubjectNames, Range {
  readonly category: string | null;
  readonly component: string | null;
  readonly hardware: string | null;
  readonly unit: string | null;
  readonly runs: bigint;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly hostingMs: bigint;
  readonly replicaMs: bigint;
  /** Its place among the rows of its bucket. */
  readonly place: string;
}

export const usageColumns: readonly Column<UsageRow>[] = [
  { name: 'from', kind: 'instant', value: (row) => row.fromMs },
  { name: 'to', kind: 'instant', value: (row) => row.toMs },
  { name: 'category', kind: 'text', value: (row) => row.category },
  { name: 'component', kind: 'text', value: (row) => row.component },
  ...subjectColumns,
  { name: 'hardware', kind: 'text', value: (row) => row.hardware },
  { name: 'unit', kind: 'text', value: (row) => row.unit },
  { name: 'runs', kind: 'number', value: (row) => Number(row.runs) },
  { name: 'quantity', kind: 'number', value: (row) => Number(row.quantity) },
  { name: 'credits', kind: 'number', value: (row) => formatMicro(row.creditsMicro) },
  { name: 'timeMs', kind: 'number', value: (row) => Number(row.hostingMs) },
  { name: 'replicaTimeMs', kind: 'number', value: (row) => Number(row.replicaMs) },
];
