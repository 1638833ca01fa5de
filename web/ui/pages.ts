// Which page of a list the address names, and which lie before and after it.

import type { PagePlace } from '../address/address.ts';
import type { PagePartsFragment } from '@billing-gateway/client/operations';

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

/** Null: the first page; undefined: there is none. */
export type Target = PagePlace | null | undefined;

export interface Targets {
  readonly up: Target;
  readonly down: Target;
}

export interface PageShown {
  readonly pageInfo: PagePartsFragment;
  readonly rowsBefore: number;
  readonly rows: number;
  readonly pageSize: number;
  readonly isNewestFirst: boolean;
}

/** The pages above and below what is shown. */
export function pagesAround(shown: PageShown): Targets {
  const { pageInfo, rowsBefore, rows, pageSize, isNewestFirst } = shown;
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  const up = Math.max(0, rowsBefore - pageSize);
  const down = rowsBefore + rows;
  if (isNewestFirst) {
    return {
      up: hasNextPage ? place(up, 'after', up > 0 ? endCursor : null) : undefined,
      down: hasPreviousPage ? place(down, 'before', startCursor) : undefined,
    };
  }
  return {
    up: hasPreviousPage ? place(up, 'before', up > 0 ? startCursor : null) : undefined,
    down: hasNextPage ? place(down, 'after', endCursor) : undefined,
  };
}

function place(
  rowsBefore: number,
  direction: PagePlace['direction'],
  cursor: string | null,
): PagePlace | null {
  return cursor === null ? null : { rowsBefore, direction, cursor };
}
