import { useSyncExternalStore } from 'react';
import { type Address, formatAddress, parseAddress } from './address.ts';

const listeners = new Set<() => void>();
let read: { readonly href: string; readonly address: Address } | null = null;

function current(): Address {
  const { pathname, search } = window.location;
  const href = pathname + search;
  if (read?.href !== href) read = { href, address: parseAddress(pathname, search) };
  return read.address;
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

/** What the address says is shown; changes with it, also when the person goes back. */
export function useAddress(): Address {
  return useSyncExternalStore(listen, current);
}

/** What changes the address, but not which rows a list has. */
const BESIDE_LISTS: readonly string[] = [
  'open',
  'entry',
  'statement',
  'granularity',
] satisfies (keyof Address)[];

/** The address after a change. A list starts at its first page again unless the change names one. */
export function changed(address: Address, change: Partial<Address>): Address {
  const keepsPage = Object.keys(change).every((key) => BESIDE_LISTS.includes(key));
  return { ...address, ...(keepsPage ? {} : { page: null }), ...change };
}

/**
 * Goes to the changed address. `replace` leaves no step to go back to: for what changes letter by letter.
 */
export function navigate(
  change: Partial<Address>,
  { replace = false }: { readonly replace?: boolean } = {},
): void {
  const href = formatAddress(changed(current(), change));
  if (href === window.location.pathname + window.location.search) return;
  if (replace) window.history.replaceState(null, '', href);
  else window.history.pushState(null, '', href);
  for (const listener of listeners) listener();
}

/** The search and the filters of a list, when there are none. */
export const NO_FILTERS = { search: '', statuses: [], types: [], languages: [] } as const;

/** Another tab of the page keeps the range, the zone and the account; its own search and order begin anew. */
export function tabChange(tab: Address['tab']): Partial<Address> {
  return { tab, ...NO_FILTERS, sort: null, page: null, open: null, entry: null, statement: null };
}
