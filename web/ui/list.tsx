// What lists have in common: their search, the choice of statuses, headers that order.

import { type ReactNode, useEffect, useState } from 'react';
import type { Sort } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { Chooser } from './chooser.tsx';

/** So long after the last key the server is asked. */
export const SEARCH_AFTER_MS = 250;

/** The search of the address. The server is asked a moment after the last key. */
export function SearchField({ label }: { readonly label: string }): ReactNode {
  const { search } = useAddress();
  const [typed, setTyped] = useState(search);
  const [shown, setShown] = useState(search);
  // Going back changes the address under the field.
  if (shown !== search) {
    setShown(search);
    setTyped(search);
  }
  useEffect(() => {
    if (typed === search) return undefined;
    const timer = setTimeout(() => {
      navigate({ search: typed }, { replace: true });
    }, SEARCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, search]);
  return (
    <label className="list-filter grow">
      <span>{label}</span>
      <input
        type="search"
        className="field"
        value={typed}
        maxLength={200}
        onChange={({ target }) => {
          setTyped(target.value);
        }}
      />
    </label>
  );
}

export interface StatusChooserProps<T extends string> {
  readonly label: string;
  readonly values: readonly T[];
  readonly words: Readonly<Record<T, string>>;
  /** No choice. */
  readonly any: string;
}

/** The statuses of the address: of resources, of accounts, or the kinds of entries. */
export function StatusChooser<T extends string>({
  label,
  values,
  words,
  any,
}: StatusChooserProps<T>): ReactNode {
  const { statuses } = useAddress();
  return (
    <Chooser
      label={label}
      options={values.map((value) => ({ value: value.toLowerCase(), text: words[value] }))}
      chosen={statuses}
      any={any}
      onChange={(chosen) => {
        navigate({ statuses: chosen });
      }}
    />
  );
}

export interface SortHeaderProps {
  readonly field: string;
  /** The list's order when the address names none. */
  readonly own: Sort;
  readonly isNumeric?: boolean;
  /** Whether the first press shows the most first. */
  readonly isDescendingFirst?: boolean;
  readonly children: string;
}

/** The header of a column that the server orders by; a second press turns the order round. */
export function SortHeader({
  field,
  own,
  isNumeric = false,
  isDescendingFirst = false,
  children,
}: SortHeaderProps): ReactNode {
  const now = useAddress().sort ?? own;
  const isSorted = now.field === field;
  const descending = isSorted ? !now.descending : isDescendingFirst;
  return (
    <th
      scope="col"
      className={isNumeric ? 'numeric' : undefined}
      aria-sort={isSorted ? (now.descending ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        className="list-sort"
        onClick={() => {
          navigate({ sort: { field, descending } });
        }}
      >
        {children}
        <span aria-hidden="true">{isSorted ? (now.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}
