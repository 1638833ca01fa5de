// What a row of the FOCUS export says: of usage, and of credits that were given, taken back or corrected. Pure.
// Usage has the cost of the credits that it used, whenever these were paid. Credits that were bought are what is billed. All other
// rows cost nothing, so that costs add up to what was bought and to what was used.

import type { CursorKey } from '../core/cursor.ts';
import { encodeId, type NodeType } from '../core/identity.ts';
import { formatMicro, MICRO_PER_CREDIT } from '../core/micro.ts';
import { moneyPico, quotientPico } from '../core/money.ts';
import { HOUR_MS, isoInstant, type Range } from '../core/range.ts';
import type { HardwareProfile } from '../catalogue/rates.ts';
import type { CreditPrice } from '../credits/prices.ts';
import type { AllocationSource } from '../settlement/allocation.ts';
import type { CreditCategory, CreditComponent } from '../views/sums.ts';
import type { FocusStretch } from './focus-calendar.ts';

export const focusVersions = { '1.2': '1.2', '1.3': '1.3' } as const;
export type FocusVersion = keyof typeof focusVersions;

/** Who is named as whom. */
export interface FocusParties {
  /** Issues the invoices. */
  readonly issuerName: string;
  /** Makes the services available. */
  readonly providerName: string;
  /** Produced them. */
  readonly publisherName: string;
}

/** An offering, with its place in the classes of FOCUS. */
export interface FocusService {
  readonly name: string;
  readonly category: string;
  readonly subcategory: string;
}

const AI = 'AI and Machine Learning';
const OTHER_AI = `Other (${AI})`;
const services: Readonly<Record<CreditCategory, FocusService>> = {
  MODELS: { name: 'Models', category: AI, subcategory: 'Generative AI' },
  GUARDRAILS: { name: 'Guardrails', category: AI, subcategory: OTHER_AI },
  OCR: { name: 'OCR', category: AI, subcategory: OTHER_AI },
  BROWSER_AUTOMATION: { name: 'Browser automation', category: AI, subcategory: 'Bots' },
  CUSTOM_SCRIPTS: {
    name: 'Custom scripts',
    category: 'Compute',
    subcategory: 'Serverless Compute',
  },
};
const creditsService: FocusService = {
  name: 'Credits',
  category: 'Other',
  subcategory: 'Other (Other)',
};

/** What is priced, and by which price. */
interface Sku {
  readonly id: string;
  readonly meter: string;
  readonly priceId: string;
  /** JSON; null: there is nothing to say. */
  readonly details: string | null;
}

export type ChargeCategory = 'Usage' | 'Purchase' | 'Credit' | 'Adjustment';

/** Money and quantities in units of 10^-12. */
export interface FocusRow {
  readonly key: CursorKey;
  /** Its cycle and its credit price. */
  readonly stretch: FocusStretch;
  readonly period: Range;
  readonly category: ChargeCategory;
  readonly isCorrection: boolean;
  readonly description: string;
  readonly frequency: 'Usage-Based' | 'One-Time' | 'Recurring';
  readonly billedPico: bigint;
  readonly effectivePico: bigint;
  readonly listPico: bigint;
  readonly contractedPico: bigint;
  readonly quantityPico: bigint;
  readonly unit: string;
  readonly consumedPico: bigint | null;
  readonly consumedUnit: string | null;
  readonly listUnitPico: bigint | null;
  readonly contractedUnitPico: bigint | null;
  readonly pricingCurrency: string;
  /** In the pricing currency. */
  readonly pricingListUnitMicro: bigint | null;
  readonly pricingContractedUnitMicro: bigint | null;
  /** The credits that were used. */
  readonly usedMicro: bigint;
  readonly sku: Sku | null;
  readonly resourceId: string | null;
  readonly resourceName: string | null;
  readonly resourceType: string | null;
  readonly service: FocusService;
  readonly component: CreditComponent | null;
  readonly owner: string | null;
  readonly sequence: number | null;
}

/** What was used. */
export interface FocusSubject {
  readonly accountId: number;
  readonly nodeType: NodeType;
  readonly localId: number;
  /** As `BillableResource` names it, or MODEL. */
  readonly kind: string;
  readonly name: string;
  readonly owner: string | null;
  readonly category: CreditCategory;
}

/** Where a row stands: in a bucket, in the order of the export. */
export interface FocusPlace {
  readonly key: CursorKey;
  readonly stretch: FocusStretch;
  readonly period: Range;
}

const CREDITS = 'Credits';
const REPLICA_HOURS = 'Replica-Hours';
/** What usage without a unit counts. */
const UNITS = 'Units';

