// What every usage view has to say, worked out the slow way: each question goes over all events and all segments. It
// shares nothing with the gateway's own code.

import type { Facts, Resource, Segment } from './facts.ts';
import { bucketsOf, type Bucket, type Span, type Unit } from './time.ts';

const HOUR = 3_600_000n;

export const CATEGORIES = [
  'MODELS',
  'GUARDRAILS',
  'CUSTOM_SCRIPTS',
  'OCR',
  'BROWSER_AUTOMATION',
] as const;
export const COMPONENTS = ['HOSTING', 'FINE_TUNING', 'STORAGE', 'PROCESSING'] as const;
type Category = (typeof CATEGORIES)[number];
type Component = (typeof COMPONENTS)[number];

const CATEGORY_OF: Readonly<Record<string, Category>> = {
  MODEL_DEPLOYMENT: 'MODELS',
  GUARDRAIL: 'GUARDRAILS',
  CUSTOM_SCRIPT: 'CUSTOM_SCRIPTS',
  OCR_DEPLOYMENT: 'OCR',
  BROWSER_POD: 'BROWSER_AUTOMATION',
};

/** One event, or what one stretch of hosting comes to within a range. */
export interface Charge {
  /** Null for workflow runs, which cost nothing. */
  readonly category: Category | null;
  readonly component: Component | null;
  readonly resource: Resource | null;
  readonly model: number | null;
  readonly hardware: number | null;
  readonly unit: string | null;
  readonly runs: bigint;
  readonly quantity: bigint;
  readonly credits: bigint;
  readonly time: number;
  readonly replicaTime: number;
  /** Of hosting: the stretch itself, within the range. */
  readonly hosted: Stretch | null;
}

/** A part of a segment at one rate, with what of it lies within the range. */
export interface Stretch extends Span {
  readonly hostingFrom: number;
  readonly replicas: number;
  readonly rate: bigint;
  readonly credits: bigint;
}

export interface Sums {
  readonly runs: bigint;
  readonly quantity: bigint;
  readonly credits: bigint;
  readonly time: number;
  readonly replicaTime: number;
}

/** All charges and runs within a range; hosting counts up to now. */
export function chargesIn(facts: Facts, range: Span, now: number): readonly Charge[] {
  return [...eventCharges(facts, range), ...hostingCharges(facts, range, now)];
}

export function sumsOf(charges: readonly Charge[]): Sums {
  let [runs, quantity, credits] = [0n, 0n, 0n];
  let [time, replicaTime] = [0, 0];
  for (const charge of charges) {
    runs += charge.runs;
    quantity += charge.quantity;
    credits += charge.credits;
    time += charge.time;
    replicaTime += charge.replicaTime;
  }
  return { runs, quantity, credits, time, replicaTime };
}

export function creditsBy<K extends 'category' | 'component'>(
  charges: readonly Charge[],
  key: K,
  of: readonly Charge[K][],
): readonly bigint[] {
  return of.map((value) => sumsOf(charges.filter((charge) => charge[key] === value)).credits);
}

/** Runs or credits granted, in millionths, and by how many allocations: all whose time in effect meets the range. */
export function allocatedIn(
  facts: Facts,
  unit: string,
  range: Span,
): { readonly sum: bigint; readonly count: number } {
  let [sum, count] = [0n, 0];
  for (const { unit: of, counted, from, to } of facts.allocations) {
    // The part of the range in which it is in effect; there is none in a range without length.
    const start = Math.max(from, range.from);
    const end = Math.min(to ?? range.to, range.to);
    if (of !== unit || start >= end || counted === 0n) continue;
    sum += counted;
    count += 1;
  }
  return { sum, count };
}

/** Each bucket with what falls into it. */
export function trendOf(
  facts: Facts,
  { range, zone, unit, now }: { range: Span; zone: string; unit: Unit; now: number },
): readonly (Bucket & { readonly charges: readonly Charge[] })[] {
  return bucketsOf(range, zone, unit).map((bucket) => ({
    ...bucket,
    charges: chargesIn(facts, bucket, now),
  }));
}

export interface HardwareLine {
  readonly name: string;
  readonly time: number;
  readonly replicaTime: number;
  readonly peakReplicas: number;
  readonly credits: bigint;
}

/** One line for each hardware that some of the charges ran on; largest credits first, then by name. */
export function hardwareOf(facts: Facts, charges: readonly Charge[]): readonly HardwareLine[] {
  const lines: HardwareLine[] = [];
  for (const { id, name } of facts.hardware) {
    const own = charges.filter((charge) => charge.hardware === id);
    if (own.length === 0) continue;
    const { time, replicaTime, credits } = sumsOf(own);
    lines.push({ name, time, replicaTime, peakReplicas: peakOf(own), credits });
  }
  return lines.sort((a, b) => Number(b.credits - a.credits) || (a.name < b.name ? -1 : 1));
}

