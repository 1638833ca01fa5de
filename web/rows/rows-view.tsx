import type { ReactNode } from 'react';
import { PAGE_SIZES } from '../address/address.ts';
import { navigate, NO_FILTERS, useAddress } from '../address/use-address.ts';
import { AddressButton } from '../ui/address-link.tsx';
import { Card, ProblemNote, Skeleton } from '../ui/card.tsx';
import { Chooser } from '../ui/chooser.tsx';
import { SearchField, StatusChooser } from '../ui/list.tsx';
import { LongerRange } from '../ui/longer-range.tsx';
import { Paging } from '../ui/paging.tsx';
import { useWords } from '../words/words.ts';
import { COLUMNS } from './columns.tsx';
import { isUnused, languageOptions, STATUSES, TYPES } from './page.ts';
import { RowsTable } from './rows-table.tsx';
import { type LoadedRows, type RowsTab, useRowsOf } from './use-rows.ts';

/** A tab of rows: one kind of resources with what each used in the range. */
export function RowsView({ tab }: { readonly tab: RowsTab }): ReactNode {
  const words = useWords();
  const fields = COLUMNS[tab].flatMap(({ field }) => (field === null ? [] : [field]));
  // The record's hook stays the same for a mounted view: app.tsx mounts each tab anew.
  const useRows = useRowsOf[tab];
  const loaded = useRows(fields);
  return (
    <Card title={words.frame.tab[tab]} className="rows">
      <div className="list-filters">
        <SearchField label={words.rows.search} />
        {fields.includes('STATUS') && (
          <StatusChooser
            label={words.rows.column.status}
            values={STATUSES}
            words={words.rows.status}
            any={words.rows.any}
          />
        )}
        {fields.includes('TYPE') && <TypeChooser />}
        {fields.includes('LANGUAGE') && <LanguageChooser known={loaded.page?.languages ?? []} />}
      </div>
      <Rows tab={tab} loaded={loaded} />
    </Card>
  );
}

function TypeChooser(): ReactNode {
  const words = useWords().rows;
  const { types } = useAddress();
  return (
    <Chooser
      label={words.column.type}
      options={TYPES.map((type) => ({ value: type.toLowerCase(), text: words.type[type] }))}
      chosen={types}
      any={words.any}
      onChange={(chosen) => {
        navigate({ types: chosen });
      }}
    />
  );
}

function LanguageChooser({ known }: { readonly known: readonly string[] }): ReactNode {
  const words = useWords().rows;
  const { languages } = useAddress();
  return (
    <Chooser
      label={words.column.language}
      options={languageOptions(known, languages)}
      chosen={languages}
      any={words.any}
      onChange={(chosen) => {
        navigate({ languages: chosen });
      }}
    />
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
  if (page.totalCount === 0) return <Nothing tab={tab} />;
  return (
    <div aria-busy={isLoading}>
      {problem !== null && <ProblemNote problem={problem} onRetry={reload} />}
      {isUnused(page.totals) && <Unused />}
      <RowsTable tab={tab} page={page} />
      <Paging pageInfo={page.pageInfo} shown={page.rows.length} totalCount={page.totalCount}>
        <PageSizeChooser />
      </Paging>
    </div>
  );
}

/** No row: nothing of this kind was ever used, or nothing matches. */
function Nothing({ tab }: { readonly tab: RowsTab }): ReactNode {
  const words = useWords().rows;
  const { search, statuses, types, languages } = useAddress();
  if (search === '' && [...statuses, ...types, ...languages].length === 0) {
    return <p className="note muted">{words.never[tab]}</p>;
  }
  return (
    <div className="note">
      <p>{words.nothing}</p>
      <AddressButton change={NO_FILTERS}>{words.clear}</AddressButton>
    </div>
  );
}

/** There are rows, none of which used anything in the range. */
function Unused(): ReactNode {
  const words = useWords();
  return (
    <div className="unused-rows" role="status">
      <p>{words.overview.unused}</p>
      <LongerRange />
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
