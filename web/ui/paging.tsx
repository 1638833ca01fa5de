import type { ReactNode } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import type { PagePartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import { pagesAround, type Target } from './pages.ts';

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
  const places = pagesAround({
    pageInfo,
    rowsBefore: before,
    rows: shown,
    pageSize,
    isNewestFirst,
  });
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
