import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';

/** An instant to the minute, and to the millisecond for whoever hovers. It does not wrap. */
export function Instant({ at }: { readonly at: string }): ReactNode {
  const figures = useFigures();
  return (
    <time className="instant" dateTime={at} title={figures.exactInstant(at)}>
      {figures.instant(at)}
    </time>
  );
}
