import type { ReactNode } from 'react';
import { useFrameAccount } from '../account.ts';
import { chosen } from '../address/address.ts';
import { rangeInput } from '../address/inputs.ts';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { CreditsTabDocument } from '@billing-gateway/client/operations';
import { ProblemNote, Skeleton } from '../ui/card.tsx';
import { pageInput } from '../ui/pages.ts';
import { AllocationsCard } from './allocations-card.tsx';
import { CyclesCard, EquationCard } from './cycles-card.tsx';
import { KINDS } from './kinds.ts';
import { LedgerCard } from './ledger-card.tsx';
import { QuoteCard } from './quote-card.tsx';
import { StatementsCard } from './statements-card.tsx';
import { ThresholdsCard } from './thresholds-card.tsx';

/** The account's credits: allocations, ledger, cycles, and what a deployment would cost. */
export function CreditsView(): ReactNode {
  const address = useAddress();
  const { data, problem, reload } = useOperation(CreditsTabDocument, {
    accountId: address.accountId,
    range: rangeInput(address.range, address.timeZone),
    kinds: chosen(KINDS, address.statuses),
    ...pageInput(address.page, address.pageSize, true),
  });
  useFrameAccount(data?.account);
  const account = data?.account;
  if (account == null && problem !== null) {
    return <ProblemNote problem={problem} onRetry={reload} />;
  }
  if (account == null) {
    return (
      <>
        <Skeleton height={96} />
        <Skeleton lines={5} />
        <Skeleton lines={8} />
      </>
    );
  }
  return (
    <>
      {problem !== null && <ProblemNote problem={problem} onRetry={reload} />}
      <EquationCard account={account} />
      <QuoteCard key={account.id} accountId={account.id} profiles={data?.hardwareProfiles ?? []} />
      <AllocationsCard allocations={account.allocations} />
      <LedgerCard account={account} />
      <CyclesCard account={account} />
      <StatementsCard statements={account.statements} />
      <ThresholdsCard thresholds={account.thresholds} />
    </>
  );
}
