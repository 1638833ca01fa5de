import { lazy, type ReactNode, useEffect } from 'react';
import { useAccount } from '../account.ts';
import { forgetEnded, useCurrentExport } from '../exports/current.ts';
import { useWords } from '../words/words.ts';
import { PopupButton } from './popup-button.tsx';

const ExportsMenu = lazy(() =>
  import('../exports/exports-menu.tsx').then((m) => ({ default: m.ExportsMenu })),
);

/** Opens the exports. While the menu is closed, it shows that a download runs, and how it ended. */
export function ExportsButton(): ReactNode {
  const words = useWords().exports;
  const account = useAccount();
  const current = useCurrentExport();
  // How it ended is nothing for whoever opens another session.
  useEffect(() => forgetEnded, []);
  const state = current?.state;
  const said = state === undefined ? words.open : words.state[state];
  return (
    <>
      <PopupButton
        className="icon-button exports"
        aria-label={said}
        title={said}
        data-state={state}
        disabled={account === null}
        popup={ExportsMenu}
        onClosed={forgetEnded}
      >
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <path d="M10 3v9M6.5 8.8L10 12.3l3.5-3.5M4 13.5V17h12v-3.5" />
        </svg>
      </PopupButton>
      <span className="visually-hidden" role="status">
        {state !== undefined && state !== 'running' && said}
      </span>
    </>
  );
}
