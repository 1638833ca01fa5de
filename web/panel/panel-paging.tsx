import type { ReactNode } from 'react';
import type { PagePartsFragment } from '@billing-gateway/client/operations';
import { PageBar } from '../ui/paging.tsx';
import type { Pages } from './use-pages.ts';

export interface PanelPagingProps {
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

/** The pages of a list in the panel; nothing where one page shows all. */
export function PanelPaging({ label, pages, pageSize, page }: PanelPagingProps): ReactNode {
  const { totalCount, pageInfo, nodes } = page;
  if (totalCount <= pageSize) return null;
  const next = (): void => {
    pages.next(pageInfo.endCursor);
  };
  return (
    <PageBar
      label={label}
      before={pages.before * pageSize}
      shown={nodes.length}
      totalCount={totalCount}
      up={pages.before === 0 ? null : pages.previous}
      down={pageInfo.hasNextPage ? next : null}
    />
  );
}
