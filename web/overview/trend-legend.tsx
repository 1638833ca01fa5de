import type { ReactNode } from 'react';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import { CATEGORIES } from './categories.ts';
import { isHatched, type TrendBar } from './trend-bars.ts';

export interface TrendLegendProps {
  /** The bar that is pointed at; null: none. */
  readonly bar: TrendBar | null;
  readonly bars: readonly TrendBar[];
}

/** Which colour is which category, and what the bar that is pointed at says of each. */
export function TrendLegend({ bar, bars }: TrendLegendProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const shown = bar === null ? bars : [bar];
  const used = shown.flatMap((one) => (one.used === null ? [] : [one.used]));
  const sum = (values: readonly string[]): string =>
    figures.credits(formatMicro(values.reduce((total, value) => total + parseMicro(value), 0n)));
  const notes = [
    ...(shown.some(isHatched) ? [words.overview.partial] : []),
    ...(bars.some(({ expected }) => expected !== null) ? [words.overview.dashed] : []),
  ];
  const runs = used.reduce((total, { workflowRuns }) => total + workflowRuns, 0);
  const expected = bar?.expected ?? null;
  return (
    <div className="trend-legend">
      <p className="row" aria-hidden="true">
        <strong>{bar === null ? words.overview.total : bar.labels.full}</strong>
        {used.length > 0 && (
          <span className="figure">
            {sum(used.map(({ credits }) => credits))} {words.credit.credits} · {figures.count(runs)}{' '}
            {words.credit.runs}
          </span>
        )}
        {expected !== null && (
          <span className="figure muted">
            {words.overview.expected}: {figures.credits(expected.credits)} {words.credit.credits}
          </span>
        )}
      </p>
      <ul className="row keys">
        {CATEGORIES.map(({ category, tab, bucketField }) => (
          <li key={category}>
            <span className={`swatch category-${tab}`} aria-hidden="true" />
            {words.credit.category[category]}{' '}
            <span className="figure muted">{sum(used.map((bucket) => bucket[bucketField]))}</span>
          </li>
        ))}
      </ul>
      {notes.length > 0 && <p className="muted small-text">{notes.join(' ')}</p>}
    </div>
  );
}
