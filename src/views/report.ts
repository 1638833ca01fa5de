// The free-form report: sums grouped by any dimensions and time buckets. Pure.

import { conditionOf } from '../core/check.ts';
import type { CursorKey } from '../core/cursor.ts';
import { foldText } from '../core/text.ts';
import { shownStatus, type Model, type ModelType, type Resource } from '../resources/resource.ts';
import type { UsageFilterRequest } from './tabs.ts';
import {
  categoryOf,
  figuresOf,
  type CreditCategory,
  type CreditComponent,
  type Figures,
  type Sum,
  type SumInUnit,
} from './sums.ts';

export const usageDimensions = {
  CATEGORY: 'CATEGORY',
  COMPONENT: 'COMPONENT',
  RESOURCE: 'RESOURCE',
  OWNER: 'OWNER',
  HARDWARE: 'HARDWARE',
  MODEL: 'MODEL',
  UNIT: 'UNIT',
} as const;
export type UsageDimension = keyof typeof usageDimensions;

/** A sum with all dimensions that a report can group by; null where a dimension does not apply. */
export interface Charge {
  readonly sum: Sum;
  readonly category: CreditCategory | null;
  readonly component: CreditComponent | null;
  readonly resourceId: number | null;
  readonly owner: string | null;
  readonly hardwareId: number | null;
  readonly modelId: number | null;
  readonly modelType: ModelType | null;
  readonly unit: string | null;
  readonly name: string;
  readonly resource: Resource | null;
}

/** What a sum belongs to: a resource, with the model that it is a deployment of, or a model alone. */
export interface ChargeOwner {
  readonly resource: Resource | null;
  readonly model: Model | null;
}

/** Adds a report's dimensions to a sum. */
export function chargeOf(sum: SumInUnit, { resource, model }: ChargeOwner): Charge {
  const ofAll = {
    sum,
    component: sum.type === 'WORKFLOW_RUN' ? null : sum.type,
    hardwareId: sum.hardwareId === 0 ? null : sum.hardwareId,
    modelType: model?.type ?? null,
    unit: sum.unit,
    resource,
  };
  if (resource === null) {
    return {
      ...ofAll,
      category: categoryOf('MODEL'),
      resourceId: null,
      owner: null,
      modelId: sum.subjectId,
      name: model?.name ?? '',
    };
  }
  const { kind, resourceId, owner, modelId, name } = resource;
  return { ...ofAll, category: categoryOf(kind), resourceId, owner, modelId, name };
}

/** Whether a charge meets all conditions of a report's filter. */
export function meetsFilter(
  charge: Charge,
  filter: UsageFilterRequest,
  hardwareIds: ReadonlySet<number>,
): boolean {
  const { resource } = charge;
  const search = foldText(filter.search ?? '');
  const hardware = conditionOf(filter.hardware) === null ? null : [...hardwareIds];
  const language = resource?.language ?? undefined;
  const conditions = [
    foldText(charge.name).includes(search),
    isAmong(filter.statuses, resource === null ? undefined : shownStatus(resource)),
    // Only resources have owners: the condition does not apply to a model's own charges.
    isAmong(filter.owners, resource?.owner),
    isAmong<unknown>(filter.categories, charge.category),
    isAmong<unknown>(hardware, charge.hardwareId),
    isAmong<unknown>(filter.modelTypes, charge.modelType),
    isAmong(
      filter.languages?.map(foldText),
      language === undefined ? language : foldText(language),
    ),
  ];
  return conditions.every(Boolean);
}

/** @param value undefined where the condition does not apply */
function isAmong<T>(allowed: readonly T[] | null | undefined, value: T | undefined): boolean {
  const condition = conditionOf(allowed);
  return condition === null || (value !== undefined && condition.includes(value));
}

/** One row: values for the requested dimensions, null for the others. */
export interface ReportRow {
  readonly cell: number;
  readonly category: CreditCategory | null;
  readonly component: CreditComponent | null;
  readonly resourceId: number | null;
  readonly owner: string | null;
  readonly hardwareId: number | null;
  readonly modelId: number | null;
  readonly unit: string | null;
  readonly figures: Figures;
  /** Orders rows with equal start and credits. */
  readonly key: string;
}

