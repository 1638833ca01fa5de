import { type ReactNode, useEffect, useState } from 'react';
import { START } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { FleetDocument, type FleetQuery } from '../api/operations.ts';
import { ProblemNote, Skeleton } from '../ui/card.tsx';
import { pageInput, Paging } from '../ui/paging.tsx';
import { useWords } from '../words/words.ts';
import { AccountsTable } from './accounts-table.tsx';
import { FleetTotals } from './fleet-totals.tsx';
import { orderInput, STATES, statesInput } from './order.ts';

const SEARCH_DELAY_MS = 250;

/** All accounts, for operators: who stops first, who owes, what burns. */
export function OperatorsView(): ReactNode {
  const words = useWords();
  const address = useAddress();
  const search = address.search === '' ? {} : { search: address.search };
  const { data, problem, isLoading, reload } = useOperation(FleetDocument, {
    ...pageInput(address.page, address.pageSize),
    filter: { states: [...statesInput(address.statuses)], ...search },
    orderBy: orderInput(address.sort),
  });
  const title = words.operators.title;
  useEffect(() => {
    document.title = title;
  }, [title]);
  const fleet = data?.accounts;
  return (
    <div className="page">
      <header className="page-head">
        <h1>{title}</h1>
      </header>
      <main id="content" tabIndex={-1} aria-busy={isLoading}>
        {problem !== null && <ProblemNote problem={problem} onRetry={reload} />}
        {fleet != null && <FleetTotals totals={fleet.totals} />}
        <section className="card" aria-label={title}>
          <Filters />
          {fleet == null ? problem === null && <Skeleton lines={8} /> : <Accounts fleet={fleet} />}
        </section>
      </main>
    </div>
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
  const address = useAddress();
  return (
    <div className="list-filters">
      <Search />
      <label className="list-filter">
        <span>{words.operators.state}</span>
        <select
          className="field"
          value={address.statuses[0] ?? ''}
          onChange={(event) => {
            const { value } = event.target;
            navigate({ statuses: value === '' ? [] : [value] });
          }}
        >
          <option value="">{words.operators.anyState}</option>
          {STATES.map((state) => (
            <option key={state} value={state.toLowerCase()}>
              {words.credit.state[state]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Search(): ReactNode {
  const words = useWords().operators;
  const { search } = useAddress();
  const [typed, setTyped] = useState(search);
  const [shown, setShown] = useState(search);
  // Going back changes the address under the field.
  if (shown !== search) {
    setShown(search);
    setTyped(search);
  }
  useEffect(() => {
    if (typed === search) return undefined;
    const timer = setTimeout(() => {
      navigate({ search: typed }, { replace: true });
    }, SEARCH_DELAY_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, search]);
  return (
    <label className="list-filter grow">
      <span>{words.search}</span>
      <input
        type="search"
        className="field"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
        }}
      />
    </label>
  );
}

function Nothing(): ReactNode {
  const words = useWords().operators;
  return (
    <div className="note">
      <p>{words.none}</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          navigate(START);
        }}
      >
        {words.clear}
      </button>
    </div>
  );
}
