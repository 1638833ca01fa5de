import { lazy, type ReactNode, Suspense, useRef, useState } from 'react';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';

const ZoneList = lazy(() => import('./zone-list.tsx').then((m) => ({ default: m.ZoneList })));

/** The zone of the range's days and of every date on the page. */
export function ZonePicker(): ReactNode {
  const words = useWords().range;
  const { timeZone } = useFigures();
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        className="plain-button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-label={`${words.zone}: ${timeZone}`}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        {timeZone}
        <Caret />
      </button>
      {isOpen && (
        <Suspense>
          <ZoneList
            trigger={button}
            onClose={() => {
              setOpen(false);
            }}
          />
        </Suspense>
      )}
    </>
  );
}

function Caret(): ReactNode {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d="M3 4.5l3 3 3-3" fill="none" stroke="currentColor" strokeWidth="1.5" />
    </svg>
  );
}
