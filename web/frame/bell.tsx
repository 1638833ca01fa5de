import { lazy, type ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { useLive } from '../live/live.ts';
import { useWords } from '../words/words.ts';
import { PopupButton } from './popup-button.tsx';

const BellList = lazy(() => import('./bell-list.tsx').then((m) => ({ default: m.BellList })));

/** The bell: how many alerts are unread, and the list of them. They are read once the list was closed. */
export function Bell(): ReactNode {
  const { unread, markRead } = useLive();
  const words = useWords().live;
  const figures = useFigures();
  return (
    <PopupButton
      className="icon-button bell"
      aria-label={unread === 0 ? words.alerts : words.unread(figures.count(unread))}
      popup={BellList}
      onClosed={markRead}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path d="M10 3a4.5 4.5 0 0 0-4.5 4.5c0 4-1.5 5-1.5 5.5h12c0-.5-1.5-1.5-1.5-5.5A4.5 4.5 0 0 0 10 3zM8.3 15.5a1.8 1.8 0 0 0 3.4 0" />
      </svg>
      {unread > 0 && <span className="badge">{unread > 99 ? '99+' : figures.count(unread)}</span>}
    </PopupButton>
  );
}
