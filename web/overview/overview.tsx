import type { ReactNode } from 'react';
import { useFrameAccount } from '../account.ts';
import type { RangeChoice } from '../address/address.ts';
import { fittingGranularity, granularityInput, rangeInput } from '../address/inputs.ts';
import { tabChange, useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { OverviewDocument } from '@billing-gateway/client/operations';
import { parseMicro } from '../../src/core/micro.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { Card, ProblemNote, Skeleton } from '../ui/card.tsx';
import { LongerRange } from '../ui/longer-range.tsx';
import { useRefresh } from '../ui/use-refresh.ts';
import { useWords } from '../words/words.ts';
import { AlertsCard } from './alerts-card.tsx';
import { BalanceCard } from './balance-card.tsx';
import type { OverviewUsage } from './categories.ts';
import { CategoryCard } from './category-card.tsx';
import { HardwareCard } from './hardware-card.tsx';
import { ProjectionCard } from './projection-card.tsx';
import { CreditsCard, RunsCard } from './totals-cards.tsx';
import { TrendCard } from './trend-card.tsx';

/** The first view: what was used, of what, on what, and how long the rest lasts. */
export function Overview(): ReactNode {
  const address = useAddress();
  const { data, problem, isLoading, reload } = useOperation(OverviewDocument, {
    accountId: address.accountId,
    range: rangeInput(address.range, address.timeZone),
    granularity: granularityInput(fittingGranularity(address)),
  });
  useFrameAccount(data?.account);
  useRefresh(() => {
    if (reachesNow(address.range)) reload();
  });
  const account = data?.account;
  if (account == null) {
    return problem === null ? (
      <OverviewSkeleton />
    ) : (
      <ProblemNote problem={problem} onRetry={reload} />
    );
  }
  const { usage } = account;
  return (
    <div className="overview" aria-busy={isLoading}>
      {problem !== null && <ProblemNote problem={problem} onRetry={reload} />}
      <BalanceCard account={account} />
      <CreditsCard usage={usage} />
      <RunsCard usage={usage} />
      {isUnused(usage) ? (
        <Unused hasUsed={account.firstUsedAt !== null} />
      ) : (
        <>
          <TrendCard account={account} />
          <CategoryCard usage={usage} />
          <HardwareCard usage={usage} />
        </>
      )}
      <div className={isUnused(usage) ? 'stack wide' : 'stack'}>
        <ProjectionCard projection={account.projection} />
        <AlertsCard account={account} />
      </div>
    </div>
  );
}

function isUnused({ credits, workflowRuns, hardware }: OverviewUsage): boolean {
  return parseMicro(credits.used) === 0n && workflowRuns.used === 0 && hardware.length === 0;
}

function Unused({ hasUsed }: { readonly hasUsed: boolean }): ReactNode {
  return hasUsed ? <UnusedInRange /> : <NeverUsed />;
}

function UnusedInRange(): ReactNode {
  const words = useWords().overview;
  return (
    <Card title={words.unused} className="wide">
      <div className="note">
        <p>{words.unusedText}</p>
        <LongerRange />
      </div>
    </Card>
  );
}

// How usage gets in is a thing of the platform's, so the steps say what it does.
function NeverUsed(): ReactNode {
  const words = useWords().overview;
  return (
    <Card title={words.neverUsed} className="wide">
      <p>{words.neverUsedText}</p>
      <ol className="first-steps">
        {words.firstSteps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <AddressLink change={tabChange('credits')}>{words.toCredits}</AddressLink>
    </Card>
  );
}

// What lies before now changes by what is reported late alone: a minute is too short for that.
function reachesNow(range: RangeChoice): boolean {
  return range.kind === 'preset' && range.preset !== 'last-cycle';
}

function OverviewSkeleton(): ReactNode {
  const words = useWords().overview;
  return (
    <div className="overview">
      <Card title={words.balance} className="balance">
        <Skeleton lines={5} />
      </Card>
      <Card title={words.creditsUsed}>
        <Skeleton lines={4} />
      </Card>
      <Card title={words.workflowRuns}>
        <Skeleton lines={4} />
      </Card>
      <Card title={words.trend} className="trend">
        <Skeleton height={320} />
      </Card>
      <Card title={words.byCategory} className="by-category">
        <Skeleton height={184} lines={5} />
      </Card>
    </div>
  );
}
