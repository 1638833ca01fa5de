import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { timeLeftText } from './moment.ts';

export interface CountdownProps {
  readonly at: string;
  /** Epoch milliseconds by the server's clock. */
  readonly nowMs: number;
  /** The words around it. */
  readonly say?: (timeLeft: string) => string;
}

/** The days and the time that are left until an instant. A screen reader is not told each second. */
export function Countdown({ at, nowMs, say = (text) => text }: CountdownProps): ReactNode {
  const { locale } = useFigures();
  return (
    <span role="timer" aria-live="off">
      {say(timeLeftText(locale, at, nowMs))}
    </span>
  );
}
