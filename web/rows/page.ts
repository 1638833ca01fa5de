// One page of a tab: what every tab's answer has in common, so that one table shows them all.

import { parseMicro } from '../../src/core/micro.ts';
import { type Address, chosen } from '../address/address.ts';
import type {
  PagePartsFragment,
  ModelType,
  ResourceStatus,
  TotalsPartsFragment,
  UsageFilter,
  UsageOrder,
  UsageOrderField,
} from '@billing-gateway/client/operations';
import { secondsOf } from '../figures/figures.ts';

/** A row of a tab. What a kind of resource does not have is null. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly status: ResourceStatus | null;
  readonly type: 'BASE' | 'FINE_TUNED' | null;
  /** The language, or the OCR model. */
  readonly detail: string | null;
  /** The names of what it was hosted on in the range, the dearest first; else of what it is hosted on now. */
  readonly hardware: readonly string[];
  readonly lastActiveOn: string | null;
  readonly lastDeployedOn: string | null;
  readonly runs: number | null;
  readonly time: string | null;
  readonly hosting: string | null;
  readonly fineTuning: string | null;
  readonly storage: string | null;
  readonly processing: string | null;
  readonly credits: string | null;
  /** A model's first deployments. */
  readonly deployments: readonly Row[];
  /** How many deployments the model has. */
  readonly deploymentCount: number;
}

/** What a kind of resource does not have. */
export const NOTHING = {
  owner: null,
  status: null,
  type: null,
  detail: null,
  hardware: [],
  lastActiveOn: null,
  lastDeployedOn: null,
  runs: null,
  time: null,
  hosting: null,
  fineTuning: null,
  storage: null,
  processing: null,
  credits: null,
  deployments: [],
  deploymentCount: 0,
} as const satisfies Omit<Row, 'id' | 'name'>;

export interface RowsPage {
  readonly rows: readonly Row[];
  readonly totalCount: number;
  readonly totals: TotalsPartsFragment;
  readonly pageInfo: PagePartsFragment;
  /** The languages that scripts can be filtered by. */
  readonly languages?: readonly string[];
}

/** The languages to choose from: each once, whatever its letter case, and those that the address chooses already. */
export function languageOptions(
  languages: readonly string[],
  chosenOnes: readonly string[],
): readonly { readonly value: string; readonly text: string }[] {
  const texts = new Map<string, string>();
  for (const text of [...languages, ...chosenOnes]) {
    const value = text.toLowerCase();
    if (!texts.has(value)) texts.set(value, text);
  }
  return [...texts]
    .map(([value, text]) => ({ value, text }))
    .sort((a, b) => (a.value < b.value ? -1 : 1));
}

/** Whether nothing of all rows that match was used in the range. */
export function isUnused({ credits, runs, hostingTime }: TotalsPartsFragment): boolean {
  return parseMicro(credits) === 0n && runs === 0 && secondsOf(hostingTime) === 0;
}

/** The statuses that a tab can be filtered by. */
export const STATUSES = [
  'DEPLOYED',
  'DEPLOYING',
  'UNDEPLOYED',
  'FAILED',
  'IN_DEVELOPMENT',
  'DELETED',
] as const satisfies readonly ResourceStatus[];

/** The types that models can be filtered by. */
export const TYPES = ['BASE', 'FINE_TUNED'] as const satisfies readonly ModelType[];

export interface SelectedRows {
  readonly orderBy?: UsageOrder;
  readonly filter: UsageFilter;
}

/**
 * The order and the filter of the address, as a tab takes them. `fields` are those that it can be ordered by; another order is
 * the tab's own, and a tab is not filtered by what its rows do not have.
 */
export function selectedRows(address: Address, fields: readonly UsageOrderField[]): SelectedRows {
  return { ...selectedOrder(address, fields), filter: selectedFilter(address, fields) };
}

function selectedOrder(
  { sort }: Address,
  fields: readonly UsageOrderField[],
): Pick<SelectedRows, 'orderBy'> {
  const field = fields.find((one) => one.toLowerCase() === sort?.field);
  if (field === undefined) return {};
  return { orderBy: { field, direction: sort?.descending === true ? 'DESC' : 'ASC' } };
}

// What the tab's order means to the deployments of a model, which have no type and no components of the model.
const DEPLOYMENT_FIELDS = [
  'NAME',
  'LAST_DEPLOYED_ON',
  'TIME',
  'HOSTING_CREDITS',
  'PROCESSING_CREDITS',
  'CREDITS',
] as const satisfies readonly UsageOrderField[];
const FIRST_DEPLOYMENTS = 10;

/** The first deployments of each model, in the order of the tab where they have it. */
export function selectedDeployments(address: Address): {
  readonly firstDeployments: number;
  readonly deploymentsOrderBy?: UsageOrder;
} {
  const { orderBy } = selectedOrder(address, DEPLOYMENT_FIELDS);
  return {
    firstDeployments: FIRST_DEPLOYMENTS,
    ...(orderBy === undefined ? {} : { deploymentsOrderBy: orderBy }),
  };
}

function selectedFilter(
  { search, statuses, types, languages }: Address,
  fields: readonly UsageOrderField[],
): UsageFilter {
  const given = <T>(field: UsageOrderField, values: readonly T[]): readonly T[] | undefined =>
    fields.includes(field) && values.length > 0 ? values : undefined;
  return {
    search: search === '' ? undefined : search,
    statuses: given('STATUS', chosen(STATUSES, statuses)),
    modelTypes: given('TYPE', chosen(TYPES, types)),
    languages: given('LANGUAGE', languages),
  };
}