export interface UnitLine {
  readonly unit: string | null;
  readonly quantity: bigint;
  readonly credits: bigint;
}

/** What was processed, a line for each unit; largest credits first, then by unit, none last. */
export function unitsOf(charges: readonly Charge[]): readonly UnitLine[] {
  const processed = charges.filter(({ component }) => component === 'PROCESSING');
  const lines = [...new Set(processed.map(({ unit }) => unit))].map((unit) => {
    const { quantity, credits } = sumsOf(processed.filter((charge) => charge.unit === unit));
    return { unit, quantity, credits };
  });
  const last = String.fromCodePoint(0x10ffff);
  return lines
    .filter(({ quantity, credits }) => quantity + credits > 0n)
    .sort(
      (a, b) => Number(b.credits - a.credits) || ((a.unit ?? last) < (b.unit ?? last) ? -1 : 1),
    );
}

/** The resources and models that a tab lists, whatever the range. */
export function listed(facts: Facts, kind: string): readonly Resource[] {
  return facts.resources.filter((resource) => {
    if (resource.kind !== kind) return false;
    if (kind === 'CUSTOM_SCRIPT') return true;
    if (kind === 'WORKFLOW' && resource.status === 'IN_DEVELOPMENT') return false;
    const wasUsed = facts.events.some(
      ({ type, subject }) => isOfResource(type) && subject === resource.id,
    );
    const wasHosted = facts.segments.some((segment) => segment.resource === resource.id);
    return resource.wasDeployed || wasUsed || wasHosted;
  });
}

