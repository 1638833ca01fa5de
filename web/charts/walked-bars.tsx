import type { KeyboardEvent, ReactNode } from 'react';
import { AXIS_WIDTH } from './bars.tsx';
import { barAt } from './drawn.ts';
import { useWidth } from './use-width.ts';

export interface WalkedBarsProps {
  readonly count: number;
  /** The bar that is pointed at; null: none. */
  readonly active: number | null;
  readonly onActive: (index: number | null) => void;
  /** Called with the bar that is clicked, or chosen by Enter. */
  readonly onShow: (index: number) => void;
  readonly label: string;
  readonly description: string;
  /** What the active bar says, or the last one where none is. */
  readonly valueText: string;
  /** The charts over these bars, drawn in a width. */
  readonly children: (width: number) => ReactNode;
}

/** Takes pointer and keys for one or more charts over the same bars: arrow keys walk them. */
export function WalkedBars(props: WalkedBarsProps): ReactNode {
  const { count, active, onActive, onShow, label, description, valueText, children } = props;
  const [ref, width] = useWidth();
  const indexAt = (clientX: number, { currentTarget }: { currentTarget: Element }): number | null =>
    barAt(
      clientX - currentTarget.getBoundingClientRect().left - AXIS_WIDTH,
      width - AXIS_WIDTH,
      count,
    );
  return (
    <div
      ref={ref}
      className="charts"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-description={description}
      aria-valuemin={1}
      aria-valuemax={Math.max(1, count)}
      aria-valuenow={(active ?? count - 1) + 1}
      aria-valuetext={valueText}
      onPointerMove={(event) => {
        onActive(indexAt(event.clientX, event));
      }}
      onPointerLeave={() => {
        onActive(null);
      }}
      onFocus={() => {
        onActive(active ?? count - 1);
      }}
      onBlur={() => {
        onActive(null);
      }}
      onClick={(event) => {
        const index = indexAt(event.clientX, event);
        if (index !== null) onShow(index);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && active !== null) onShow(active);
        const to = walked(event, active, count);
        if (to === null) return;
        event.preventDefault();
        onActive(to);
      }}
    >
      {width > 0 && children(width)}
    </div>
  );
}

/** The bar that a key goes to; null for other keys. */
function walked(event: KeyboardEvent, active: number | null, count: number): number | null {
  const last = count - 1;
  const at = active ?? last;
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return Math.max(0, at - 1);
    case 'ArrowRight':
    case 'ArrowUp':
      return Math.min(last, at + 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}
