import type { ReactNode } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import type { PagePartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import { pagesAround, type Target } from './pages.ts';

export interface PageBarProps {
  readonly label: string;
  /** How many rows stand before those that are shown. */
  readonly before: number;
  readonly shown: number;
  readonly totalCount: number;
  /** Goes to the page above; null: there is none. */
  readonly up: (() => void) | null;
  /** Goes to the page below; null: there is none. */
  readonly down: (() => void) | null;
  readonly isNewestFirst?: boolean;
  /** Stands beside: a chooser of the size of pages. */
  readonly children?: ReactNode;
}

/** «1–25 of 60» with the ways to the pages before and after. */
export function PageBar(props: PageBarProps): ReactNode {
  const { label, before, shown, totalCount, up, down, isNewestFirst = false, children } = props;
  const words = useWords().paging;
  const figures = useFigures();
  return (
    <nav className="list-paging" aria-label={label}>
      <span className="muted">
        {words.position(
          figures.count(Math.min(before + 1, totalCount)),
          figures.count(before + shown),
          figures.count(totalCount),
        )}
      </span>
      <PageButton go={up}>{isNewestFirst ? words.newer : words.previous}</PageButton>
      <PageButton go={down}>{isNewestFirst ? words.older : words.next}</PageButton>
      {children}
    </nav>
  );
}

interface PageButtonProps {
  readonly go: (() => void) | null;
  readonly children: string;
}

function PageButton({ go, children }: PageButtonProps): ReactNode {
  return (
    <button type="button" className="button" disabled={go === null} onClick={() => go?.()}>
      {children}
    </button>
  );
}

export interface PagingProps extends Pick<
  PageBarProps,
  'shown' | 'totalCount' | 'isNewestFirst' | 'children'
> {
  readonly pageInfo: PagePartsFragment;
}

/** The pages of the list whose page stands in the address. */
export function Paging({ pageInfo, isNewestFirst = false, ...rest }: PagingProps): ReactNode {
  const words = useWords().paging;
  const { page, pageSize } = useAddress();
  const rowsBefore = page?.rowsBefore ?? 0;
  const { up, down } = pagesAround({
    pageInfo,
    rowsBefore,
    rows: rest.shown,
    pageSize,
    isNewestFirst,
  });
  return (
    <PageBar
      {...rest}
      label={words.label}
      before={rowsBefore}
      up={wayTo(up)}
      down={wayTo(down)}
      isNewestFirst={isNewestFirst}
    />
  );
}

function wayTo(page: Target): (() => void) | null {
  if (page === undefined) return null;
  return () => {
    navigate({ page });
  };
}