export const DIMENSIONS = [
  'CATEGORY',
  'COMPONENT',
  'RESOURCE',
  'OWNER',
  'HARDWARE',
  'MODEL',
  'UNIT',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export interface ReportQuestion {
  readonly range: Span;
  readonly zone: string;
  readonly unit: Unit | null;
  readonly groupBy: readonly Dimension[];
  readonly filter: ReportFilter;
  readonly now: number;
}

export interface ReportFilter {
  readonly categories?: readonly string[];
  readonly hardware?: readonly string[];
  readonly owners?: readonly string[];
  readonly statuses?: readonly string[];
  readonly modelTypes?: readonly string[];
  readonly languages?: readonly string[];
  readonly search?: string;
}

export interface ReportRow extends Sums {
  /** Bucket and dimensions as one text, in the order of DIMENSIONS. */
  readonly key: string;
}

/** Report rows in no order. Without dimensions every bucket has its row; else only what has something to say. */
export function reportOf(facts: Facts, question: ReportQuestion): readonly ReportRow[] {
  const { range, zone, unit, groupBy, now } = question;
  const spans = unit === null ? [null] : bucketsOf(range, zone, unit);
  const rows = spans.flatMap((span) => {
    const charges = chargesIn(facts, span ?? range, now).filter((charge) =>
      passes(facts, charge, question.filter),
    );
    const keyOf = (charge: Charge): string =>
      reportKey(
        span,
        groupBy.map((dimension) => valueOf(facts, charge, dimension)),
      );
    const keys = groupBy.length === 0 ? [reportKey(span, [])] : [...new Set(charges.map(keyOf))];
    return keys.map((key) => ({
      key,
      ...sumsOf(charges.filter((charge) => keyOf(charge) === key)),
    }));
  });
  const isNothing = ({ runs, quantity, credits, time }: ReportRow): boolean =>
    runs + quantity + credits === 0n && time === 0;
  return groupBy.length === 0 ? rows : rows.filter((row) => !isNothing(row));
}

export function reportKey(span: Span | null, values: readonly (string | null)[]): string {
  return [span === null ? 'all' : `${span.from}..${span.to}`, ...values.map((v) => v ?? '-')].join(
    ' | ',
  );
}

function valueOf(facts: Facts, charge: Charge, dimension: Dimension): string | null {
  const { resource } = charge;
  const values = {
    CATEGORY: charge.category,
    COMPONENT: charge.component,
    RESOURCE: resource === null ? null : nameOf(resource),
    OWNER: resource === null ? null : resource.owner,
    HARDWARE: facts.hardware.find(({ id }) => id === charge.hardware)?.name ?? null,
    MODEL: facts.models.find(({ id }) => id === charge.model)?.externalId ?? null,
    UNIT: charge.unit,
  };
  return values[dimension];
}

/** A resource's name across kinds. */
export function nameOf(resource: { readonly kind: string; readonly externalId: string }): string {
  return `${resource.kind}/${resource.externalId}`;
}

// All conditions must hold; what a condition does not apply to does not meet it.
function passes(facts: Facts, charge: Charge, filter: ReportFilter): boolean {
  const { search = '' } = filter;
  const model = facts.models.find(({ id }) => id === charge.model);
  const named = charge.resource ?? model;
  const conditions: [readonly string[] | undefined, string | null][] = [
    [filter.categories, charge.category],
    [filter.hardware, valueOf(facts, charge, 'HARDWARE')],
    [filter.owners, valueOf(facts, charge, 'OWNER')],
    [filter.statuses, charge.resource === null ? null : charge.resource.status],
    [filter.modelTypes, model?.type ?? null],
    [filter.languages, charge.resource?.language ?? null],
  ];
  return (
    conditions.every(([allowed, value]) => !allowed || allowed.some((one) => one === value)) &&
    named?.name.toLowerCase().includes(search.toLowerCase()) === true
  );
}

function eventCharges(facts: Facts, range: Span): readonly Charge[] {
  const nothing = { runs: 0n, quantity: 0n, time: 0, replicaTime: 0, hardware: null, hosted: null };
  return facts.events
    .filter(({ at }) => at >= range.from && at < range.to)
    .map(({ type, subject, quantity, unit, credits }): Charge => {
      const component = COMPONENTS.find((known) => known === type) ?? null;
      if (!isOfResource(type)) {
        const ofModel = { category: 'MODELS', resource: null, model: subject } as const;
        return { ...nothing, ...ofModel, component, quantity, unit, credits };
      }
      const resource = resourceOf(facts, subject);
      const { model } = resource;
      const amounts = type === 'WORKFLOW_RUN' ? { runs: quantity } : { quantity };
      const category = categoryOf(resource);
      return { ...nothing, ...amounts, unit, category, resource, model, component, credits };
    });
}

function resourceOf(facts: Facts, id: number): Resource {
  const resource = facts.resources.find((one) => one.id === id);
  if (resource === undefined) throw new Error(`resource ${id} is not registered`);
  return resource;
}

function hostingCharges(facts: Facts, range: Span, now: number): readonly Charge[] {
  const charges: Charge[] = [];
  for (const segment of facts.segments.flatMap((whole) => splitByRates(facts, whole, now))) {
    const end = Math.min(segment.to ?? now, now);
    const from = Math.max(segment.from, range.from);
    const to = Math.min(end, range.to);
    if (from >= to) continue;
    const resource = resourceOf(facts, segment.resource);
    const credits = costUpTo(segment, to) - costUpTo(segment, from);
    const { replicas, rate } = segment;
    charges.push({
      category: categoryOf(resource),
      component: 'HOSTING',
      resource,
      model: resource.model,
      hardware: segment.hardware,
      unit: null,
      runs: 0n,
      quantity: 0n,
      credits,
      time: to - from,
      replicaTime: (to - from) * replicas,
      hosted: { from, to, hostingFrom: segment.from, replicas, rate, credits },
    });
  }
  return charges;
}

/**
 * A segment at each of its rates. The table of rates says what an hour cost, not the segment's own row; a stored segment
 * that has ended must not have had another rate on the way.
 */
function splitByRates(facts: Facts, segment: Segment, now: number): readonly Segment[] {
  const end = segment.to ?? now;
  const changes = facts.rates.filter(
    ({ hardware, from }) => hardware === segment.hardware && from > segment.from && from < end,
  );
  const starts = [segment.from, ...changes.map(({ from }) => from)];
  return starts.map((from, i) => {
    const inForce = facts.rates.filter(
      (rate) => rate.hardware === segment.hardware && rate.from <= from,
    );
    const rate = inForce.at(-1)?.perHour ?? -1n;
    return { ...segment, from, rate, to: starts[i + 1] ?? segment.to };
  });
}

/** C(t) of the contract. */
function costUpTo(segment: Segment, at: number): bigint {
  return (BigInt(segment.replicas) * segment.rate * BigInt(at - segment.from)) / HOUR;
}

/** The most replicas at one instant: it is reached where some stretch begins. */
function peakOf(charges: readonly Charge[]): number {
  const stretches = charges.flatMap(({ hosted }) => (hosted === null ? [] : [hosted]));
  const running = (at: number): number =>
    stretches
      .filter(({ from, to }) => from <= at && at < to)
      .reduce((sum, { replicas }) => sum + replicas, 0);
  return Math.max(0, ...stretches.map(({ from }) => running(from)));
}

function categoryOf(resource: Resource): Category | null {
  return CATEGORY_OF[resource.kind] ?? null;
}

function isOfResource(type: string): boolean {
  return type === 'WORKFLOW_RUN' || type === 'PROCESSING';
}
