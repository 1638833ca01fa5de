import type { ReactNode } from 'react';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewUsage } from './categories.ts';

export interface TotalsProps {
  readonly usage: OverviewUsage;
}

/** Credits used of those allocated. */
export function CreditsCard({ usage }: TotalsProps): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const { used, allocated } = usage.credits;
  const before = usage.previous.credits.used;
  const difference = formatMicro(parseMicro(used) - parseMicro(before));
  return (
    <TotalsCard
      title={words.creditsUsed}
      path="credits"
      totals={usage.credits}
      used={<Credits path="credits.used" value={used} isSingle />}
      of={<Credits path="credits.allocated" value={allocated} inWords={words.of} isSingle />}
      allocated={figures.credits(allocated)}
    >
      <Before
        usage={usage}
        path="previous.credits.used"
        value={before}
        text={words.before(figures.signedCredits(difference), figures.credits(before))}
      />
    </TotalsCard>
  );
}

/** Workflow runs of those allocated. */
export function RunsCard({ usage }: TotalsProps): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const { used, allocated } = usage.workflowRuns;
  const before = usage.previous.workflowRuns.used;
  return (
    <TotalsCard
      title={words.workflowRuns}
      path="workflowRuns"
      totals={usage.workflowRuns}
      used={
        <Figure path="workflowRuns.used" value={used}>
          {figures.count(used)}
        </Figure>
      }
      of={
        <Figure path="workflowRuns.allocated" value={allocated}>
          {words.of(figures.count(allocated))}
        </Figure>
      }
      allocated={figures.count(allocated)}
    >
      <Before
        usage={usage}
        path="previous.workflowRuns.used"
        value={before}
        text={words.before(figures.signedCount(used - before), figures.count(before))}
      />
    </TotalsCard>
  );
}

interface TotalsCardProps {
  readonly title: string;
  readonly path: string;
  readonly totals: { readonly allocations: number; readonly percentUsed: number | null };
  readonly used: ReactNode;
  /** «of 300» */
  readonly of: ReactNode;
  readonly allocated: string;
  /** What was used before. */
  readonly children: ReactNode;
}

function TotalsCard(props: TotalsCardProps): ReactNode {
  const { title, path, totals, used, of, allocated, children } = props;
  const words = useWords().overview;
  const figures = useFigures();
  const { allocations, percentUsed } = totals;
  return (
    <Card title={title}>
      <p className="numeral">
        {used} {percentUsed !== null && <span className="unit">{of}</span>}
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
      {allocations > 1 && (
        <p className="muted">{words.allocated(allocated, figures.count(allocations))}</p>
      )}
      {children}
    </Card>
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
