// Tabs of rows: what orders, pages, searches and filters them, opens them, and stands in their address.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../support/eventually.ts';
import { TEST_NOW } from '../support/gateway.ts';
import { shownRows } from '../support/shown-figures.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

const HOUR_MS = 3_600_000;

let pages: UsagePages;

beforeAll(async () => {
  pages = await openUsagePages();
});

afterEach(() => pages.leave());

afterAll(() => pages.close());

const form = (number: number): string => `Forms ${String(number).padStart(2, '0')}`;
/** Forms `from` to `to`, upwards or downwards. */
function forms(from: number, to: number): string[] {
  const step = from < to ? 1 : -1;
  const count = Math.abs(to - from) + 1;
  return Array.from({ length: count }, (_, index) => form(from + index * step));
}

// 30 workflows in the tab's own order, the most runs first, by pages of 25.
const FIRST_PAGE = ['Invoices', 'Letters', ...forms(28, 6)];
const SECOND_PAGE = forms(5, 1);

/** Waits until these are the rows, under their total. */
async function expectRows(page: Page, names: readonly string[]): Promise<void> {
  await eventually(async () => {
    expect([...(await shownRows(page)).keys()]).toEqual(['Total', ...names]);
  });
}

async function totalRuns(page: Page): Promise<string | null | undefined> {
  return (await shownRows(page)).get('Total')?.['runs'];
}

const header = (page: Page, name: string): Locator => page.getByRole('columnheader', { name });
const sortedBy = (page: Page): Locator => page.locator('th[aria-sort]');
const position = (page: Page, text: string): Promise<void> =>
  page.getByRole('navigation', { name: 'Pages' }).getByText(text).waitFor();
const search = (page: Page): Locator => page.getByRole('searchbox', { name: 'Search by name' });

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    if ((await target.and(page.locator(':focus')).count()) > 0) return;
    await page.keyboard.press('Tab');
  }
  throw new Error('Tab does not lead there');
}

describe('the order of rows', () => {
  it('is by a header that is pressed, and the other way round by a second press', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    expect(await sortedBy(page).innerText()).toContain('Runs');
    expect(await sortedBy(page).getAttribute('aria-sort')).toBe('descending');

    await header(page, 'Name').getByRole('button').click();
    await expectRows(page, forms(1, 25));
    expect(await sortedBy(page).count()).toBe(1);
    expect(await header(page, 'Name').getAttribute('aria-sort')).toBe('ascending');

    await header(page, 'Name').getByRole('button').click();
    await expectRows(page, ['Letters', 'Invoices', ...forms(28, 6)]);
    expect(await header(page, 'Name').getAttribute('aria-sort')).toBe('descending');
  });

  it('by a number begins with the most, and is that of the figures', async () => {
    const { page } = await pages.visitSettled('/usage/workflows?sort=name');
    await header(page, 'Runs').getByRole('button').click();
    await expectRows(page, FIRST_PAGE);

    const runs = [...(await shownRows(page)).values()].slice(1).map((row) => Number(row['runs']));
    expect(runs).toEqual([180, 33, ...Array.from({ length: 23 }, (_, index) => 28 - index)]);
  });
});

describe('the pages of rows', () => {
  it('are walked both ways; the total is of all of them', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await position(page, '1–25 of 30');
    expect(await page.getByRole('button', { name: 'Previous' }).isDisabled()).toBe(true);

    await page.getByRole('button', { name: 'Next' }).click();
    await expectRows(page, SECOND_PAGE);
    await position(page, '26–30 of 30');
    expect(await totalRuns(page)).toBe('619');
    expect(await page.getByRole('button', { name: 'Next' }).isDisabled()).toBe(true);

    await page.getByRole('button', { name: 'Previous' }).click();
    await expectRows(page, FIRST_PAGE);
    await position(page, '1–25 of 30');
  });

  it('hold as many rows as are chosen, which add up to the total', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await page.getByRole('combobox', { name: 'Rows a page' }).selectOption('50');
    await expectRows(page, [...FIRST_PAGE, ...SECOND_PAGE]);

    const [total, ...rows] = [...(await shownRows(page)).values()].map(({ runs }) => Number(runs));
    expect(rows.reduce((sum, runs) => sum + runs, 0)).toBe(total);
    await position(page, '1–30 of 30');
  });

  it('begin anew when the order changes', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await page.getByRole('button', { name: 'Next' }).click();
    await expectRows(page, SECOND_PAGE);

    await header(page, 'Name').getByRole('button').click();
    await expectRows(page, forms(1, 25));
    await position(page, '1–25 of 30');
  });
});

