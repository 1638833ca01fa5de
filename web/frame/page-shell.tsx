import type { ReactNode } from 'react';
import { isEmbedded } from '../session/embedding.ts';
import { signOut } from '../session/session.ts';
import { OfflineNotice } from '../ui/online.tsx';
import { useWords } from '../words/words.ts';
import { ThemeChooser } from './theme-chooser.tsx';

export interface PageShellProps {
  readonly title: string;
  /** Stands before the title: the way back. */
  readonly back?: ReactNode;
  /** Stands beside the title. */
  readonly aside?: ReactNode;
  /** What the page has beside the tools of every page. */
  readonly tools?: ReactNode;
  /** Stands between the head and the content: the tabs, the range. */
  readonly bars?: ReactNode;
  /** Stands beside the content; null: nothing does. */
  readonly panel?: ReactNode;
  readonly isBusy?: boolean;
  readonly children: ReactNode;
}

/** What every page has around its content: the way past the head, the title, the theme, signing out, and what is amiss. */
export function PageShell({
  title,
  back,
  aside,
  tools,
  bars,
  panel = null,
  isBusy = false,
  children,
}: PageShellProps): ReactNode {
  const words = useWords().frame;
  return (
    <div className={panel === null ? 'page' : 'page with-panel'}>
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <header className="page-head">
        {back}
        <h1 title={title}>{title}</h1>
        {aside}
        <div className="page-tools">
          {tools}
          <ThemeChooser />
          {!isEmbedded() && <SignOut />}
        </div>
      </header>
      <OfflineNotice />
      {bars}
      <div className="page-body">
        <main id="content" tabIndex={-1} aria-busy={isBusy}>
          {children}
        </main>
        {panel}
      </div>
    </div>
  );
}

function SignOut(): ReactNode {
  const words = useWords().frame;
  return (
    <button type="button" className="plain-button" title={words.signOut} onClick={signOut}>
      <svg className="when-narrow" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path d="M8 3.5H4.5v13H8M8.5 10h8M13.5 6.5L17 10l-3.5 3.5" />
      </svg>
      <span className="when-wide">{words.signOut}</span>
    </button>
  );
}
