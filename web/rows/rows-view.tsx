import { type ReactNode, useEffect, useState } from 'react';
import { PAGE_SIZES } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { FiguresContext, figuresOf, useFigures } from '../figures/figures.ts';
import { Card, ProblemNote, Skeleton } from '../ui/card.tsx';
import { useWords } from '../words/words.ts';
import { COLUMNS } from './columns.tsx';
import { neighbours, type RowsPage, shownRows, STATUS_CHOICES, statusesOf } from './page.ts';
import { RowsTable } from './rows-table.tsx';
import { type LoadedRows, type RowsTab, useRowsOf } from './use-rows.ts';

const SEARCH_AFTER_MS = 250;

/** A tab of rows: one kind of resources with what each used in the range. */
export function RowsView({ tab }: { readonly tab: RowsTab }): ReactNode {
  const words = useWords();
  const columns = COLUMNS[tab];
  // The record's hook stays the same for a mounted view: app.tsx mounts each tab anew.
  const useRows = useRowsOf[tab];
  const loaded = useRows(columns.map(({ field }) => field));
  const figures = useFigures();
  const zoned =
    loaded.timeZone === null || loaded.timeZone === figures.timeZone
      ? figures
      : figuresOf(figures.locale, loaded.timeZone);
  return (
    <FiguresContext value={zoned}>
      <Card title={words.frame.tab[tab]} className="rows">
        <Filters hasStatuses={tab !== 'models'} />
        <Rows tab={tab} loaded={loaded} />
      </Card>
    </FiguresContext>
  );
}

function Rows({
  tab,
  loaded: { page, problem, isLoading, reload },
}: {
  readonly tab: RowsTab;
  readonly loaded: LoadedRows;
}): ReactNode {
  if (page === null) {
    return problem === null ? (
      <Skeleton lines={8} />
    ) : (
      <ProblemNote problem={problem} onRetry={reload} />
    );
  }
  if (page.totalCount === 0) return <Nothing />;
  return (
    <div aria-busy={isLoading}>
      <RowsTable tab={tab} page={page} />
      <Pager page={page} />
    </div>
  );
}

function Nothing(): ReactNode {
  const words = useWords().rows;
  const { search, statuses } = useAddress();
  if (search === '' && statuses.length === 0) return <p className="note muted">{words.never}</p>;
  return (
    <div className="note">
      <p>{words.nothing}</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          navigate({ search: '', statuses: [] });
        }}
      >
        {words.clear}
      </button>
    </div>
  );
}

function Filters({ hasStatuses }: { readonly hasStatuses: boolean }): ReactNode {
  const words = useWords().rows;
  const address = useAddress();
  const [chosen = ''] = statusesOf(address);
  return (
    <div className="row filters">
      <Search key={address.tab} search={address.search} />
      {hasStatuses && (
        <label className="row">
          <span className="muted">{words.statuses}</span>
          <select
            className="field"
            value={chosen}
            onChange={({ target }) => {
              navigate({ statuses: target.value === '' ? [] : [target.value] });
            }}
          >
            <option value="">{words.allStatuses}</option>
            {STATUS_CHOICES.map((choice) => (
              <option key={choice} value={choice}>
                {words.status[statusName(choice)]}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

function statusName(
  choice: (typeof STATUS_CHOICES)[number],
): keyof ReturnType<typeof useWords>['rows']['status'] {
  const names = {
    deployed: 'DEPLOYED',
    deploying: 'DEPLOYING',
    undeployed: 'UNDEPLOYED',
    failed: 'FAILED',
    in_development: 'IN_DEVELOPMENT',
    deleted: 'DELETED',
  } as const;
  return names[choice];
}

/** Asks the server a moment after the last key. */
function Search({ search }: { readonly search: string }): ReactNode {
  const words = useWords().rows;
  const [text, setText] = useState(search);
  const [seen, setSeen] = useState(search);
  // The address changed otherwise: the person went back, or cleared the search.
  if (seen !== search) {
    setSeen(search);
    setText(search);
  }
  useEffect(() => {
    if (text === search) return;
    const timer = setTimeout(() => {
      navigate({ search: text }, { replace: true });
    }, SEARCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text, search]);
  return (
    <input
      type="search"
      className="field"
      aria-label={words.search}
      placeholder={words.search}
      value={text}
      maxLength={200}
      onChange={({ target }) => {
        setText(target.value);
      }}
    />
  );
}

function Pager({ page }: { readonly page: RowsPage }): ReactNode {
  const words = useWords().rows;
  const figures = useFigures();
  const { page: place, pageSize } = useAddress();
  const { previous, next } = neighbours(page, { place, pageSize });
  const { from, to } = shownRows(page, place);
  return (
    <div className="row pager">
      <span className="muted" role="status">
        {words.place(figures.count(from), figures.count(to), figures.count(page.totalCount))}
      </span>
      <button
        type="button"
        className="button"
        disabled={previous === null}
        onClick={() => {
          // The first page has no cursor, so that it shows what is new.
          navigate({ page: previous?.rowsBefore === 0 ? null : previous });
        }}
      >
        {words.previous}
      </button>
      <button
        type="button"
        className="button"
        disabled={next === null}
        onClick={() => {
          navigate({ page: next });
        }}
      >
        {words.next}
      </button>
      <label className="row">
        <span className="muted">{words.pageSize}</span>
        <select
          className="field"
          value={pageSize}
          onChange={({ target }) => {
            const size = PAGE_SIZES.find((one) => String(one) === target.value);
            if (size !== undefined) navigate({ pageSize: size });
          }}
        >
          {PAGE_SIZES.map((size) => (
            <option key={size}>{size}</option>
          ))}
        </select>
      </label>
    </div>
  );
}