describe('the search', () => {
  it('asks the server once, a moment after the last key', async () => {
    const { page, operations } = await pages.visitSettled('/usage/workflows', { now: TEST_NOW });
    await page.clock.pauseAt(Date.parse(TEST_NOW) + HOUR_MS);
    const before = operations.length;
    await search(page).pressSequentially('forms 1');
    expect(operations).toHaveLength(before);

    await page.clock.runFor(1000);
    await expectRows(page, forms(19, 10));
    expect(operations).toHaveLength(before + 1);
    // 10 + 11 + … + 19
    expect(await totalRuns(page)).toBe('145');
    expect(new URL(page.url()).searchParams.get('q')).toBe('forms 1');
  });

  it('that finds nothing says so, and leads back', async () => {
    const { page } = await pages.visitSettled('/usage/workflows?q=nowhere');
    await page.getByText('Nothing matches.').waitFor();

    await page.getByRole('button', { name: 'Clear search and filter' }).click();
    await expectRows(page, FIRST_PAGE);
    expect(await search(page).inputValue()).toBe('');
  });
});

describe('the filter by status', () => {
  it('leaves those rows, and their total', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await page.locator('summary').filter({ hasText: 'Status' }).click();
    await page.getByRole('group', { name: 'Status' }).getByLabel('Undeployed').check();
    await expectRows(page, ['Letters']);

    expect(await totalRuns(page)).toBe('33');
    expect(new URL(page.url()).searchParams.get('status')).toBe('undeployed');
  });

  it('shows what failed', async () => {
    const { page } = await pages.visitSettled('/usage/guardrails?status=failed');
    await expectRows(page, ['Faces']);

    expect(await page.getByRole('row', { name: 'Faces' }).innerText()).toContain('Failed');
  });

  it('is none of the models', async () => {
    const { page } = await pages.visitSettled('/usage/models?status=failed');

    await expectRows(page, ['Summaries', 'Translations']);
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

describe('a model', () => {
  it('opens to its deployments in place', async () => {
    const { page, operations } = await pages.visitSettled('/usage/models');
    const opener = page.getByRole('button', { name: 'Deployments of Summaries' });
    expect(await opener.getAttribute('aria-expanded')).toBe('false');

    await opener.focus();
    await page.keyboard.press('Enter');
    await expectRows(page, ['Summaries', 'Summaries, live', 'Translations']);
    expect(await opener.getAttribute('aria-expanded')).toBe('true');
    // 60 hours at 3.6, which are the model's hosting.
    const rows = await shownRows(page);
    expect(rows.get('Summaries, live')).toMatchObject({ time: 'PT60H', hosting: '216' });
    expect(rows.get('Summaries')).toMatchObject({ hosting: '216', fineTuning: '14.2' });
    expect(operations).toHaveLength(1);

    await page.keyboard.press('Enter');
    await expectRows(page, ['Summaries', 'Translations']);
  });
});

describe('the address of rows', () => {
  it('shows the same to whoever opens it', async () => {
    const { page } = await pages.visitSettled(
      '/usage/workflows?q=forms+2&sort=name&size=50&status=deployed',
    );

    await expectRows(page, forms(20, 28));
    expect(await header(page, 'Name').getAttribute('aria-sort')).toBe('ascending');
    expect(await search(page).inputValue()).toBe('forms 2');
  });

  it('leads back and forward through what was shown', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await header(page, 'Name').getByRole('button').click();
    await expectRows(page, forms(1, 25));
    await page.getByRole('button', { name: 'Next' }).click();
    await expectRows(page, [...forms(26, 28), 'Invoices', 'Letters']);

    await page.goBack();
    await expectRows(page, forms(1, 25));
    await page.goBack();
    await expectRows(page, FIRST_PAGE);
    await page.goForward();
    await expectRows(page, forms(1, 25));
  });

  it('of a page outlives a reload', async () => {
    const visited = await pages.visitSettled('/usage/workflows');
    await visited.page.getByRole('button', { name: 'Next' }).click();
    await expectRows(visited.page, SECOND_PAGE);

    await visited.page.reload();
    await expectRows(visited.page, SECOND_PAGE);
    await position(visited.page, '26–30 of 30');
  });

  it('of a page that is no longer there leads to the first one', async () => {
    const { page } = await pages.visit('/usage/workflows?page=25-a-of-another-order');
    await page.getByRole('alert').getByText('This page of the list is no longer there').waitFor();
    await page.getByRole('button', { name: 'Show the first page' }).click();

    await expectRows(page, FIRST_PAGE);
  });
});

describe('by keyboard alone', () => {
  it('rows are ordered, searched and paged', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await tabTo(page, search(page));
    await page.keyboard.type('forms');
    await expectRows(page, forms(28, 4));

    await tabTo(page, header(page, 'Name').getByRole('button'));
    await page.keyboard.press('Enter');
    await expectRows(page, forms(1, 25));

    await tabTo(page, page.getByRole('button', { name: 'Next' }));
    await page.keyboard.press('Space');
    await expectRows(page, forms(26, 28));
  });
});
