import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { countdownTo } from './moment.ts';

export interface CountdownProps {
  readonly at: string;
  /** Epoch milliseconds by the server's clock. */
  readonly nowMs: number;
}

/** The days and the time that are left until an instant. A screen reader is not told each second. */
export function Countdown({ at, nowMs }: CountdownProps): ReactNode {
  const { locale } = useFigures();
  const { days, clock } = countdownTo(at, nowMs);
  const unit = new Intl.NumberFormat(locale, { style: 'unit', unit: 'day' });
  return (
    <span role="timer" aria-live="off" className="countdown">
      {days > 0 && <>{unit.format(days)} </>}
      {clock}
    </span>
  );
}
