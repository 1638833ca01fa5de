// Which page of a list is asked for, and in which order.

import { describe, expect, it } from '@jest/globals';
import { orderInput } from '../../web/operators/order.ts';
import { pageInput, pagesAround } from '../../web/ui/pages.ts';

const INFO = { hasNextPage: true, hasPreviousPage: true, startCursor: 'start', endCursor: 'end' };

describe('the page that is asked for', () => {
  it('is the first one, or the last where the newest stand first', () => {
    expect(pageInput(null, 25)).toEqual({ first: 25 });
    expect(pageInput(null, 25, true)).toEqual({ last: 25 });
  });

  it('follows or precedes the cursor of the address', () => {
    const after = { rowsBefore: 25, direction: 'after', cursor: 'c' } as const;
    expect(pageInput(after, 50)).toEqual({ first: 50, after: 'c' });
    expect(pageInput({ ...after, direction: 'before' }, 50, true)).toEqual({
      last: 50,
      before: 'c',
    });
  });
});

describe('the pages around', () => {
  const shown = { pageInfo: INFO, rowsBefore: 50, rows: 25, pageSize: 25, isNewestFirst: false };

  it('are those before the first row and after the last one', () => {
    expect(pagesAround(shown)).toEqual({
      up: { rowsBefore: 25, direction: 'before', cursor: 'start' },
      down: { rowsBefore: 75, direction: 'after', cursor: 'end' },
    });
  });

  it('lie the other way round where the newest stand first', () => {
    expect(pagesAround({ ...shown, isNewestFirst: true })).toEqual({
      up: { rowsBefore: 25, direction: 'after', cursor: 'end' },
      down: { rowsBefore: 75, direction: 'before', cursor: 'start' },
    });
  });

  it('lead back to the address of the first page', () => {
    expect(pagesAround({ ...shown, rowsBefore: 25 }).up).toBeNull();
    // Rows were added before it since: a page that begins above the first row is the first page.
    expect(pagesAround({ ...shown, rowsBefore: 3 }).up).toBeNull();
  });

  it('are none at the ends', () => {
    const pageInfo = { ...INFO, hasNextPage: false, hasPreviousPage: false };
    expect(pagesAround({ ...shown, pageInfo })).toEqual({ up: undefined, down: undefined });
  });
});

describe('the order of the operators’ list', () => {
  it('is by who stops first, unless the address says otherwise', () => {
    expect(orderInput(null)).toEqual({ field: 'STOPS_AT', direction: 'ASC' });
    expect(orderInput({ field: 'remaining', descending: true })).toEqual({
      field: 'REMAINING',
      direction: 'DESC',
    });
  });

  it('is so too where the address names a field of another list', () => {
    expect(orderInput({ field: 'last_active_on', descending: true })).toEqual({
      field: 'STOPS_AT',
      direction: 'ASC',
    });
  });
});
