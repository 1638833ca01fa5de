import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import type { Projection } from './categories.ts';

/** What the running cycle will have used when it ends. */
export function ProjectionCard({ projection }: { readonly projection: Projection }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { credits, runs, hosting, endsAt, availableFrom } = projection;
  return (
    <Card title={words.overview.projection}>
      {credits !== null && (
        <Expected
          path="projection.credits"
          value={credits}
          low={projection.lowCredits}
          high={projection.highCredits}
          allocated={projection.allocatedCredits}
          remaining={projection.remainingCredits}
          format={figures.credits}
          unit={words.credit.credits}
        />
      )}
      {runs !== null && (
        <Expected
          path="projection.runs"
          value={runs}
          low={projection.lowRuns}
          high={projection.highRuns}
          allocated={projection.allocatedRuns}
          remaining={projection.remainingRuns}
          format={figures.count}
          unit={words.credit.runs}
        />
      )}
      {availableFrom !== null && (
        <>
          <p>{words.overview.projectionFrom(figures.day(availableFrom))}</p>
          {hosting !== '0' && (
            <p className="muted">
              <Credits
                path="projection.hosting"
                value={hosting}
                inWords={(amount) =>
                  words.overview.hostingAlone(`${amount} ${words.credit.credits}`)
                }
                isSingle
              />
            </p>
          )}
        </>
      )}
      <p className="muted small-text">{words.overview.cycleEnds(figures.instant(endsAt))}</p>
    </Card>
  );
}

interface ExpectedProps<T extends string | number> {
  readonly path: string;
  readonly value: T;
  readonly low: T | null;
  readonly high: T | null;
  readonly allocated: T;
  readonly remaining: T | null;
  readonly format: (value: T) => string;
  readonly unit: string;
}

function Expected<T extends string | number>(props: ExpectedProps<T>): ReactNode {
  const words = useWords().overview;
  const { path, value, low, high, allocated, remaining, format, unit } = props;
  return (
    <div className="expectation">
      <p className="numeral medium">
        <Figure path={path} value={value}>
          {format(value)}
        </Figure>{' '}
        <span className="unit">
          {words.of(format(allocated))} {unit}
        </span>
      </p>
      {low !== null && high !== null && (
        <p className="muted">{words.projected(format(low), format(high))}</p>
      )}
      {remaining !== null && <p className="muted">{words.projectedLeft(format(remaining))}</p>}
    </div>
  );
}
