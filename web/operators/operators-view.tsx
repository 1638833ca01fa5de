import { type ReactNode, useEffect } from 'react';
import { chosen, START } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { FleetDocument, type FleetQuery } from '@billing-gateway/client/operations';
import { PageShell } from '../frame/page-shell.tsx';
import { AddressButton } from '../ui/address-link.tsx';
import { ProblemNote, Skeleton } from '../ui/card.tsx';
import { SearchField, StatusChooser } from '../ui/list.tsx';
import { pageInput } from '../ui/pages.ts';
import { Paging } from '../ui/paging.tsx';
import { useWords } from '../words/words.ts';
import { AccountsTable } from './accounts-table.tsx';
import { FleetTotals } from './fleet-totals.tsx';
import { orderInput, STATES } from './order.ts';
import { useRefresh } from '../ui/use-refresh.ts';

/** All accounts, for operators: who stops first, who owes, what burns. */
export function OperatorsView(): ReactNode {
  const words = useWords();
  const address = useAddress();
  const search = address.search === '' ? {} : { search: address.search };
  const { data, problem, isLoading, reload } = useOperation(FleetDocument, {
    ...pageInput(address.page, address.pageSize),
    filter: { states: chosen(STATES, address.statuses), ...search },
    orderBy: orderInput(address.sort),
  });
  const title = words.operators.title;
  useEffect(() => {
    document.title = title;
  }, [title]);
  // A later page is of the instant of the first one.
  useRefresh(() => {
    if (address.page === null) reload();
  });
  const fleet = data?.accounts;
  return (
    <PageShell title={title} isBusy={isLoading}>
      {problem !== null && <ProblemNote problem={problem} onRetry={reload} />}
      {fleet != null && <FleetTotals totals={fleet.totals} />}
      <section className="card" aria-label={title}>
        <Filters />
        {fleet == null ? problem === null && <Skeleton lines={8} /> : <Accounts fleet={fleet} />}
      </section>
    </PageShell>
  );
}

type Fleet = NonNullable<FleetQuery['accounts']>;

function Accounts({
  fleet: { edges, pageInfo, totalCount },
}: {
  readonly fleet: Fleet;
}): ReactNode {
  if (edges.length === 0) return <Nothing />;
  return (
    <>
      <AccountsTable edges={edges} />
      <Paging pageInfo={pageInfo} shown={edges.length} totalCount={totalCount} />
    </>
  );
}

function Filters(): ReactNode {
  const words = useWords();
  return (
    <div className="list-filters">
      <SearchField label={words.operators.search} />
      <StatusChooser
        label={words.operators.state}
        values={STATES}
        words={words.credit.state}
        any={words.operators.anyState}
      />
    </div>
  );
}

function Nothing(): ReactNode {
  const words = useWords().operators;
  return (
    <div className="note">
      <p>{words.none}</p>
      <AddressButton change={START}>{words.clear}</AddressButton>
    </div>
  );
}
