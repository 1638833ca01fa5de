// The rows of a tab: what it lists, and by what it can be ordered and filtered. Pure.

import { conditionOf } from '../core/check.ts';
import { UserInputError, type ErrorPath } from '../core/errors.ts';
import type { CursorKey, OrderDirection } from '../core/cursor.ts';
import { groupBy } from '../core/group.ts';
import { foldText } from '../core/text.ts';
import type { ResourceStatus } from '../resources/resource.ts';
import { figuresOf, type CreditCategory, type Figures, type Sum } from './sums.ts';

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
}
type FilterField = keyof UsageFilterRequest;

/** One resource or model in one range. */
export interface TabRow<T> {
  readonly id: number;
  readonly item: T;
  readonly name: string;
  readonly type: string | null;
  readonly status: ResourceStatus | null;
  readonly owner: string | null;
  readonly lastActiveAtMs: number | null;
  readonly lastDeployedAtMs: number | null;
  readonly figures: Figures;
  readonly sums: readonly Sum[];
}

interface Tab {
  readonly orderFields: readonly UsageOrderField[];
  readonly filters: readonly FilterField[];
  readonly defaultField: UsageOrderField;
}

export const tabs = {
  workflows: {
    orderFields: ['NAME', 'RUNS', 'LAST_ACTIVE_ON', 'STATUS', 'OWNER'],
    filters: ['search', 'statuses', 'owners'],
    defaultField: 'RUNS',
  },
  models: {
    orderFields: ['NAME', 'TYPE', 'CREDITS', 'TIME', 'LAST_DEPLOYED_ON'],
    filters: ['search', 'hardware'],
    defaultField: 'CREDITS',
  },
  hosted: {
    orderFields: [
      'NAME',
      'CREDITS',
      'TIME',
      'LAST_ACTIVE_ON',
      'LAST_DEPLOYED_ON',
      'STATUS',
      'OWNER',
    ],
    filters: ['search', 'statuses', 'owners', 'hardware'],
    defaultField: 'CREDITS',
  },
} as const satisfies Readonly<Record<string, Tab>>;

/** The total order of a tab's rows: by the field, nulls last, ties by id. */
export interface RowOrder<T> {
  readonly field: UsageOrderField;
  readonly direction: OrderDirection;
  /** Whether a cursor's place can belong to this order. */
  readonly isKey: (key: CursorKey) => boolean;
  readonly keyOf: (row: TabRow<T>) => CursorKey;
  readonly compare: (a: CursorKey, b: CursorKey) => number;
}

/** The order of a request. @throws UserInputError for a field that the tab lacks */
export function rowOrder<T>(tab: Tab, request: UsageOrderRequest | null): RowOrder<T> {
  const field = request?.field ?? tab.defaultField;
  if (!tab.orderFields.includes(field)) {
    throw new UserInputError(
      `This tab cannot be ordered by ${field}; it can by ${tab.orderFields.join(', ')}.`,
      { path: ['orderBy', 'field'] },
    );
  }
  const direction = request?.direction ?? 'DESC';
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
  isValue: (value: SortValue): boolean => typeof value === 'string' && /^-?\d{1,40}$/.test(value),
  compare: (a: SortValue, b: SortValue): number => {
    const difference = BigInt(a) - BigInt(b);
    return difference < 0n ? -1 : Number(difference > 0n);
  },
};

const fieldOrders: Readonly<Record<UsageOrderField, FieldOrder>> = {
  NAME: { ...byText, valueOf: (row) => foldText(row.name) },
  TYPE: { ...byText, valueOf: (row) => row.type },
  CREDITS: { ...bySum, valueOf: (row) => row.figures.creditsMicro.toString() },
  RUNS: { ...bySum, valueOf: (row) => row.figures.runs.toString() },
  TIME: { ...bySum, valueOf: (row) => row.figures.hostingMs.toString() },
  LAST_ACTIVE_ON: { ...byInstant, valueOf: (row) => row.lastActiveAtMs },
  LAST_DEPLOYED_ON: { ...byInstant, valueOf: (row) => row.lastDeployedAtMs },
  STATUS: { ...byText, valueOf: (row) => row.status },
  OWNER: { ...byText, valueOf: (row) => row.owner },
};

/** A key that is equal for filters that select the same rows. */
export function filterKey(filter: UsageFilterRequest): readonly unknown[] {
  const { statuses, owners, hardware, categories } = filter;
  const lists = [statuses, owners, hardware, categories].map((list) => {
    const condition: readonly (string | null)[] | null = conditionOf<string | null>(list);
    return condition === null ? null : [...condition].sort();
  });
  return [foldText(filter.search ?? ''), ...lists];
}

/** @throws UserInputError for a condition that the tab lacks */
export function checkFilter(
  tab: Tab,
  filter: UsageFilterRequest,
  path: ErrorPath = ['filter'],
): void {
  const fields = ['search', 'statuses', 'owners', 'hardware', 'categories'] as const;
  for (const field of fields) {
    const value = filter[field];
    const isGiven = typeof value === 'string' || conditionOf(value) !== null;
    if (isGiven && !tab.filters.includes(field)) {
      throw new UserInputError(
        `This tab cannot be filtered by ${field}; it can by ${tab.filters.join(', ')}.`,
        { path: [...path, field] },
      );
    }
  }
}

/**
 * The rows that meet all given conditions.
 * @param hardwareIds of the profiles in `filter.hardware`; a row meets it when it was hosted on one of them in the range
 */
export function filterRows<T>(
  rows: readonly TabRow<T>[],
  filter: UsageFilterRequest,
  hardwareIds: ReadonlySet<number>,
): readonly TabRow<T>[] {
  const search = foldText(filter.search ?? '');
  const statuses = conditionOf(filter.statuses);
  const owners = conditionOf(filter.owners);
  const hardware = conditionOf(filter.hardware);
  return rows.filter(
    (row) =>
      foldText(row.name).includes(search) &&
      (statuses === null || (row.status !== null && statuses.includes(row.status))) &&
      (owners === null || owners.includes(row.owner)) &&
      (hardware === null || ranOn(row.sums, hardwareIds)),
  );
}

// A tier and its cut edges, or an event and its void, may cancel out. What counts is the time that remains.
function ranOn(sums: readonly Sum[], hardwareIds: ReadonlySet<number>): boolean {
  const onHardware = sums.filter((sum) => hardwareIds.has(sum.hardwareId));
  return [...groupBy(onHardware, (sum) => sum.hardwareId).values()].some(
    (group) => figuresOf(group).hostingMs !== 0n,
  );
}
