// One page of a tab: what every tab's answer has in common, so that one table shows them all.

import type { Address, PagePlace } from '../address/address.ts';
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

export interface PageVariables {
  readonly first?: number;
  readonly after?: string;
  readonly last?: number;
  readonly before?: string;
  readonly orderBy?: UsageOrder;
  readonly filter: UsageFilter;
}

const STATUSES = {
  deployed: 'DEPLOYED',
  deploying: 'DEPLOYING',
  undeployed: 'UNDEPLOYED',
  failed: 'FAILED',
  in_development: 'IN_DEVELOPMENT',
  deleted: 'DELETED',
} as const satisfies Record<string, ResourceStatus>;
export type StatusChoice = keyof typeof STATUSES;

/** The statuses that a tab can be filtered by, as the address has them. */
export const STATUS_CHOICES: readonly StatusChoice[] = [
  'deployed',
  'deploying',
  'undeployed',
  'failed',
  'in_development',
  'deleted',
];

function isStatusChoice(text: string): text is StatusChoice {
  return text in STATUSES;
}

/** The statuses of the address that there are. */
export function statusesOf(address: Pick<Address, 'statuses'>): readonly StatusChoice[] {
  return address.statuses.filter(isStatusChoice);
}

/** What a tab asks of the server. `fields` are those that the tab can be ordered by; another order is the tab's own. */
export function pageVariables(address: Address, fields: readonly UsageOrderField[]): PageVariables {
  const { page, pageSize, sort } = address;
  const field = fields.find((one) => one.toLowerCase() === sort?.field);
  const statuses = statusesOf(address).map((choice) => STATUSES[choice]);
  return {
    ...placeVariables(page, pageSize),
    ...(field === undefined
      ? {}
      : { orderBy: { field, direction: sort?.descending === true ? 'DESC' : 'ASC' } }),
    filter: {
      ...(address.search === '' ? {} : { search: address.search }),
      ...(statuses.length === 0 ? {} : { statuses }),
    },
  };
}

function placeVariables(
  page: PagePlace | null,
  pageSize: number,
): Pick<PageVariables, 'first' | 'after' | 'last' | 'before'> {
  if (page === null) return { first: pageSize };
  if (page.direction === 'after') return { first: pageSize, after: page.cursor };
  return { last: Math.min(pageSize, page.rowsBefore + pageSize), before: page.cursor };
}

/** The places of the pages around this one; null where there is none. */
export function neighbours(
  page: RowsPage,
  { place, pageSize }: { readonly place: PagePlace | null; readonly pageSize: number },
): { readonly previous: PagePlace | null; readonly next: PagePlace | null } {
  const { pageInfo } = page;
  const rowsBefore = place?.rowsBefore ?? 0;
  return {
    previous:
      pageInfo.hasPreviousPage && pageInfo.startCursor !== null && rowsBefore > 0
        ? {
            rowsBefore: Math.max(0, rowsBefore - pageSize),
            direction: 'before',
            cursor: pageInfo.startCursor,
          }
        : null,
    next:
      pageInfo.hasNextPage && pageInfo.endCursor !== null
        ? {
            rowsBefore: rowsBefore + page.rows.length,
            direction: 'after',
            cursor: pageInfo.endCursor,
          }
        : null,
  };
}

/** Which rows of all the page has, counted from 1: 26 to 50. */
export function shownRows(
  page: RowsPage,
  place: PagePlace | null,
): { readonly from: number; readonly to: number } {
  const before = place?.rowsBefore ?? 0;
  return { from: page.rows.length === 0 ? 0 : before + 1, to: before + page.rows.length };
}
