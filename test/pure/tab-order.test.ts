import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pageOfList } from '../../src/graphql/page.ts';
import { figuresOf } from '../../src/views/sums.ts';
import { orderedRows, rowOrder, tabs, type TabRow } from '../../src/views/tabs.ts';

function aRow(id: number, creditsMicro: bigint): TabRow<null> {
  const none = { hardwareId: 0, quantity: 0n, hostingMs: 0n, replicaMs: 0n };
  const sum = {
    cell: 0,
    subjectId: id,
    kind: null,
    type: 'PROCESSING',
    creditsMicro,
    ...none,
  } as const;
  return {
    ...{ id, item: null, name: 'row', type: null, status: null, owner: null, language: null },
    ...{ ocrModel: null, lastUpdatedAtMs: null, lastActiveAtMs: null, lastDeployedAtMs: null },
    figures: figuresOf([sum]),
    sums: [sum],
  };
}

// Beyond what a double tells apart, of either sign, and many alike.
const credits = fc.oneof(
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
  fc.bigInt({ min: -3n, max: 3n }),
);
const directions = fc.constantFrom('ASC', 'DESC');

describe('the order of a tab by credits', () => {
  it('is kept with the rows: the same list each time, and another for another order', () => {
    const rows = [aRow(1, 1n), aRow(2, 2n)];
    const inOrder = (direction: 'ASC' | 'DESC'): unknown =>
      orderedRows(rows, rowOrder(tabs.guardrails, { field: 'CREDITS', direction }));
    const [first, again, other] = [inOrder('ASC'), inOrder('ASC'), inOrder('DESC')];

    expect(again).toBe(first);
    expect(other).toEqual([rows[1], rows[0]]);
    expect(first).toEqual(rows);
  });

  it('is that of the sums, however large, and ties are by id', () => {
    fc.assert(
      fc.property(fc.array(credits, { maxLength: 30 }), directions, (all, direction) => {
        const rows = all.map((micro, index) => aRow(index, micro));
        const order = rowOrder(tabs.guardrails, { field: 'CREDITS', direction });

        const ordered = orderedRows(rows, order).map(({ id }) => id);

        const sign = direction === 'ASC' ? 1n : -1n;
        const expected = all
          .map((micro, id) => ({ micro: sign * micro, id }))
          .sort((a, b) => (a.micro < b.micro ? -1 : Number(a.micro > b.micro)) || a.id - b.id)
          .map(({ id }) => id);
        expect(ordered).toEqual(expected);
      }),
    );
  });

  it('gives pages that together are the list, also after the row of a cursor has gone', () => {
    fc.assert(
      fc.property(fc.array(credits, { minLength: 2, maxLength: 30 }), fc.nat(), (all, gone) => {
        const order = rowOrder(tabs.guardrails, { field: 'CREDITS', direction: 'DESC' });
        const rows = orderedRows(
          all.map((micro, index) => aRow(index, micro)),
          order,
        );
        const cut = gone % rows.length;
        const row = rows[cut];
        if (row === undefined) throw new Error('no row');
        const left = rows.filter(({ id }) => id !== row.id);
        const after = order.keyOf(row);

        const { nodes, hasPreviousPage } = pageOfList(left, { first: 100, after }, order);

        expect(nodes).toEqual(rows.slice(cut + 1));
        expect(hasPreviousPage).toBe(cut > 0);
      }),
    );
  });

  it.each(['01', '-0', '-', '', '1e3', '9'.repeat(41)])('takes no cursor with %j', (value) => {
    const order = rowOrder(tabs.guardrails, { field: 'CREDITS' });

    expect(order.isKey({ value, id: 1 })).toBe(false);
  });
});
