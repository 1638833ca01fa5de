import type { ReactNode } from 'react';
import type { PagePartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import type { Pages } from './use-pages.ts';

export interface PagerProps {
  readonly label: string;
  readonly pages: Pages;
  readonly pageSize: number;
  /** The page that is shown. */
  readonly page: {
    readonly totalCount: number;
    readonly pageInfo: PagePartsFragment;
    readonly nodes: readonly unknown[];
  };
}

/** «11–20 of 23» with the ways to the pages before and after; nothing where one page shows all. */
export function Pager({ label, pages, pageSize, page }: PagerProps): ReactNode {
  const words = useWords().paging;
  const figures = useFigures();
  const { totalCount, pageInfo, nodes } = page;
  if (totalCount <= pageSize) return null;
  const before = pages.before * pageSize;
  return (
    <nav className="list-paging" aria-label={label}>
      <span className="muted">
        {words.position(
          figures.count(before + 1),
          figures.count(before + nodes.length),
          figures.count(totalCount),
        )}
      </span>
      <button
        type="button"
        className="button"
        disabled={pages.before === 0}
        onClick={pages.previous}
      >
        {words.previous}
      </button>
      <button
        type="button"
        className="button"
        disabled={!pageInfo.hasNextPage}
        onClick={() => {
          pages.next(pageInfo.endCursor);
        }}
      >
        {words.next}
      </button>
    </nav>
  );
}
