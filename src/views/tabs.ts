// The rows of a tab: what it lists, and by what it can be ordered and filtered. Pure.

import { conditionOf } from '../core/check.ts';
import { invariant, UserInputError, type ErrorPath } from '../core/errors.ts';
import type { CursorKey, OrderDirection } from '../core/cursor.ts';
import { groupBy } from '../core/group.ts';
import { memoized } from '../core/memoized.ts';
import { foldText } from '../core/text.ts';
import {
  shownStatus,
  type Model,
  type ModelType,
  type Resource,
  type ResourceStatus,
} from '../resources/resource.ts';
import {
  figuresOf,
  type CreditCategory,
  type CreditComponent,
  type Figures,
  type Sum,
} from './sums.ts';

export const usageOrderFields = {
  NAME: 'NAME',
  TYPE: 'TYPE',
  CREDITS: 'CREDITS',
  RUNS: 'RUNS',
  TIME: 'TIME',
  LAST_ACTIVE_ON: 'LAST_ACTIVE_ON',
  LAST_DEPLOYED_ON: 'LAST_DEPLOYED_ON',
  STATUS: 'STATUS',
  OWNER: 'OWNER',
  HOSTING_CREDITS: 'HOSTING_CREDITS',
  FINE_TUNING_CREDITS: 'FINE_TUNING_CREDITS',
  STORAGE_CREDITS: 'STORAGE_CREDITS',
  PROCESSING_CREDITS: 'PROCESSING_CREDITS',
  LAST_UPDATED_ON: 'LAST_UPDATED_ON',
  LANGUAGE: 'LANGUAGE',
  OCR_MODEL: 'OCR_MODEL',
} as const;
export type UsageOrderField = keyof typeof usageOrderFields;

export interface UsageOrderRequest {
  readonly field: UsageOrderField;
  readonly direction?: OrderDirection | null;
}

export interface UsageFilterRequest {
  readonly search?: string | null;
  readonly statuses?: readonly ResourceStatus[] | null;
  /** Null selects what has no owner. */
  readonly owners?: readonly (string | null)[] | null;
  readonly hardware?: readonly string[] | null;
  readonly categories?: readonly CreditCategory[] | null;
  readonly modelTypes?: readonly ModelType[] | null;
  readonly languages?: readonly string[] | null;
}
const filterFields = [
  'search',
  'statuses',
  'owners',
  'hardware',
  'categories',
  'modelTypes',
  'languages',
] as const satisfies readonly (keyof UsageFilterRequest)[];
type FilterField = (typeof filterFields)[number];

/** What rows are ordered and filtered by beside their figures; null where a row has no such thing. */
interface Traits {
  readonly name: string;
  readonly type: ModelType | null;
  readonly status: ResourceStatus | null;
  readonly owner: string | null;
  readonly language: string | null;
  readonly ocrModel: string | null;
  readonly lastUpdatedAtMs: number | null;
}

/** The traits of a resource's row. */
export function resourceTraits(resource: Resource): Traits {
  const { name, owner, language, ocrModel, changedAtMs } = resource;
  const status = shownStatus(resource);
  return { name, type: null, status, owner, language, ocrModel, lastUpdatedAtMs: changedAtMs };
}

/** The traits of a model's row. */
export function modelTraits({ name, type }: Model): Traits {
  const none = { status: null, owner: null, language: null, ocrModel: null };
  return { ...none, name, type, lastUpdatedAtMs: null };
}

/** One resource or model in one range. */
export interface TabRow<T> extends Traits {
  readonly id: number;
  readonly item: T;
  readonly lastActiveAtMs: number | null;
  readonly lastDeployedAtMs: number | null;
  readonly figures: Figures;
  readonly sums: readonly Sum[];
}

export interface Tab {
  readonly orderFields: readonly UsageOrderField[];
  readonly filters: readonly FilterField[];
  readonly defaultField: UsageOrderField;
}

const hosted = {
  orderFields: [
    'NAME',
    'CREDITS',
    'HOSTING_CREDITS',
    'PROCESSING_CREDITS',
    'TIME',
    'LAST_ACTIVE_ON',
    'LAST_DEPLOYED_ON',
    'STATUS',
    'OWNER',
  ],
  filters: ['search', 'statuses', 'owners', 'hardware'],
  defaultField: 'CREDITS',
} as const satisfies Tab;

