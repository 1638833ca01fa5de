import { type ReactNode, useEffect, useRef } from 'react';
import type { AlertWithCausePartsFragment } from '@billing-gateway/client/operations';
import { useWords } from '../words/words.ts';
import { AlertLine } from './alert-line.tsx';
import { useLive } from './live.ts';

const SHOWN_MS = 12_000;

/**
 * The alerts that came just now. They go by themselves, but not while the pointer or the focus is on one of them or nobody looks
 * at the page, and stay in the bell's list.
 */
export function Toasts(): ReactNode {
  const { toasts, dismiss } = useLive();
  const words = useWords().live;
  return (
    // A live region is told only if it was there before what it tells.
    <section
      className="toasts"
      aria-label={words.news}
      aria-live="polite"
      aria-relevant="additions"
    >
      {toasts.map((alert) => (
        <Toast key={alert.sequence} alert={alert} dismiss={dismiss} />
      ))}
    </section>
  );
}

interface ToastProps {
  readonly alert: AlertWithCausePartsFragment;
  readonly dismiss: (sequence: number) => void;
}

function Toast({ alert, dismiss }: ToastProps): ReactNode {
  const words = useWords().live;
  const { sequence, kind } = alert;
  const toast = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const region = toast.current?.parentElement;
      // Where it may not have been seen, or is being read, it stays for as long again.
      const stays = document.hidden || region?.matches(':hover, :focus-within') === true;
      if (!stays) dismiss(sequence);
    }, SHOWN_MS);
    return () => {
      clearInterval(timer);
    };
  }, [sequence, dismiss]);
  return (
    <div ref={toast} className="toast" data-kind={kind} data-sequence={sequence}>
      <AlertLine alert={alert} />
      <button
        type="button"
        className="icon-button"
        aria-label={words.dismiss}
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
