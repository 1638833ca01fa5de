// The account that the page shows, for whatever is shown of it.

import { createContext, useContext, useEffect } from 'react';
import type { Address, RangeChoice } from './address/address.ts';
import type {
  DateRangeInput,
  DateRangePreset,
  FramePartsFragment,
  Granularity,
  RangePartsFragment,
} from './api/operations.ts';

/** Who it is, its zone, and for a test account its own now (null: the server's). */
export interface ShownAccount extends FramePartsFragment {
  /** The range of the view, as the gateway resolved it; a view without one has none. */
  readonly usage?: { readonly range?: RangePartsFragment };
}

export const AccountContext = createContext<ShownAccount | null>(null);

/** The account that is shown; null until a view's first answer says which it is. */
export function useAccount(): ShownAccount | null {
  return useContext(AccountContext);
}

const PRESETS: Record<string, DateRangePreset> = {
  '24h': 'LAST_24_HOURS',
  '7d': 'LAST_7_DAYS',
  '30d': 'LAST_30_DAYS',
  '90d': 'LAST_90_DAYS',
  cycle: 'CURRENT_CYCLE',
  'last-cycle': 'PREVIOUS_CYCLE',
};

/** The range of the address as the API takes it. */
export function rangeInput(range: RangeChoice, timeZone: string | null): DateRangeInput {
  const zone = timeZone === null ? {} : { timeZone };
  switch (range.kind) {
    case 'preset':
      return { preset: PRESETS[range.preset] ?? 'LAST_30_DAYS', ...zone };
    case 'days':
      return { fromDay: range.from, toDay: range.to, ...zone };
    case 'instants':
      return { from: range.from, to: range.to, ...zone };
  }
}

const GRANULARITIES = { hour: 'HOUR', day: 'DAY', week: 'WEEK', month: 'MONTH' } as const;

/** The granularity of the address as the API takes it. */
export function granularityInput(choice: Address['granularity']): Granularity {
  return choice === null ? 'AUTO' : GRANULARITIES[choice];
}

const ShowAccountContext = createContext<(account: ShownAccount) => void>(() => undefined);
export const ShowAccountProvider = ShowAccountContext.Provider;

/**
 * Tells the frame whose page it is, and which range is shown. Every view's operation selects `...FrameParts`, so that a view and its frame are asked by
 * one request.
 */
export function useFrameAccount(account: ShownAccount | null | undefined): void {
  const show = useContext(ShowAccountContext);
  useEffect(() => {
    if (account != null) show(account);
  }, [account, show]);
}
