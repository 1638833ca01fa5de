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
  const { credits, workflowRuns, endsAt, availableFrom, hosting } = projection;
  return (
    <Card title={words.overview.projection} className="side">
      {credits === null ? (
        <>
          <p>
            {availableFrom === null
              ? words.overview.projectionNever
              : words.overview.projectionFrom(figures.day(availableFrom))}
          </p>
          <p className="muted">
            <Credits
              path="projection.hosting"
              value={hosting}
              inWords={(amount) => words.overview.hostingAlone(`${amount} ${words.credit.credits}`)}
              isSingle
            />
          </p>
        </>
      ) : (
        <>
          <Expected
            path="projection.credits.expected"
            value={credits.expected}
            expected={figures.credits(credits.expected)}
            of={`${words.overview.of(figures.credits(credits.allocated))} ${words.credit.credits}`}
            span={words.overview.projected(
              figures.credits(credits.low),
              figures.credits(credits.high),
            )}
            left={words.overview.projectedLeft(figures.credits(credits.remaining))}
          />
          {workflowRuns !== null && (
            <Expected
              path="projection.workflowRuns.expected"
              value={workflowRuns.expected}
              expected={figures.count(workflowRuns.expected)}
              of={`${words.overview.of(figures.count(workflowRuns.allocated))} ${words.credit.runs}`}
              span={words.overview.projected(
                figures.count(workflowRuns.low),
                figures.count(workflowRuns.high),
              )}
              left={words.overview.projectedLeft(figures.count(workflowRuns.remaining))}
            />
          )}
        </>
      )}
      <p className="muted small-text">{words.overview.cycleEnds(figures.instant(endsAt))}</p>
    </Card>
  );
}

interface ExpectedProps {
  readonly path: string;
  readonly value: string | number;
  readonly expected: string;
  readonly of: string;
  readonly span: string;
  readonly left: string;
}

function Expected({ path, value, expected, of, span, left }: ExpectedProps): ReactNode {
  return (
    <div className="expectation">
      <p className="numeral medium">
        <Figure path={path} value={value}>
          {expected}
        </Figure>{' '}
        <span className="unit">{of}</span>
      </p>
      <p className="muted">{span}</p>
      <p className="muted">{left}</p>
    </div>
  );
}
