import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';

export interface InstantProps {
  readonly at: string | null;
  /** In other words: its time of day alone. */
  readonly children?: string;
}

/** An instant to the minute, and to the millisecond for whoever hovers; a dash for none. */
export function Instant({ at, children }: InstantProps): ReactNode {
  const figures = useFigures();
  if (at === null) return '–';
  return (
    <time dateTime={at} title={figures.exactInstant(at)}>
      {children ?? figures.instant(at)}
    </time>
  );
}
