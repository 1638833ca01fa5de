import type { ReactNode } from 'react';
import { granularityInput, rangeInput, useFrameAccount } from '../account.ts';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { OverviewDocument } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { Card, ProblemNote, Skeleton } from '../ui/card.tsx';
import { useWords } from '../words/words.ts';

/** The first view: what was used, of what, on what, and how long the rest lasts. */
export function Overview(): ReactNode {
  const address = useAddress();
  const words = useWords();
  const figures = useFigures();
  const { data, problem, reload } = useOperation(OverviewDocument, {
    accountId: address.accountId,
    range: rangeInput(address.range, address.timeZone),
    granularity: granularityInput(address.granularity),
  });
  useFrameAccount(data?.account);
  if (problem !== null && data === null) return <ProblemNote problem={problem} onRetry={reload} />;
  const usage = data?.account?.usage;
  if (usage === undefined) return <Skeleton lines={8} />;
  return (
    <Card title={words.frame.tab.overview}>
      <p className="numeral">{figures.credits(usage.credits.used)}</p>
    </Card>
  );
}
