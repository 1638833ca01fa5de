import type { ReactNode } from 'react';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewUsage } from './categories.ts';

/** Credits used of those allocated. */
export function CreditsCard({ usage }: { readonly usage: OverviewUsage }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { used, allocated, allocations, percentUsed } = usage.credits;
  const before = usage.previous.credits.used;
  return (
    <Card title={words.overview.creditsUsed}>
      <Used
        figure={<Credits path="credits.used" value={used} isSingle />}
        of={
          <Credits
            path="credits.allocated"
            value={allocated}
            inWords={words.overview.of}
            isSingle
          />
        }
        percentUsed={percentUsed}
        path="credits"
        allocatedNote={
          allocations > 1
            ? words.overview.allocated(figures.credits(allocated), figures.count(allocations))
            : null
        }
      />
      <Before
        usage={usage}
        path="previous.credits.used"
        value={before}
        text={words.overview.before(
          figures.signedCredits(formatMicro(parseMicro(used) - parseMicro(before))),
          figures.credits(before),
        )}
      />
    </Card>
  );
}

/** Workflow runs of those allocated. */
export function RunsCard({ usage }: { readonly usage: OverviewUsage }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { used, allocated, allocations, percentUsed } = usage.workflowRuns;
  const before = usage.previous.workflowRuns.used;
  return (
    <Card title={words.overview.workflowRuns}>
      <Used
        figure={
          <Figure path="workflowRuns.used" value={used}>
            {figures.count(used)}
          </Figure>
        }
        of={
          <Figure path="workflowRuns.allocated" value={allocated}>
            {words.overview.of(figures.count(allocated))}
          </Figure>
        }
        percentUsed={percentUsed}
        path="workflowRuns"
        allocatedNote={
          allocations > 1
            ? words.overview.allocated(figures.count(allocated), figures.count(allocations))
            : null
        }
      />
      <Before
        usage={usage}
        path="previous.workflowRuns.used"
        value={before}
        text={words.overview.before(figures.signedCount(used - before), figures.count(before))}
      />
    </Card>
  );
}

interface UsedProps {
  readonly figure: ReactNode;
  readonly of: ReactNode;
  readonly percentUsed: number | null;
  readonly path: string;
  /** Says that more than one allocation is meant; null: one or none. */
  readonly allocatedNote: string | null;
}

function Used({ figure, of, percentUsed, path, allocatedNote }: UsedProps): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  return (
    <>
      <p className="numeral">
        {figure} {percentUsed !== null && <span className="unit">{of}</span>}
      </p>
      <div className="meter" aria-hidden="true">
        <span style={{ width: `${String(Math.min(100, Math.max(0, percentUsed ?? 0)))}%` }} />
      </div>
      <p>
        {percentUsed === null ? (
          words.noneAllocated
        ) : (
          <Figure path={`${path}.percentUsed`} value={percentUsed}>
            {words.percentUsed(figures.percent(percentUsed))}
          </Figure>
        )}
      </p>
      {allocatedNote !== null && <p className="muted">{allocatedNote}</p>}
    </>
  );
}

interface BeforeProps {
  readonly usage: OverviewUsage;
  readonly path: string;
  readonly value: string | number;
  readonly text: string;
}

function Before({ usage, path, value, text }: BeforeProps): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const { from, to } = usage.previous.range;
  return (
    <p className="muted">
      <Figure
        path={path}
        value={value}
        title={words.beforeIs(figures.instant(from), figures.instant(to))}
      >
        {text}
      </Figure>
    </p>
  );
}
