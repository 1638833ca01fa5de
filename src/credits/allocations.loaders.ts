import { loader, rowLoader } from '../graphql/loader.ts';
import {
  countAllocations,
  loadAllocationPages,
  loadAllocations,
} from '../settlement/credits.store.ts';

/** Pages of accounts' allocations, newest first. */
export const allocationPageLoader = loader(loadAllocationPages);

/** How many allocations of a unit, or (null) of any, accounts have. */
export const allocationCountLoader = loader(countAllocations);

/** Allocations by account and id; null where there is none. */
export const allocationLoader = rowLoader(
  loadAllocations,
  ({ accountId, allocationId }) => `${accountId}.${allocationId}`,
);
