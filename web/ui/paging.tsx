import type { ReactNode } from 'react';
import type { PagePlace } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import type { PagePartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';

/** The page of a list as the API takes it. `isNewestFirst`: the server's list is ascending, and is shown from its end. */
export function pageInput(
  page: PagePlace | null,
  size: number,
  isNewestFirst = false,
): { first: number; after?: string } | { last: number; before?: string } {
  if (page === null) return isNewestFirst ? { last: size } : { first: size };
  return page.direction === 'after'
    ? { first: size, after: page.cursor }
    : { last: size, before: page.cursor };
}

export interface PagingProps {
  readonly pageInfo: PagePartsFragment;
  readonly shown: number;
  readonly totalCount: number;
  readonly isNewestFirst?: boolean;
  /** Stands beside: a chooser of the size of pages. */
  readonly children?: ReactNode;
}

/** «1–25 of 60» with the ways to the pages before and after. */
export function Paging({
  pageInfo,
  shown,
  totalCount,
  isNewestFirst = false,
  children,
}: PagingProps): ReactNode {
  const words = useWords().paging;
  const figures = useFigures();
  const { page, pageSize } = useAddress();
  const before = page?.rowsBefore ?? 0;
  const places = isNewestFirst
    ? newestFirst(before, shown, { pageInfo, pageSize })
    : oldestFirst(before, shown, { pageInfo, pageSize });
  return (
    <nav className="list-paging" aria-label={words.label}>
      <span className="muted">
        {words.position(
          figures.count(Math.min(before + 1, totalCount)),
          figures.count(before + shown),
          figures.count(totalCount),
        )}
      </span>
      <PageButton to={places.up}>{isNewestFirst ? words.newer : words.previous}</PageButton>
      <PageButton to={places.down}>{isNewestFirst ? words.older : words.next}</PageButton>
      {children}
    </nav>
  );
}

/** Null: the first page; undefined: there is none. */
type Target = PagePlace | null | undefined;

interface Around {
  readonly pageInfo: PagePartsFragment;
  readonly pageSize: number;
}

interface Targets {
  readonly up: Target;
  readonly down: Target;
}

function oldestFirst(before: number, shown: number, { pageInfo, pageSize }: Around): Targets {
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  const up = Math.max(0, before - pageSize);
  return {
    up: hasPreviousPage ? place(up, 'before', up > 0 ? startCursor : null) : undefined,
    down: hasNextPage ? place(before + shown, 'after', endCursor) : undefined,
  };
}

function newestFirst(before: number, shown: number, { pageInfo, pageSize }: Around): Targets {
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  const up = Math.max(0, before - pageSize);
  return {
    up: hasNextPage ? place(up, 'after', up > 0 ? endCursor : null) : undefined,
    down: hasPreviousPage ? place(before + shown, 'before', startCursor) : undefined,
  };
}

function place(
  rowsBefore: number,
  direction: PagePlace['direction'],
  cursor: string | null,
): PagePlace | null {
  return cursor === null ? null : { rowsBefore, direction, cursor };
}

interface PageButtonProps {
  readonly to: Target;
  readonly children: string;
}

function PageButton({ to, children }: PageButtonProps): ReactNode {
  return (
    <button
      type="button"
      className="button"
      disabled={to === undefined}
      onClick={() => {
        navigate({ page: to ?? null });
      }}
    >
      {children}
    </button>
  );
}
