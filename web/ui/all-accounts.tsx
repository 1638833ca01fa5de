import type { ReactNode } from 'react';
import { START } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { useWords } from '../words/words.ts';
import { AddressLink } from './address-link.tsx';

/** The way back to an operator's list; nothing where the address names no account. */
export function AllAccountsLink(): ReactNode {
  const words = useWords().frame;
  const { accountId } = useAddress();
  if (accountId === null) return null;
  return (
    <AddressLink className="all-accounts" change={START} title={words.allAccounts}>
      <span aria-hidden="true">←</span>
      <span className="when-wide">{words.allAccounts}</span>
    </AddressLink>
  );
}
