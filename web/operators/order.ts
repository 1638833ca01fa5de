// The orders of the operator's list. Who stops first stands first unless the address says otherwise.

import type { Sort } from '../address/address.ts';
import type {
  AccountOrder,
  AccountOrderField,
  CreditState,
} from '@billing-gateway/client/operations';

export const DEFAULT_SORT: Sort = { field: 'stops_at', descending: false };

const FIELDS: Record<string, AccountOrderField> = {
  name: 'NAME',
  remaining: 'REMAINING',
  burn_rate: 'BURN_RATE',
  stops_at: 'STOPS_AT',
  created_at: 'CREATED_AT',
};

/** The order of the address as the API takes it. */
export function orderInput(sort: Sort | null): AccountOrder {
  const { field, descending } = sort ?? DEFAULT_SORT;
  const known = FIELDS[field];
  if (known === undefined) return { field: 'STOPS_AT', direction: 'ASC' };
  return { field: known, direction: descending ? 'DESC' : 'ASC' };
}

export const STATES = [
  'OK',
  'LOW',
  'EXHAUSTED',
  'STOPPED',
] as const satisfies readonly CreditState[];
