import type { ReactNode } from 'react';
import { START } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { isOfOneAccount, useSession } from '../session/session.ts';
import { useWords } from '../words/words.ts';
import { AddressLink } from './address-link.tsx';

/**
 * The way back to an operator's list; nothing where the address names no account. A token of one account has no list: only where the
 * named account did not open (`isWayOut`) does it lead to its own.
 */
export function AllAccountsLink({ isWayOut = false }: { readonly isWayOut?: boolean }): ReactNode {
  const words = useWords().frame;
  const { accountId } = useAddress();
  const isOfOne = isOfOneAccount(useSession());
  if (accountId === null || (isOfOne && !isWayOut)) return null;
  const text = isOfOne ? words.ownAccount : words.allAccounts;
  return (
    <AddressLink className="all-accounts" change={START} title={text}>
      <span aria-hidden="true">←</span>
      <span className="when-wide">{text}</span>
    </AddressLink>
  );
}
