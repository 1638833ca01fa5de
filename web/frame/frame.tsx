import { type ReactNode, useId, useSyncExternalStore } from 'react';
import { useAccount } from '../account.ts';
import { TABS } from '../address/address.ts';
import { tabChange, useAddress } from '../address/use-address.ts';
import { BalanceChip } from '../live/balance-chip.tsx';
import { Toasts } from '../live/toasts.tsx';
import { chooseTheme, THEMES, useTheme } from '../preferences.ts';
import { isEmbedded } from '../session/embedding.ts';
import { signOut } from '../session/session.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { useWords } from '../words/words.ts';
import { Bell } from './bell.tsx';
import { RangeBar } from './range-bar.tsx';

export interface FrameProps {
  readonly children: ReactNode;
  /** Stands beside the view; null: nothing does. */
  readonly panel: ReactNode;
}

/** What stands around every view: the account, its balance and alerts, the tabs, the range. */
export function Frame({ children, panel }: FrameProps): ReactNode {
  const words = useWords();
  const account = useAccount();
  return (
    <div className={panel === null ? 'page' : 'page with-panel'}>
      <a className="skip" href="#content">
        {words.frame.skip}
      </a>
      <header className="page-head">
        <h1>{account?.name ?? words.frame.title}</h1>
        <BalanceChip />
        <div className="page-tools">
          <Bell />
          <ThemeChooser />
          {!isEmbedded() && (
            <button type="button" className="plain-button" onClick={signOut}>
              {words.frame.signOut}
            </button>
          )}
        </div>
      </header>
      <OfflineNotice />
      <Tabs />
      <RangeBar />
      <div className="page-body">
        <main id="content" tabIndex={-1}>
          {children}
        </main>
        {panel}
      </div>
      <Toasts />
    </div>
  );
}

// Links, since each tab has an address of its own: they open in a new tab of the browser too.
function Tabs(): ReactNode {
  const words = useWords().frame;
  const { tab: shown } = useAddress();
  return (
    <nav className="tabs" aria-label={words.tabs}>
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

function ThemeChooser(): ReactNode {
  const words = useWords().frame;
  const theme = useTheme();
  const id = useId();
  return (
    <>
      <label htmlFor={id} className="visually-hidden">
        {words.theme}
      </label>
      <select
        id={id}
        className="theme"
        value={theme}
        onChange={({ target }) => {
          const chosen = THEMES.find((one) => one === target.value);
          if (chosen !== undefined) chooseTheme(chosen);
        }}
      >
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {words.themes[one]}
          </option>
        ))}
      </select>
    </>
  );
}

function OfflineNotice(): ReactNode {
  const words = useWords().state;
  const isOnline = useSyncExternalStore(onNetwork, () => navigator.onLine);
  return <div role="status">{!isOnline && <p className="offline">{words.offline}</p>}</div>;
}

function onNetwork(listener: () => void): () => void {
  window.addEventListener('online', listener);
  window.addEventListener('offline', listener);
  return () => {
    window.removeEventListener('online', listener);
    window.removeEventListener('offline', listener);
  };
}