export const tabs = {
  workflows: {
    orderFields: ['NAME', 'RUNS', 'LAST_ACTIVE_ON', 'STATUS', 'OWNER'],
    filters: ['search', 'statuses', 'owners'],
    defaultField: 'RUNS',
  },
  models: {
    orderFields: [
      'NAME',
      'TYPE',
      'CREDITS',
      'HOSTING_CREDITS',
      'FINE_TUNING_CREDITS',
      'STORAGE_CREDITS',
      'PROCESSING_CREDITS',
      'TIME',
      'LAST_DEPLOYED_ON',
    ],
    filters: ['search', 'modelTypes', 'hardware'],
    defaultField: 'CREDITS',
  },
  deployments: { ...hosted, orderFields: [...hosted.orderFields, 'LAST_UPDATED_ON'] },
  guardrails: hosted,
  customScripts: {
    ...hosted,
    orderFields: [...hosted.orderFields, 'LANGUAGE'],
    filters: [...hosted.filters, 'languages'],
  },
  ocrDeployments: { ...hosted, orderFields: [...hosted.orderFields, 'OCR_MODEL'] },
  browserPods: hosted,
} as const satisfies Readonly<Record<string, Tab>>;

/** The total order of a tab's rows: by the field, nulls last, ties by id. */
export interface RowOrder {
  readonly field: UsageOrderField;
  readonly direction: OrderDirection;
  /** Whether a cursor's place can belong to this order. */
  readonly isKey: (key: CursorKey) => boolean;
  readonly keyOf: (row: TabRow<unknown>) => CursorKey;
  readonly compare: (a: CursorKey, b: CursorKey) => number;
}

/** The order of a request, the same one for the same field and direction. @throws UserInputError for a field that the tab lacks */
export function rowOrder(tab: Tab, request: UsageOrderRequest | null): RowOrder {
  const field = request?.field ?? tab.defaultField;
  if (!tab.orderFields.includes(field)) {
    throw new UserInputError(
      `This tab cannot be ordered by ${field}; it can by ${tab.orderFields.join(', ')}.`,
      { path: ['orderBy', 'field'] },
    );
  }
  const direction = request?.direction ?? 'DESC';
  const order = rowOrders.find((one) => one.field === field && one.direction === direction);
  invariant(order !== undefined, 'each field has both orders', { field, direction });
  return order;
}

/** Rows in their order; the same list for the same rows. */
export function orderedRows<T>(rows: readonly TabRow<T>[], order: RowOrder): readonly TabRow<T>[] {
  // They are these rows.
  return sorted(rows, order) as readonly TabRow<T>[];
}

const sorted = memoized(
  (rows: readonly TabRow<unknown>[], order: RowOrder): readonly TabRow<unknown>[] =>
    rows
      .map((row) => ({ row, key: order.keyOf(row) }))
      .sort((a, b) => order.compare(a.key, b.key))
      .map(({ row }) => row),
);

type SortValue = string | number;

interface FieldOrder {
  readonly valueOf: (row: TabRow<unknown>) => SortValue | null;
  readonly isValue: (value: SortValue) => boolean;
  readonly compare: (a: SortValue, b: SortValue) => number;
}

const byText = {
  isValue: (value: SortValue): boolean => typeof value === 'string',
  compare: (a: SortValue, b: SortValue): number => (a < b ? -1 : Number(a > b)),
};
const byInstant = {
  isValue: (value: SortValue): boolean => typeof value === 'number',
  compare: (a: SortValue, b: SortValue): number => Number(a) - Number(b),
};
// Sums can exceed what a JavaScript number holds, so cursors contain their digits.
const bySum = {
  isValue: (value: SortValue): boolean =>
    typeof value === 'string' && /^(0|-?[1-9]\d{0,39})$/.test(value),
  compare: (a: SortValue, b: SortValue): number => compareDigits(String(a), String(b)),
};

/** Compares integers by their digits, without leading zeros: a thousand rows are compared ten thousand times. */
function compareDigits(a: string, b: string): number {
  if (a === b) return 0;
  const [isMinus, isOtherMinus] = [a.startsWith('-'), b.startsWith('-')];
  if (isMinus !== isOtherMinus) return isMinus ? -1 : 1;
  const bySize = a.length - b.length || (a < b ? -1 : 1);
  return isMinus ? -bySize : bySize;
}

function byCredits(component: CreditComponent): FieldOrder {
  return { ...bySum, valueOf: (row) => row.figures.components[component].toString() };
}

