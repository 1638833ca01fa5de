// One page of a tab: what every tab's answer has in common, so that one table shows them all.

import { type Address, chosen } from '../address/address.ts';
import type {
  PagePartsFragment,
  ResourceStatus,
  TotalsPartsFragment,
  UsageFilter,
  UsageOrder,
  UsageOrderField,
} from '../api/operations.ts';

/** A row of a tab. What a kind of resource does not have is null. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly status: ResourceStatus | null;
  readonly type: 'BASE' | 'FINE_TUNED' | null;
  /** Language and version, or the OCR model. */
  readonly detail: string | null;
  readonly lastActiveOn: string | null;
  readonly lastDeployedOn: string | null;
  readonly runs: number | null;
  readonly time: string | null;
  readonly hosting: string | null;
  readonly fineTuning: string | null;
  readonly storage: string | null;
  readonly processing: string | null;
  readonly credits: string | null;
  /** A model's deployments. */
  readonly deployments: readonly Row[];
}

export interface RowsPage {
  readonly rows: readonly Row[];
  readonly totalCount: number;
  readonly totals: TotalsPartsFragment;
  readonly pageInfo: PagePartsFragment;
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

export interface SelectedRows {
  readonly orderBy?: UsageOrder;
  readonly filter: UsageFilter;
}

/**
 * The order and the filter of the address, as a tab takes them. `fields` are those that it can be ordered by; another order is
 * the tab's own, and a tab without statuses is not filtered by them.
 */
export function selectedRows(
  { search, sort, statuses }: Address,
  fields: readonly UsageOrderField[],
): SelectedRows {
  const field = fields.find((one) => one.toLowerCase() === sort?.field);
  const ofStatus = fields.includes('STATUS') ? chosen(STATUSES, statuses) : [];
  return {
    ...(field === undefined
      ? {}
      : { orderBy: { field, direction: sort?.descending === true ? 'DESC' : 'ASC' } }),
    filter: {
      ...(search === '' ? {} : { search }),
      ...(ofStatus.length === 0 ? {} : { statuses: ofStatus }),
    },
  };
}
