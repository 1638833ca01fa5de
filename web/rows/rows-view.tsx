import type { ReactNode } from 'react';
import { PAGE_SIZES } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { Card, ProblemNote, Skeleton } from '../ui/card.tsx';
import { SearchField, StatusChooser } from '../ui/list.tsx';
import { Paging } from '../ui/paging.tsx';
import { useWords } from '../words/words.ts';
import { COLUMNS } from './columns.tsx';
import { STATUSES } from './page.ts';
import { RowsTable } from './rows-table.tsx';
import { type LoadedRows, type RowsTab, useRowsOf } from './use-rows.ts';

/** A tab of rows: one kind of resources with what each used in the range. */
export function RowsView({ tab }: { readonly tab: RowsTab }): ReactNode {
  const words = useWords();
  const fields = COLUMNS[tab].map(({ field }) => field);
  // The record's hook stays the same for a mounted view: app.tsx mounts each tab anew.
  const useRows = useRowsOf[tab];
  const loaded = useRows(fields);
  return (
    <Card title={words.frame.tab[tab]} className="rows">
      <div className="list-filters">
        <SearchField label={words.rows.search} />
        {fields.includes('STATUS') && (
          <StatusChooser
            label={words.rows.statuses}
            values={STATUSES}
            words={words.rows.status}
            any={words.rows.allStatuses}
          />
        )}
      </div>
      <Rows tab={tab} loaded={loaded} />
    </Card>
  );
}

interface RowsProps {
  readonly tab: RowsTab;
  readonly loaded: LoadedRows;
}

function Rows({ tab, loaded: { page, problem, isLoading, reload } }: RowsProps): ReactNode {
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
      {problem !== null && <ProblemNote problem={problem} onRetry={reload} />}
      <RowsTable tab={tab} page={page} />
      <Paging pageInfo={page.pageInfo} shown={page.rows.length} totalCount={page.totalCount}>
        <PageSizeChooser />
      </Paging>
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

function PageSizeChooser(): ReactNode {
  const words = useWords().rows;
  const { pageSize } = useAddress();
  return (
    <select
      className="field"
      aria-label={words.pageSize}
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
  );
}