const fieldOrders: Readonly<Record<UsageOrderField, FieldOrder>> = {
  NAME: { ...byText, valueOf: (row) => foldText(row.name) },
  TYPE: { ...byText, valueOf: (row) => row.type },
  CREDITS: { ...bySum, valueOf: (row) => row.figures.creditsMicro.toString() },
  HOSTING_CREDITS: byCredits('HOSTING'),
  FINE_TUNING_CREDITS: byCredits('FINE_TUNING'),
  STORAGE_CREDITS: byCredits('STORAGE'),
  PROCESSING_CREDITS: byCredits('PROCESSING'),
  RUNS: { ...bySum, valueOf: (row) => row.figures.runs.toString() },
  TIME: { ...bySum, valueOf: (row) => row.figures.hostingMs.toString() },
  LAST_ACTIVE_ON: { ...byInstant, valueOf: (row) => row.lastActiveAtMs },
  LAST_DEPLOYED_ON: { ...byInstant, valueOf: (row) => row.lastDeployedAtMs },
  LAST_UPDATED_ON: { ...byInstant, valueOf: (row) => row.lastUpdatedAtMs },
  STATUS: { ...byText, valueOf: (row) => row.status },
  OWNER: { ...byText, valueOf: (row) => row.owner },
  LANGUAGE: { ...byText, valueOf: (row) => foldedOrNull(row.language) },
  OCR_MODEL: { ...byText, valueOf: (row) => foldedOrNull(row.ocrModel) },
};

const rowOrders: readonly RowOrder[] = Object.values(usageOrderFields).flatMap((field) => [
  orderBy(field, 'ASC'),
  orderBy(field, 'DESC'),
]);

function orderBy(field: UsageOrderField, direction: OrderDirection): RowOrder {
  const order = fieldOrders[field];
  return {
    field,
    direction,
    isKey: ({ value }) => value === null || order.isValue(value),
    keyOf: (row) => ({ value: order.valueOf(row), id: row.id }),
    compare: (a, b) => {
      if (a.value === null || b.value === null) {
        return Number(a.value === null) - Number(b.value === null) || a.id - b.id;
      }
      const ascending = order.compare(a.value, b.value);
      return (direction === 'DESC' ? -ascending : ascending) || a.id - b.id;
    },
  };
}

function foldedOrNull(text: string | null): string | null {
  return text === null ? null : foldText(text);
}

/** A key that is equal for filters that select the same rows. */
export function filterKey(filter: UsageFilterRequest): readonly unknown[] {
  const { statuses, owners, hardware, categories, modelTypes, languages } = filter;
  const folded = languages?.map(foldText);
  const lists = [statuses, owners, hardware, categories, modelTypes, folded].map((list) => {
    const condition: readonly (string | null)[] | null = conditionOf<string | null>(list);
    return condition === null ? null : [...condition].sort();
  });
  return [foldText(filter.search ?? ''), ...lists];
}

function isGiven(condition: UsageFilterRequest[FilterField]): boolean {
  return typeof condition === 'string' || conditionOf(condition) !== null;
}

/** @throws UserInputError for a condition that the tab lacks */
export function checkFilter(
  tab: Tab,
  filter: UsageFilterRequest,
  path: ErrorPath = ['filter'],
): void {
  for (const field of filterFields) {
    if (isGiven(filter[field]) && !tab.filters.includes(field)) {
      throw new UserInputError(
        `This tab cannot be filtered by ${field}; it can by ${tab.filters.join(', ')}.`,
        { path: [...path, field] },
      );
    }
  }
}

/**
 * The rows that meet all given conditions, in their order; all of them, the same list, where none is given.
 * @param hardwareIds of the profiles in `filter.hardware`; a row meets it when it was hosted on one of them in the range
 */
export function filterRows<T>(
  rows: readonly TabRow<T>[],
  filter: UsageFilterRequest,
  hardwareIds: ReadonlySet<number>,
): readonly TabRow<T>[] {
  if (filterFields.every((field) => !isGiven(filter[field]))) return rows;
  const search = foldText(filter.search ?? '');
  const hardware = conditionOf(filter.hardware);
  const languages = filter.languages?.map(foldText);
  return rows.filter(
    (row) =>
      foldText(row.name).includes(search) &&
      isAmong(filter.statuses, row.status) &&
      isAmong<string | null>(filter.owners, row.owner) &&
      isAmong(filter.modelTypes, row.type) &&
      isAmong(languages, foldedOrNull(row.language)) &&
      (hardware === null || ranOn(row.sums, hardwareIds)),
  );
}

/** Whether a value meets a condition; null, where it has none, meets only a condition that names it. */
function isAmong<T>(allowed: readonly T[] | null | undefined, value: T | null): boolean {
  const condition: readonly (T | null)[] | null = conditionOf(allowed);
  return condition === null || condition.includes(value);
}

// A tier and its cut edges, or an event and its void, may cancel out. What counts is the time that remains.
function ranOn(sums: readonly Sum[], hardwareIds: ReadonlySet<number>): boolean {
  const onHardware = sums.filter((sum) => hardwareIds.has(sum.hardwareId));
  return [...groupBy(onHardware, (sum) => sum.hardwareId).values()].some(
    (group) => figuresOf(group).hostingMs !== 0n,
  );
}
