import { lazy, type ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import { PopupButton } from './popup-button.tsx';

const ZoneList = lazy(() => import('./zone-list.tsx').then((m) => ({ default: m.ZoneList })));

/** The zone of the range's days and of every date on the page. */
export function ZonePicker(): ReactNode {
  const words = useWords().range;
  const { timeZone } = useFigures();
  return (
    <PopupButton
      className="plain-button"
      aria-label={`${words.zone}: ${timeZone}`}
      popup={ZoneList}
    >
      {timeZone}
      <Caret />
    </PopupButton>
  );
}

function Caret(): ReactNode {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d="M3 4.5l3 3 3-3" fill="none" stroke="currentColor" strokeWidth="1.5" />
    </svg>
  );
}