const componentNames: Readonly<Record<CreditComponent, string>> = {
  HOSTING: 'Hosting',
  FINE_TUNING: 'Fine-tuning',
  STORAGE: 'Storage',
  PROCESSING: 'Processing',
};

/** Events of one subject, component and unit. */
export interface UsedEvents {
  readonly component: CreditComponent;
  readonly quantity: bigint;
  readonly unit: string | null;
  readonly creditsMicro: bigint;
}

/** A row of events: they are priced in credits, a credit each. */
export function eventsRow(place: FocusPlace, subject: FocusSubject, used: UsedEvents): FocusRow {
  const { component, creditsMicro } = used;
  return usageRow(place, subject, {
    component,
    creditsMicro,
    description: `${componentNames[component]}: ${subject.name}`,
    quantityPico: creditsMicro * MICRO_PER_CREDIT,
    unit: CREDITS,
    consumedPico: used.quantity * MICRO_PER_CREDIT * MICRO_PER_CREDIT,
    consumedUnit: used.unit === null ? UNITS : capitalised(used.unit),
    rateMicro: MICRO_PER_CREDIT,
    sku: { id: component, meter: component, priceId: component, details: null },
  });
}

/** Hosting of one resource on one profile at one rate. */
export interface UsedHosting {
  readonly hardware: HardwareProfile;
  readonly rateMicroPerHour: bigint;
  /** Since when the rate holds; null: it is not known. */
  readonly rateFromMs: number | null;
  readonly replicaMs: bigint;
  readonly creditsMicro: bigint;
}

/** A row of hosting: replica hours at the rate of the hardware. */
export function hostingRow(place: FocusPlace, subject: FocusSubject, used: UsedHosting): FocusRow {
  const { hardware, rateMicroPerHour, rateFromMs, creditsMicro } = used;
  const hoursPico = quotientPico(used.replicaMs, BigInt(HOUR_MS));
  const since = rateFromMs === null ? '' : `@${isoSeconds(rateFromMs)}`;
  return usageRow(place, subject, {
    component: 'HOSTING',
    creditsMicro,
    description: `${componentNames.HOSTING}: ${subject.name} on ${hardware.name} at ${formatMicro(rateMicroPerHour)} credits a replica and hour`,
    quantityPico: hoursPico,
    unit: REPLICA_HOURS,
    consumedPico: hoursPico,
    consumedUnit: REPLICA_HOURS,
    rateMicro: rateMicroPerHour,
    sku: {
      id: hardware.name,
      meter: 'HOSTING',
      priceId: `${hardware.name}${since}`,
      details: detailsOf(hardware),
    },
  });
}

interface Priced {
  readonly component: CreditComponent;
  readonly creditsMicro: bigint;
  readonly description: string;
  readonly quantityPico: bigint;
  readonly unit: string;
  readonly consumedPico: bigint;
  readonly consumedUnit: string;
  /** In credits for one unit. */
  readonly rateMicro: bigint;
  readonly sku: Sku;
}

function usageRow(place: FocusPlace, subject: FocusSubject, priced: Priced): FocusRow {
  const { creditsMicro, rateMicro } = priced;
  const { listMicro, contractedMicro } = place.stretch.price;
  const contractedPico = moneyPico(creditsMicro, contractedMicro);
  return {
    key: place.key,
    stretch: place.stretch,
    period: place.period,
    category: 'Usage',
    isCorrection: false,
    description: priced.description,
    frequency: 'Usage-Based',
    billedPico: 0n,
    effectivePico: contractedPico,
    listPico: moneyPico(creditsMicro, listMicro),
    contractedPico,
    quantityPico: priced.quantityPico,
    unit: priced.unit,
    consumedPico: priced.consumedPico,
    consumedUnit: priced.consumedUnit,
    listUnitPico: moneyPico(rateMicro, listMicro),
    contractedUnitPico: moneyPico(rateMicro, contractedMicro),
    pricingCurrency: CREDITS,
    pricingListUnitMicro: rateMicro,
    pricingContractedUnitMicro: rateMicro,
    usedMicro: creditsMicro,
    sku: priced.sku,
    resourceId: encodeId(subject.nodeType, subject.accountId, subject.localId),
    resourceName: subject.name,
    resourceType: subject.kind,
    service: services[subject.category],
    component: priced.component,
    owner: subject.owner,
    sequence: null,
  };
}

/** Credits that were given, taken back or corrected: an entry of the ledger, or an allocation from before it. */
export interface FocusEntry {
  readonly accountId: number;
  /** Null for an allocation that is history, which the ledger does not have. */
  readonly sequence: number | null;
  readonly kind: 'ALLOCATION' | 'VOID' | 'ADJUSTMENT' | 'REVERSAL';
  readonly amountMicro: bigint;
  readonly atMs: number;
  readonly allocationId: number | null;
  /** Of its allocation. */
  readonly source: AllocationSource | null;
  readonly isRecurring: boolean;
  /** Whether it takes back usage that was booked in an earlier cycle. */
  readonly isCorrection: boolean;
  readonly description: string;
}

