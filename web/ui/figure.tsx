import type { ReactNode } from 'react';

export interface FigureProps {
  /** Where the figure stands in the answer: "credits.used". */
  readonly path: string;
  /** The value as the API gave it. */
  readonly value: string | number | null;
  readonly className?: string;
  /** All digits, for whoever hovers over a rounded figure. */
  readonly title?: string;
  readonly children: ReactNode;
}

/** A figure of the API. It keeps its exact value, so that what is shown can be compared with the answer. */
export function Figure({ path, value, className = '', title, children }: FigureProps): ReactNode {
  return (
    <span
      className={`figure ${className}`}
      title={title}
      data-figure={path}
      data-value={value ?? undefined}
    >
      {children}
    </span>
  );
}
