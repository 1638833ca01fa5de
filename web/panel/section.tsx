import { type ReactNode, useId } from 'react';
import { useFigures } from '../figures/figures.ts';

export interface SectionProps {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A titled part of the panel. */
export function Section({ title, aside, children }: SectionProps): ReactNode {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <header className="panel-section-head">
        <h3 id={id}>{title}</h3>
        {aside}
      </header>
      {children}
    </section>
  );
}

export interface Fact {
  readonly label: string;
  /** Null: there is none, and it is left out. */
  readonly value: ReactNode;
}

/** What is known of a thing, by name. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): ReactNode {
  return (
    <dl className="facts">
      {facts
        .filter(({ value }) => value !== null)
        .map(({ label, value }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** An instant to the minute, and to the millisecond for whoever hovers; a dash for none. */
export function Instant({ at }: { readonly at: string | null }): ReactNode {
  const figures = useFigures();
  if (at === null) return '–';
  return (
    <time dateTime={at} title={figures.exactInstant(at)}>
      {figures.instant(at)}
    </time>
  );
}