const sourceNames: Readonly<Record<AllocationSource, string>> = {
  PLAN: 'Credits of a plan',
  TOP_UP: 'Credits bought',
  PROMOTION: 'Credits of a promotion',
  ADJUSTMENT: 'Credits of an adjustment',
};

/** A row of credits that were given, taken back or corrected. Only what was bought has a price. */
export function entryRow(place: FocusPlace, entry: FocusEntry): FocusRow {
  const { amountMicro, allocationId, accountId, sequence } = entry;
  const category = categoryOf(entry);
  return {
    key: place.key,
    stretch: place.stretch,
    period: place.period,
    category,
    isCorrection: entry.isCorrection,
    description: describe(entry),
    frequency: entry.kind === 'ALLOCATION' && entry.isRecurring ? 'Recurring' : 'One-Time',
    effectivePico: 0n,
    ...(category === 'Purchase' ? boughtFor(amountMicro, place.stretch.price) : FREE),
    quantityPico: amountMicro * MICRO_PER_CREDIT,
    unit: CREDITS,
    consumedPico: null,
    consumedUnit: null,
    usedMicro: 0n,
    resourceId:
      allocationId === null ? null : encodeId('CreditAllocation', accountId, allocationId),
    resourceName: null,
    resourceType: allocationId === null ? null : 'CREDIT_ALLOCATION',
    service: creditsService,
    component: null,
    owner: null,
    sequence,
  };
}

type Costs = Pick<
  FocusRow,
  | 'billedPico'
  | 'listPico'
  | 'contractedPico'
  | 'listUnitPico'
  | 'contractedUnitPico'
  | 'pricingCurrency'
  | 'pricingListUnitMicro'
  | 'pricingContractedUnitMicro'
  | 'sku'
>;

const FREE: Costs = {
  billedPico: 0n,
  listPico: 0n,
  contractedPico: 0n,
  listUnitPico: null,
  contractedUnitPico: null,
  pricingCurrency: CREDITS,
  pricingListUnitMicro: null,
  pricingContractedUnitMicro: null,
  sku: null,
};

function boughtFor(amountMicro: bigint, price: CreditPrice): Costs {
  const { currency, listMicro, contractedMicro, fromMs } = price;
  const contractedPico = moneyPico(amountMicro, contractedMicro);
  return {
    billedPico: contractedPico,
    listPico: moneyPico(amountMicro, listMicro),
    contractedPico,
    listUnitPico: moneyPico(MICRO_PER_CREDIT, listMicro),
    contractedUnitPico: moneyPico(MICRO_PER_CREDIT, contractedMicro),
    pricingCurrency: currency,
    pricingListUnitMicro: listMicro,
    pricingContractedUnitMicro: contractedMicro,
    sku: creditsSku(isoSeconds(fromMs)),
  };
}

function creditsSku(since: string): Sku {
  return { id: 'CREDITS', meter: 'CREDITS', priceId: `CREDITS@${since}`, details: null };
}

function categoryOf({ kind, source }: FocusEntry): ChargeCategory {
  if (kind !== 'ALLOCATION' || source === 'ADJUSTMENT') return 'Adjustment';
  return source === 'PROMOTION' ? 'Credit' : 'Purchase';
}

function describe({ kind, source, description }: FocusEntry): string {
  if (kind === 'ALLOCATION') return sourceNames[source ?? 'ADJUSTMENT'];
  return kind === 'ADJUSTMENT' ? `Adjustment: ${description}` : description;
}

/** An instant as FOCUS has it: UTC, by seconds. */
export function isoSeconds(atMs: number): string {
  return `${isoInstant(atMs).slice(0, 'YYYY-MM-DDTHH:mm:ss'.length)}Z`;
}

// Of one replica. What a profile does not have is left out.
function detailsOf({ vcpus, memoryGb, gpus }: HardwareProfile): string {
  return JSON.stringify({
    ...(vcpus > 0 ? { CoreCount: vcpus } : {}),
    MemorySize: memoryGb,
    ...(gpus > 0 ? { GpuCount: gpus } : {}),
  });
}

// As FOCUS writes units: "GB-Days", "1000 Tokens/Hour".
function capitalised(unit: string): string {
  return unit.replace(/(?:^|[-/])(?:\d+ )?\p{Ll}/gu, (begin) => begin.toUpperCase());
}
