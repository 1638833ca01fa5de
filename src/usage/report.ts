// The free-form report: sums grouped by any dimensions and time buckets. Pure.

import type { CursorKey } from '../graphql/page.ts';
import type { Resource } from '../resources/resource.ts';
import type { UsageFilterRequest } from './tabs.ts';
import {
  categoryOf,
  figuresOf,
  type CreditCategory,
  type CreditComponent,
  type Figures,
  type Sum,
} from './views.ts';

export const usageDimensions = {
  CATEGORY: 'CATEGORY',
  COMPONENT: 'COMPONENT',
  RESOURCE: 'RESOURCE',
  OWNER: 'OWNER',
  HARDWARE: 'HARDWARE',
  MODEL: 'MODEL',
} as const;
export type UsageDimension = keyof typeof usageDimensions;

/** A sum with all that a report can group it by; null where a dimension does not apply. */
export interface Charge {
  readonly sum: Sum;
  readonly category: CreditCategory | null;
  readonly component: CreditComponent | null;
  readonly resourceId: number | null;
  readonly owner: string | null;
  readonly hardwareId: number | null;
  readonly modelId: number | null;
  readonly name: string;
  readonly resource: Resource | null;
}

/** What a sum is a charge of. @param owner the resource or the model that its subject id names */
export function chargeOf(
  sum: Sum,
  owner: { readonly resource: Resource | null; readonly modelName: string },
): Charge {
  const { resource } = owner;
  const kind = sum.kind ?? resource?.kind ?? 'MODEL';
  return {
    sum,
    category: categoryOf(kind),
    component: sum.type === 'WORKFLOW_RUN' ? null : sum.type,
    resourceId: resource?.resourceId ?? null,
    owner: resource?.owner ?? null,
    hardwareId: sum.hardwareId === 0 ? null : sum.hardwareId,
    modelId: kind === 'MODEL' ? sum.subjectId : (resource?.modelId ?? null),
    name: resource?.name ?? owner.modelName,
    resource,
  };
}

/** Whether a charge meets all given conditions of a report's filter. */
export function meetsFilter(
  charge: Charge,
  filter: UsageFilterRequest,
  hardwareIds: ReadonlySet<number>,
): boolean {
  const { search, statuses, owners, hardware, categories } = filter;
  return (
    (search == null || charge.name.toLowerCase().includes(search.toLowerCase())) &&
    (statuses == null || (charge.resource !== null && statuses.includes(charge.resource.status))) &&
    (owners == null || (charge.owner !== null && owners.includes(charge.owner))) &&
    (hardware == null || (charge.hardwareId !== null && hardwareIds.has(charge.hardwareId))) &&
    (categories == null || (charge.category !== null && categories.includes(charge.category)))
  );
}

/** One row: the dimensions that were asked for, null under the others. */
export interface ReportRow {
  readonly cell: number;
  readonly category: CreditCategory | null;
  readonly component: CreditComponent | null;
  readonly resourceId: number | null;
  readonly owner: string | null;
  readonly hardwareId: number | null;
  readonly modelId: number | null;
  readonly figures: Figures;
  /** Orders rows of equal begin and credits. */
  readonly key: string;
}

const NOTHING = {
  category: null,
  component: null,
  resourceId: null,
  owner: null,
  hardwareId: null,
  modelId: null,
};

/**
 * Groups charges by cell and dimensions, in the order begin, credits descending, key.
 * @param cells the number of time cells; without dimensions each has a row, also where nothing was used
 */
export function reportRows(
  charges: readonly Charge[],
  dimensions: ReadonlySet<UsageDimension>,
  cells: number,
): readonly ReportRow[] {
  const groups = new Map<string, { readonly row: Omit<ReportRow, 'figures'>; readonly sums: Sum[] }>();
  if (dimensions.size === 0) {
    for (let cell = 0; cell < cells; cell += 1) {
      const key = keyOf(NOTHING);
      groups.set(`${cell} ${key}`, { row: { ...NOTHING, cell, key }, sums: [] });
    }
  }
  for (const charge of charges) {
    const shown = {
      category: dimensions.has('CATEGORY') ? charge.category : null,
      component: dimensions.has('COMPONENT') ? charge.component : null,
      resourceId: dimensions.has('RESOURCE') ? charge.resourceId : null,
      owner: dimensions.has('OWNER') ? charge.owner : null,
      hardwareId: dimensions.has('HARDWARE') ? charge.hardwareId : null,
      modelId: dimensions.has('MODEL') ? charge.modelId : null,
    };
    const key = keyOf(shown);
    const { cell } = charge.sum;
    const group = groups.get(`${cell} ${key}`) ?? { row: { ...shown, cell, key }, sums: [] };
    group.sums.push(charge.sum);
    groups.set(`${cell} ${key}`, group);
  }
  return [...groups.values()]
    .map(({ row, sums }) => ({ ...row, figures: figuresOf(sums) }))
    .filter((row) => dimensions.size === 0 || !isEmpty(row.figures))
    .sort((a, b) => compareReportKeys(reportKey(a), reportKey(b)));
}

function keyOf(shown: Omit<ReportRow, 'cell' | 'figures' | 'key'>): string {
  const { category, component, resourceId, owner, hardwareId, modelId } = shown;
  return JSON.stringify([category, component, resourceId, owner, hardwareId, modelId]);
}

// What a void or a signed edge left at nothing is no row.
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
  if (a.id !== b.id) return a.id - b.id;
  const [creditsA, keyA] = partsOf(a);
  const [creditsB, keyB] = partsOf(b);
  if (creditsA !== creditsB) return creditsA > creditsB ? -1 : 1;
  return keyA < keyB ? -1 : Number(keyA > keyB);
}

/** Whether a cursor's key is one of a report. */
export function isReportKey(key: CursorKey): boolean {
  return typeof key.value === 'string' && /^-?\d{1,40} \[/.test(key.value);
}

function partsOf(key: CursorKey): readonly [bigint, string] {
  const text = String(key.value);
  const space = text.indexOf(' ');
  return [BigInt(text.slice(0, space)), text.slice(space + 1)];
}
