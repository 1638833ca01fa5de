import type { ReactNode } from 'react';
import { useAccount } from '../account.ts';
import { TABS } from '../address/address.ts';
import { navigate, tabChange, useAddress } from '../address/use-address.ts';
import { formatAddress } from '../address/address.ts';
import { changed } from '../address/use-address.ts';
import { useWords } from '../words/words.ts';

/** What stands around every view: the account, the tabs, the range. */
export function Frame({ children }: { readonly children: ReactNode }): ReactNode {
  const words = useWords().frame;
  const account = useAccount();
  return (
    <div className="page">
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <header className="page-head">
        <h1>{account?.name ?? words.title}</h1>
      </header>
      <Tabs />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

// Links, since each tab has an address of its own: they open in a new tab of the browser too.
function Tabs(): ReactNode {
  const words = useWords().frame;
  const address = useAddress();
  return (
    <nav className="tabs" aria-label={words.tabs}>
      {TABS.map((tab) => (
        <a
          key={tab}
          href={formatAddress(changed(address, tabChange(tab)))}
          aria-current={tab === address.tab ? 'page' : undefined}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
            event.preventDefault();
            navigate(tabChange(tab));
          }}
        >
          {words.tab[tab]}
        </a>
      ))}
    </nav>
  );
}
