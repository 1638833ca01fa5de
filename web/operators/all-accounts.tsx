import type { ReactNode } from 'react';
import { formatAddress, START } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { useWords } from '../words/words.ts';

/** The way back to an operator's list; nothing where the address names no account. */
export function AllAccountsLink(): ReactNode {
  const words = useWords().frame;
  const { accountId } = useAddress();
  if (accountId === null) return null;
  return (
    <a
      className="all-accounts"
      href={formatAddress(START)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        navigate(START);
      }}
    >
      <span aria-hidden="true">← </span>
      {words.allAccounts}
    </a>
  );
}
