import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { ListTable } from '../ui/list-table.tsx';
import { useWords } from '../words/words.ts';
import { CATEGORIES } from './categories.ts';
import type { TrendBar } from './trend-bars.ts';

/** The figures of the bars. */
export function TrendTable({ bars }: { readonly bars: readonly TrendBar[] }): ReactNode {
  const words = useWords();
  return (
    <ListTable label={words.overview.trend}>
      <thead>
        <tr>
          <th scope="col">{words.overview.period}</th>
          <th scope="col" className="numeric">
            {words.overview.workflowRuns}
          </th>
          <th scope="col" className="numeric">
            {words.overview.credits}
          </th>
          {CATEGORIES.map(({ category }) => (
            <th key={category} scope="col" className="numeric">
              {words.credit.category[category]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {bars.map((bar) => (
          <Row key={bar.from} bar={bar} />
        ))}
      </tbody>
    </ListTable>
  );
}

function Row({ bar: { from, labels, used, expected } }: { readonly bar: TrendBar }): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  if (used === null) {
    return (
      <tr className="muted">
        <th scope="row">
          {labels.full} ({words.expected})
        </th>
        <td className="numeric">{expected !== null && figures.count(expected.runs)}</td>
        <td className="numeric">{expected !== null && figures.credits(expected.credits)}</td>
        <td colSpan={CATEGORIES.length} />
      </tr>
    );
  }
  return (
    <tr>
      <th scope="row">
        {labels.full} {used.isPartial && <span className="muted">({words.isPartial})</span>}
      </th>
      <td className="numeric">
        <Figure path={`trend.${from}.workflowRuns`} value={used.workflowRuns}>
          {figures.count(used.workflowRuns)}
        </Figure>
      </td>
      <td className="numeric">
        <Credits path={`trend.${from}.credits`} value={used.credits} />
      </td>
      {CATEGORIES.map(({ bucketField }) => (
        <td key={bucketField} className="numeric">
          <Credits path={`trend.${from}.${bucketField}`} value={used[bucketField]} />
        </td>
      ))}
    </tr>
  );
}
