import type { ReactNode } from 'react';
import { useAccount } from '../account.ts';
import { TABS } from '../address/address.ts';
import { tabChange, useAddress } from '../address/use-address.ts';
import { BalanceChip } from '../live/balance-chip.tsx';
import { Toasts } from '../live/toasts.tsx';
import { AddressLink } from '../ui/address-link.tsx';
import { AllAccountsLink } from '../ui/all-accounts.tsx';
import { useWords } from '../words/words.ts';
import { Bell } from './bell.tsx';
import { ExportsButton } from './exports-button.tsx';
import { PageShell } from './page-shell.tsx';
import { RangeBar } from './range-bar.tsx';
import { useCurrentInView } from './use-current-in-view.ts';

export interface FrameProps {
  readonly children: ReactNode;
  /** Stands beside the view; null: nothing does. */
  readonly panel: ReactNode;
}

/** What stands around every view: the account, its balance and alerts, the tabs, the range. */
export function Frame({ children, panel }: FrameProps): ReactNode {
  const words = useWords().frame;
  const account = useAccount();
  return (
    <>
      <PageShell
        title={account?.name ?? words.title}
        back={<AllAccountsLink />}
        aside={<BalanceChip />}
        tools={
          <>
            <ExportsButton />
            <Bell />
          </>
        }
        panel={panel}
        bars={
          <>
            <Tabs />
            <RangeBar />
          </>
        }
      >
        {children}
      </PageShell>
      <Toasts />
    </>
  );
}

// Links, since each tab has an address of its own: they open in a new tab of the browser too.
function Tabs(): ReactNode {
  const words = useWords().frame;
  const { tab: shown } = useAddress();
  const bar = useCurrentInView(shown);
  return (
    <nav ref={bar} className="tabs" aria-label={words.tabs}>
      {TABS.map((tab) => (
        <AddressLink
          key={tab}
          change={tabChange(tab)}
          aria-current={tab === shown ? 'page' : undefined}
        >
          {words.tab[tab]}
        </AddressLink>
      ))}
    </nav>
  );
}
