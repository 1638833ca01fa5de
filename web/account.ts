// The account that the page shows, for whatever is shown of it.

import { createContext, useContext, useEffect } from 'react';
import type { FramePartsFragment, RangePartsFragment } from '@billing-gateway/client/operations';

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
