import { type ReactNode, useEffect, useState } from 'react';
import type { AlertPartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import { alertState, alertText } from './alert-text.ts';
import { useLive } from './live.ts';

const SHOWN_MS = 12_000;

/**
 * The alerts that came just now. They go by themselves, but not while the pointer or the focus is on them, and stay in the
 * bell's list.
 */
export function Toasts(): ReactNode {
  const { toasts, dismiss } = useLive();
  const words = useWords().live;
  const [isPaused, setPaused] = useState(false);
  return (
    // A live region is told only if it was there before what it tells.
    <section
      className="toasts"
      aria-label={words.news}
      aria-live="polite"
      aria-relevant="additions"
      onPointerEnter={() => {
        setPaused(true);
      }}
      onPointerLeave={() => {
        setPaused(false);
      }}
      onFocus={() => {
        setPaused(true);
      }}
      onBlur={() => {
        setPaused(false);
      }}
    >
      {toasts.map((alert) => (
        <Toast key={alert.sequence} alert={alert} isPaused={isPaused} dismiss={dismiss} />
      ))}
    </section>
  );
}

interface ToastProps {
  readonly alert: AlertPartsFragment;
  readonly isPaused: boolean;
  readonly dismiss: (sequence: number) => void;
}

function Toast({ alert, isPaused, dismiss }: ToastProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { sequence } = alert;
  useEffect(() => {
    if (isPaused) return undefined;
    const timer = setTimeout(() => {
      dismiss(sequence);
    }, SHOWN_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isPaused, sequence, dismiss]);
  return (
    <div className="toast" data-kind={alert.kind} data-sequence={sequence}>
      <span className={`dot state-${alertState(alert.kind)}`} aria-hidden="true" />
      <div>
        <p>{alertText(words, figures, alert)}</p>
        <p className="muted">
          <time dateTime={alert.crossedAt}>{figures.instant(alert.crossedAt)}</time>
        </p>
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label={words.live.dismiss}
        onClick={() => {
          dismiss(sequence);
        }}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" strokeWidth="1.5" fill="none" />
        </svg>
      </button>
    </div>
  );
}
