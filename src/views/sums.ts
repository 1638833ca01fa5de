// What views are made of: sums by time cell, kind, type and hardware. Pure: from loaded sums and segments to figures.

import { groupBy } from '../core/group.ts';
import { intersect, lengthMs, type Range } from '../core/range.ts';
import { chargedMicro, chargeWithin, hostedMs, type HostingSegment } from '../hosting/charge.ts';
import type { RawSpan } from '../rollups/tier-plan.ts';
import type { SubjectKind, UsageType } from '../rollups/kinds.ts';

export const creditCategories = {
  MODELS: 'MODELS',
  GUARDRAILS: 'GUARDRAILS',
  CUSTOM_SCRIPTS: 'CUSTOM_SCRIPTS',
  OCR: 'OCR',
  BROWSER_AUTOMATION: 'BROWSER_AUTOMATION',
} as const;
export type CreditCategory = keyof typeof creditCategories;

export const creditComponents = {
  HOSTING: 'HOSTING',
  FINE_TUNING: 'FINE_TUNING',
  STORAGE: 'STORAGE',
  PROCESSING: 'PROCESSING',
} as const;
export type CreditComponent = keyof typeof creditComponents;

const categoryOfKind: Readonly<Record<SubjectKind, CreditCategory | null>> = {
  WORKFLOW: null,
  MODEL: 'MODELS',
  MODEL_DEPLOYMENT: 'MODELS',
  GUARDRAIL: 'GUARDRAILS',
  CUSTOM_SCRIPT: 'CUSTOM_SCRIPTS',
  OCR_DEPLOYMENT: 'OCR',
  BROWSER_POD: 'BROWSER_AUTOMATION',
};

/** The category of a kind's credits; null for workflows, which are counted in runs. */
export function categoryOf(kind: SubjectKind): CreditCategory | null {
  return categoryOfKind[kind];
}

/** The figures of one cell for one set of dimensions. */
export interface Sum {
  readonly cell: number;
  /** The resource or model; 0 where sums are by the account's kinds. */
  readonly subjectId: number;
  /** Null where sums are of stored resources: the resource has it. */
  readonly kind: SubjectKind | null;
  readonly type: UsageType;
  /** 0 where it is not hosting. */
  readonly hardwareId: number;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly hostingMs: bigint;
  readonly replicaMs: bigint;
}

/** A sum of events that have a unit. */
export interface UnitSum extends Sum {
  readonly unit: string;
}

/** A sum of usage in one unit, or (null) without one. */
export interface SumInUnit extends Sum {
  readonly unit: string | null;
}

/** All usage by unit. What is not in the sums by unit has none. @param all sums that include those of `ofUnits` */
export function byUnit(all: readonly Sum[], ofUnits: readonly UnitSum[]): readonly SumInUnit[] {
  const withoutUnit = [...all, ...negated(ofUnits)].map((sum) => ({ ...sum, unit: null }));
  return [...ofUnits, ...withoutUnit];
}

/** How much was processed in one unit, or (null) without one. */
export interface UnitFigures {
  readonly unit: string | null;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
}

/** What was processed, by unit; most credits first, then by unit, with none last. */
export function processedByUnit(sums: readonly SumInUnit[]): readonly UnitFigures[] {
  const processed = sums.filter(({ type }) => type === 'PROCESSING');
  return [...groupBy(processed, ({ unit }) => unit)]
    .map(([unit, inUnit]) => ({ unit, ...figuresOf(inUnit) }))
    .filter(({ quantity, creditsMicro }) => quantity !== 0n || creditsMicro !== 0n)
    .sort((a, b) => compareMicro(b.creditsMicro, a.creditsMicro) || compareUnits(a.unit, b.unit));
}

