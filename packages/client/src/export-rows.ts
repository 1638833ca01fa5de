// The rows of exports, as NDJSON has them (docs/exports.md says what each value is). Credits are exact decimals, instants ISO in UTC.

import type {
  AlertKind,
  AllocationSource,
  AllocationUnit,
  CreditCategory,
  CreditComponent,
  LedgerEntryKind,
  ResourceKind,
  UsageEventType,
} from './operations.ts';

/** What usage is of: a resource, with the model that it is a deployment of, or a model alone. */
export interface ExportedSubject {
  readonly resourceKind: ResourceKind | 'MODEL' | null;
  readonly resourceExternalId: string | null;
  readonly resourceName: string | null;
  readonly owner: string | null;
  readonly modelExternalId: string | null;
  readonly modelName: string | null;
}

/** Usage of one bucket of time. What was not grouped by is null. */
export interface ExportedUsage extends ExportedSubject {
  readonly from: string;
  readonly to: string;
  readonly category: CreditCategory | null;
  readonly component: CreditComponent | null;
  readonly hardware: string | null;
  readonly unit: string | null;
  readonly runs: number;
  readonly quantity: number;
  readonly credits: string;
  readonly timeMs: number;
  readonly replicaTimeMs: number;
}

export interface ExportedEvent extends ExportedSubject {
  readonly id: string;
  readonly source: string;
  readonly eventId: string;
  readonly usageType: UsageEventType;
  readonly quantity: number;
  readonly unit: string | null;
  readonly credits: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly voidedAt: string | null;
  readonly voidReason: string | null;
}

/** A stretch of hosting at one rate, and the part of it in the range. */
export interface ExportedSegment extends ExportedSubject {
  readonly hardware: string;
  readonly replicas: number;
  readonly creditsPerHour: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly from: string;
  readonly to: string;
  readonly timeMs: number;
  readonly replicaTimeMs: number;
  readonly credits: string;
}

export interface ExportedEntry {
  readonly id: string;
  readonly sequence: number;
  readonly kind: LedgerEntryKind;
  readonly amount: string;
  readonly balance: string;
  readonly bookedAt: string;
  readonly recordedAt: string;
  readonly cycleId: string;
  readonly allocationId: string | null;
  readonly description: string;
}

export interface ExportedAllocation {
  readonly id: string;
  readonly unit: AllocationUnit;
  readonly source: AllocationSource;
  readonly amount: string;
  readonly allocated: string;
  readonly priority: number;
  readonly effectiveAt: string;
  readonly expiresAt: string | null;
  readonly voidedAt: string | null;
  readonly createdAt: string;
  readonly everyCycle: 'true' | 'false';
  readonly note: string | null;
}

export interface ExportedAlert {
  readonly id: string;
  readonly sequence: number;
  readonly kind: AlertKind;
  readonly crossedAt: string;
  readonly raisedAt: string;
  readonly remaining: string;
  readonly percentUsed: number | null;
  readonly runsRemaining: number | null;
  readonly measured: string | null;
  readonly resolvesSequence: number | null;
  readonly message: string;
}

/** The rows by the name of their export. */
export interface ExportRows {
  readonly usage: ExportedUsage;
  readonly events: ExportedEvent;
  readonly segments: ExportedSegment;
  readonly ledger: ExportedEntry;
  readonly allocations: ExportedAllocation;
  readonly alerts: ExportedAlert;
  /** By the columns of FOCUS, which depend on its version. */
  readonly focus: Readonly<Record<string, string | number | null>>;
}
export type ExportName = keyof ExportRows;

/** What of a row its export's `creditsMicro` adds up, as the row has it; null: nothing. */
const counted: { readonly [TName in ExportName]: (row: ExportRows[TName]) => unknown } = {
  usage: ({ credits }) => credits,
  events: ({ credits, voidedAt }) => (voidedAt === null ? credits : null),
  segments: ({ credits }) => credits,
  ledger: ({ amount }) => amount,
  allocations: ({ allocated, unit }) => (unit === 'CREDITS' ? allocated : null),
  alerts: () => null,
  focus: (row) => row['PricingCurrencyEffectiveCost'],
};

/** The credits that a row adds to its export's total, in millionths. */
export function countedMicro<TName extends ExportName>(
  name: TName,
  row: ExportRows[TName],
): bigint {
  const credits = counted[name](row);
  return typeof credits === 'string' ? microOf(credits) : 0n;
}

function microOf(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(6, '0').slice(0, 6));
}

/** Millionths as an exact decimal: "1600.5". */
export function decimalOf(micro: bigint): string {
  const digits = (micro < 0n ? -micro : micro).toString().padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0+$/, '');
  return `${micro < 0n ? '-' : ''}${digits.slice(0, -6)}${fraction === '' ? '' : `.${fraction}`}`;
}
