import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';

export interface HeadlineProps {
  readonly credits: string;
  readonly time: string;
}

/** What it came to in the range, and how long it was hosted. */
export function Headline({ credits, time }: HeadlineProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  return (
    <dl className="headline">
      <div>
        <dt>{words.overview.creditsUsed}</dt>
        <dd className="numeral medium">
          <Credits path="usage.credits" value={credits} />
        </dd>
      </div>
      <div>
        <dt>{words.rows.column.time}</dt>
        <dd className="numeral medium">
          <Figure path="usage.time" value={time}>
            {figures.duration(time)}
          </Figure>
        </dd>
      </div>
    </dl>
  );
}