function compareMicro(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

function compareUnits(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a < b ? -1 : Number(a > b);
}

/** Figures that add up. */
export interface Figures {
  readonly runs: bigint;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly hostingMs: bigint;
  readonly replicaMs: bigint;
  readonly components: Readonly<Record<CreditComponent, bigint>>;
}

/** Adds up sums. */
export function figuresOf(sums: Iterable<Sum>): Figures {
  const components = { HOSTING: 0n, FINE_TUNING: 0n, STORAGE: 0n, PROCESSING: 0n };
  let runs = 0n;
  let quantity = 0n;
  let hostingMs = 0n;
  let replicaMs = 0n;
  for (const sum of sums) {
    hostingMs += sum.hostingMs;
    replicaMs += sum.replicaMs;
    if (sum.type === 'WORKFLOW_RUN') {
      runs += sum.quantity;
    } else {
      components[sum.type] += sum.creditsMicro;
      quantity += sum.quantity;
    }
  }
  const creditsMicro =
    components.HOSTING + components.FINE_TUNING + components.STORAGE + components.PROCESSING;
  return { runs, quantity, creditsMicro, hostingMs, replicaMs, components };
}

/** Adds up the figures of several groups. */
export function addFigures(all: Iterable<Figures>): Figures {
  const components = { HOSTING: 0n, FINE_TUNING: 0n, STORAGE: 0n, PROCESSING: 0n };
  const total = { runs: 0n, quantity: 0n, creditsMicro: 0n, hostingMs: 0n, replicaMs: 0n };
  for (const figures of all) {
    total.runs += figures.runs;
    total.quantity += figures.quantity;
    total.creditsMicro += figures.creditsMicro;
    total.hostingMs += figures.hostingMs;
    total.replicaMs += figures.replicaMs;
    for (const component of Object.values(creditComponents)) {
      components[component] += figures.components[component];
    }
  }
  return { ...total, components };
}

/** A segment as views read it: with the kind of its resource. */
export interface ViewSegment extends HostingSegment {
  readonly kind: SubjectKind;
}

/** What sums are grouped by: the whole account's kinds, or its single resources and models. */
export type Grain = 'account' | 'resource';

/**
 * The cost of segments in each cell.
 * @param edgesMs ascending; cell i is [edgesMs[i], edgesMs[i + 1])
 * @param nowMs hosting counts up to now, even where the cells reach further
 */
export function sumSegments(
  segments: readonly ViewSegment[],
  by: { readonly grain: Grain; readonly edgesMs: readonly number[]; readonly nowMs: number },
): readonly Sum[] {
  const { edgesMs, nowMs } = by;
  const collected = new SegmentSums(by.grain);
  for (const segment of segments) {
    const endMs = Math.min(segment.toMs ?? nowMs, nowMs);
    const cells = collected.cellsOf(segment);
    let cell = firstCellEndingAfter(edgesMs, segment.fromMs);
    let fromMs = Math.max(edgesMs[cell] ?? endMs, segment.fromMs);
    // The end of one cell is the start of the next.
    let chargedBefore = chargedMicro(segment, fromMs);
    for (; cell + 1 < edgesMs.length && fromMs < endMs; cell += 1) {
      const toMs = Math.min(edgesMs[cell + 1] ?? endMs, endMs);
      const charged = chargedMicro(segment, toMs);
      cells.add(segment, { cell, ranMs: toMs - fromMs, creditsMicro: charged - chargedBefore });
      chargedBefore = charged;
      fromMs = toMs;
    }
  }
  return collected.sums();
}

/**
 * The cost of folded segments in the cut edges of day buckets, with the edges' signs.
 * @param segments closed, each at most `maxLengthMs` long
 */
export function sumEdges(
  segments: readonly ViewSegment[],
  by: { readonly grain: Grain; readonly edges: readonly RawSpan[]; readonly maxLengthMs: number },
): readonly Sum[] {
  const collected = new SegmentSums(by.grain);
  const byStart = [...segments].sort((a, b) => a.fromMs - b.fromMs);
  const starts = byStart.map((segment) => segment.fromMs);
  for (const edge of by.edges) {
    let index = firstAbove(starts, edge.fromMs - by.maxLengthMs - 1);
    for (; index < byStart.length && (starts[index] ?? edge.toMs) < edge.toMs; index += 1) {
      const segment = byStart[index];
      if (segment === undefined) continue;
      collected.cellsOf(segment).add(segment, {
        cell: edge.cell,
        ranMs: edge.sign * hostedMs(segment, edge),
        creditsMicro: BigInt(edge.sign) * chargeWithin(segment, edge),
      });
    }
  }
  return collected.sums();
}

/** The same sums with the opposite sign. */
export function negated(sums: readonly Sum[]): readonly Sum[] {
  return sums.map((sum) => ({
    ...sum,
    quantity: -sum.quantity,
    creditsMicro: -sum.creditsMicro,
    hostingMs: -sum.hostingMs,
    replicaMs: -sum.replicaMs,
  }));
}

/** Collects the sums of segments by grain and hardware. */
class SegmentSums {
  private readonly byKey = new Map<string, CellSums>();

  constructor(private readonly grain: Grain) {}

  /** The cells to which a segment is added. */
  cellsOf({ resourceId, kind, hardwareId }: ViewSegment): CellSums {
    const isOfAccount = this.grain === 'account';
    const key = `${isOfAccount ? kind : resourceId}.${hardwareId}`;
    let cells = this.byKey.get(key);
    if (cells === undefined) {
      const subject = isOfAccount ? { subjectId: 0, kind } : { subjectId: resourceId, kind: null };
      cells = new CellSums({ ...subject, hardwareId });
      this.byKey.set(key, cells);
    }
    return cells;
  }

  sums(): readonly Sum[] {
    return [...this.byKey.values()].flatMap((cells) => [...cells.byCell.values()]);
  }
}

class CellSums {
  readonly byCell = new Map<number, { -readonly [K in keyof Sum]: Sum[K] }>();

  constructor(private readonly of: Pick<Sum, 'subjectId' | 'kind' | 'hardwareId'>) {}

  add(
    { replicas }: HostingSegment,
    part: { readonly cell: number; readonly ranMs: number; readonly creditsMicro: bigint },
  ): void {
    const { cell, ranMs, creditsMicro } = part;
    if (ranMs === 0) return;
    let sum = this.byCell.get(cell);
    if (sum === undefined) {
      sum = { ...this.of, ...NOTHING_HOSTED, cell };
      this.byCell.set(cell, sum);
    }
    sum.creditsMicro += creditsMicro;
    sum.hostingMs += BigInt(ranMs);
    sum.replicaMs += BigInt(ranMs * replicas);
  }
}

const NOTHING_HOSTED = {
  type: 'HOSTING',
  quantity: 0n,
  creditsMicro: 0n,
  hostingMs: 0n,
  replicaMs: 0n,
} as const;

/** Index of the first cell whose end lies after an instant. */
function firstCellEndingAfter(edgesMs: readonly number[], atMs: number): number {
  return Math.max(0, firstAbove(edgesMs, atMs) - 1);
}

/** Index of the first element above a value, in an ascending list. */
export function firstAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? value) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The most replicas running at one instant of the range. */
export function peakReplicas(
  segments: readonly Pick<HostingSegment, 'fromMs' | 'toMs' | 'replicas'>[],
  range: Range,
): number {
  const changes: { readonly atMs: number; readonly by: number }[] = [];
  for (const segment of segments) {
    const inside = intersect(range, { fromMs: segment.fromMs, toMs: segment.toMs ?? range.toMs });
    if (inside === null || lengthMs(inside) === 0) continue;
    changes.push({ atMs: inside.fromMs, by: segment.replicas });
    changes.push({ atMs: inside.toMs, by: -segment.replicas });
  }
  // Ends come before starts at the same instant: segments are half-open, so a scaling never counts twice.
  changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let running = 0;
  let peak = 0;
  for (const change of changes) {
    running += change.by;
    peak = Math.max(peak, running);
  }
  return peak;
}

export interface ComponentCredits {
  readonly component: CreditComponent;
  readonly credits: bigint;
}

/** Credits of every component, zero included, in enum order. */
export function componentCredits(components: Figures['components']): readonly ComponentCredits[] {
  return Object.values(creditComponents).map((component) => ({
    component,
    credits: components[component],
  }));
}
