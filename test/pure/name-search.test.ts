// Tabs and reports find by name, and tabs sort by it, as the search for accounts does.

import { expect, it } from '@jest/globals';
import { filterRows, rowOrder, tabs, type TabRow } from '../../src/views/tabs.ts';
import { meetsFilter, type Charge } from '../../src/views/report.ts';
import { figuresOf } from '../../src/views/sums.ts';

function row(id: number, name: string): TabRow<null> {
  return {
    id,
    item: null,
    name,
    type: null,
    status: null,
    owner: null,
    language: null,
    ocrModel: null,
    lastUpdatedAtMs: null,
    lastActiveAtMs: null,
    lastDeployedAtMs: null,
    figures: figuresOf([]),
    sums: [],
  };
}

it.each([
  ['ÜBUNG', ['übung', 'Übung 2']],
  ['strasse', ['Straße']],
  ['', ['übung', 'Straße', 'Übung 2']],
])('a tab that is searched for %s lists %j', (search, names) => {
  const rows = [row(1, 'übung'), row(2, 'Straße'), row(3, 'Übung 2')];

  expect(filterRows(rows, { search }, new Set()).map(({ name }) => name)).toEqual(names);
});

it('a tab by name takes capital and small letters for alike, and ties by id', () => {
  const rows = [row(1, 'Öde'), row(2, 'STRASSE'), row(3, 'straße'), row(4, 'öd'), row(5, 'Apfel')];
  const order = rowOrder(tabs.guardrails, { field: 'NAME', direction: 'ASC' });

  const sorted = rows.toSorted((a, b) => order.compare(order.keyOf(a), order.keyOf(b)));

  expect(sorted.map(({ id }) => id)).toEqual([5, 2, 3, 4, 1]);
});

it('a report is searched alike', () => {
  const charge = { name: 'Große Übung', resource: null, owner: null, category: null };

  const meets = (search: string): boolean =>
    meetsFilter(charge as unknown as Charge, { search }, new Set());

  expect([meets('GROSSE'), meets('übung'), meets('ubung')]).toEqual([true, true, false]);
});