type Shown = Omit<ReportRow, 'cell' | 'figures' | 'key'>;

const NOTHING: Shown = {
  category: null,
  component: null,
  resourceId: null,
  owner: null,
  hardwareId: null,
  modelId: null,
  unit: null,
};

/**
 * Groups charges by cell and dimensions, ordered by start, credits descending, key.
 * @param cells the number of time cells; without dimensions each cell has a row, even without usage
 */
export function reportRows(
  charges: readonly Charge[],
  dimensions: ReadonlySet<UsageDimension>,
  cells: number,
): readonly ReportRow[] {
  const groups = new Map<
    string,
    { readonly row: Omit<ReportRow, 'figures'>; readonly sums: Sum[] }
  >();
  const groupOf = (cell: number, shown: Shown): Sum[] => {
    const key = keyOf(shown);
    const group = groups.get(`${cell} ${key}`) ?? { row: { ...shown, cell, key }, sums: [] };
    groups.set(`${cell} ${key}`, group);
    return group.sums;
  };
  if (dimensions.size === 0) {
    for (let cell = 0; cell < cells; cell += 1) groupOf(cell, NOTHING);
  }
  for (const charge of charges) {
    groupOf(charge.sum.cell, shownOf(charge, dimensions)).push(charge.sum);
  }
  return [...groups.values()]
    .map(({ row, sums }) => ({ ...row, figures: figuresOf(sums) }))
    .filter((row) => dimensions.size === 0 || !isEmpty(row.figures))
    .sort(comparePlaces);
}

function shownOf(charge: Charge, dimensions: ReadonlySet<UsageDimension>): Shown {
  const under = <T>(dimension: UsageDimension, value: T): T | null =>
    dimensions.has(dimension) ? value : null;
  return {
    category: under('CATEGORY', charge.category),
    component: under('COMPONENT', charge.component),
    resourceId: under('RESOURCE', charge.resourceId),
    owner: under('OWNER', charge.owner),
    hardwareId: under('HARDWARE', charge.hardwareId),
    modelId: under('MODEL', charge.modelId),
    unit: under('UNIT', charge.unit),
  };
}

function keyOf(shown: Shown): string {
  const { category, component, resourceId, owner, hardwareId, modelId, unit } = shown;
  return JSON.stringify([category, component, resourceId, owner, hardwareId, modelId, unit]);
}

// Figures that a void or a signed edge reduced to zero make no row.
function isEmpty(figures: Figures): boolean {
  return (
    figures.runs === 0n &&
    figures.quantity === 0n &&
    figures.creditsMicro === 0n &&
    figures.hostingMs === 0n
  );
}

/** A row's place: its cell, then its credits, then its key. */
export function reportKey(row: ReportRow): CursorKey {
  return { value: `${row.figures.creditsMicro} ${row.key}`, id: row.cell };
}

/** Order of two places: cell, credits descending, key. */
export function compareReportKeys(a: CursorKey, b: CursorKey): number {
  return comparePlaces(placeOf(a), placeOf(b));
}

interface Place {
  readonly cell: number;
  readonly figures: Pick<Figures, 'creditsMicro'>;
  readonly key: string;
}

function comparePlaces(a: Place, b: Place): number {
  if (a.cell !== b.cell) return a.cell - b.cell;
  const [creditsA, creditsB] = [a.figures.creditsMicro, b.figures.creditsMicro];
  if (creditsA !== creditsB) return creditsA > creditsB ? -1 : 1;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

/** Whether a cursor's key belongs to a report. */
export function isReportKey(key: CursorKey): boolean {
  return typeof key.value === 'string' && /^-?\d{1,40} \[/.test(key.value);
}

function placeOf({ id, value }: CursorKey): Place {
  const text = String(value);
  const space = text.indexOf(' ');
  return {
    cell: id,
    figures: { creditsMicro: BigInt(text.slice(0, space)) },
    key: text.slice(space + 1),
  };
}
