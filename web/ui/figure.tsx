import type { ReactNode } from 'react';

export interface FigureProps {
  /** Where the figure stands in the answer: "credits.used". */
  readonly path: string;
  /** The value as the API gave it. */
  readonly value: string | number | null;
  readonly className?: string;
  /** More of it, for whoever hovers. */
  readonly title?: string;
  /** Whether the keyboard reaches it by itself, for what it shows then. */
  readonly isStop?: boolean;
  readonly children: ReactNode;
}

/** A figure of the API. It keeps its exact value, so that what is shown can be compared with the answer. */
export function Figure({
  path,
  value,
  className = '',
  title,
  isStop = false,
  children,
}: FigureProps): ReactNode {
  return (
    <span
      className={`figure ${className}`}
      title={title}
      tabIndex={isStop ? 0 : undefined}
      data-figure={path}
      data-value={value ?? undefined}
    >
      {children}
    </span>
  );
}
