import { lazy, type ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Caret } from '../ui/caret.tsx';
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
