// The Usage page in a real browser: how it opens, what it asks, and that what it shows is what the API answers.

import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { axeViolations, faultsOfForm, type Watched } from '../support/browser.ts';
import { until } from '../support/eventually.ts';
import { TEST_NOW } from '../support/gateway.ts';
import { plainOf, shownFigures, shownRows, wrongFigures } from '../support/shown-figures.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

let pages: UsagePages;

beforeAll(async () => {
  pages = await openUsagePages();
});

afterAll(async () => {
  await pages.close();
});

describe('the Usage page', () => {
  afterEach(() => pages.leave());

  it('opens with a token of the address, which it takes out at once', async () => {
    const visited = await pages.visit('/usage/overview?range=7d');
    await visited.page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    expect(new URL(visited.page.url()).hash).toBe('');
    expect(await visited.page.title()).toBe('Acme');
    // Back leads to no address that has it.
    await visited.page.goBack();
    expect(visited.page.url()).toBe('about:blank');
  });

  it('asks for the Overview by one request', async () => {
    const visited = await pages.visitSettled('/usage');

    expect(visited.operations).toEqual(['Overview']);
  });

  it('asks for it anew each minute while somebody looks', async () => {
    const visited = await pages.visitSettled('/usage', { now: TEST_NOW });
    await visited.page.clock.fastForward(60_000);

    await until(() => visited.operations.length > 1, 'the next request');
    expect(visited.operations).toEqual(['Overview', 'Overview']);
  });

  it('takes a token that is typed in, and keeps it for the browser tab', async () => {
    const { token } = pages;
    const { page } = await pages.visit('/usage/overview', { token: null });
    await page.getByLabel('Key or token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();
    expect(page.url()).not.toContain(token);
  });

  it('says that the session has ended once the token is refused', async () => {
    const { page } = await pages.visit('/usage', { token: 'bgp_no-such-token' });
    await page.getByRole('heading', { name: 'The session has ended' }).waitFor();

    expect(await page.getByRole('heading', { name: 'Acme' }).count()).toBe(0);
  });

  it('has an address for each tab; back and a shared link lead to it', async () => {
    const { page } = await pages.visit('/usage/overview?range=90d');
    await page
      .getByRole('navigation', { name: 'Views' })
      .getByRole('link', { name: 'Models' })
      .click();
    await page.waitForURL('**/usage/models?range=90d');
    await page.goBack();
    await page.waitForURL('**/usage/overview?range=90d');

    const link = page.getByRole('link', { name: 'Overview', exact: true });
    expect(await link.getAttribute('aria-current')).toBe('page');
  });

  it('is walked by keyboard: past the tabs to the content, and from tab to tab', async () => {
    const visited = await pages.visitSettled('/usage');
    const { page } = visited;
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').innerText()).toBe('Skip to content');
    await page.keyboard.press('Enter');
    await page.locator('main:focus').waitFor();

    await page.getByRole('link', { name: 'Credits', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/usage/credits');
  });

  it('loads at most 200 KB of scripts at first', async () => {
    const { page } = await pages.visit('/usage', { token: null });
    const scripts: Promise<Buffer>[] = [];
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.push(response.body());
    });
    await page.goto(`/usage/demo#token=${pages.token}`);
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    const bytes = (await Promise.all(scripts)).map((script) => gzipSync(script).length);
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(200_000);
  });

  it('shows an operator all accounts, and each account behind its name', async () => {
    const { page, foreign, complaints } = await pages.visit('/usage', {
      token: pages.gateway.operatorKey,
    });
    await page.getByRole('link', { name: 'Acme' }).click();
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    expect(new URL(page.url()).searchParams.get('account')).toBe(pages.accountId);
    await page.goBack();
    await page.getByRole('link', { name: 'Acme' }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] });
  });

  it('speaks German to who prefers it', async () => {
    const { page } = await pages.visit('/usage', { locale: 'de-DE' });
    await page.getByRole('link', { name: 'Übersicht', exact: true }).waitFor();

    expect(await page.locator('html').getAttribute('lang')).toBe('de');
  });
});

// 60 hours of gpu-a at 3.6 an hour; of fifteen replicas of cpu-b at 0.123457; and what the events say.
const USED = {
  'credits.used': ['344.5663', '344.57'],
  'credits.allocated': ['1600', 'of 1,600.00'],
  'credits.byCategory.MODELS': ['267.9921', '267.99'],
  'credits.byCategory.GUARDRAILS': ['7.40742', '7.41'],
  'credits.byCategory.CUSTOM_SCRIPTS': ['14.81484', '14.81'],
  'credits.byCategory.OCR': ['24.72226', '24.72'],
  'credits.byCategory.BROWSER_AUTOMATION': ['29.62968', '29.63'],
  'workflowRuns.used': ['619', '619'],
  'workflowRuns.allocated': ['1000', 'of 1,000'],
  'workflowRuns.percentUsed': ['61.9', '61.9% used'],
};

// The rows of each tab with the figure that they are ordered by: first of all rows, then the first ones.
const ROWS: Record<string, readonly (readonly [string, string])[]> = {
  workflows: [
    ['Total', '619'],
    ['Invoices', '180'],
    ['Letters', '33'],
    ['Forms 28', '28'],
  ],
  models: [
    ['Total', '267.9921'],
    ['Summaries', '230.955'],
    ['Translations', '37.0371'],
  ],
  guardrails: [
    ['Total', '7.40742'],
    ['Names', '7.40742'],
    ['Faces', '0'],
  ],
  'custom-scripts': [
    ['Total', '14.81484'],
    ['Cleaning', '14.81484'],
  ],
  ocr: [
    ['Total', '24.72226'],
    ['Scans', '24.72226'],
  ],
  'browser-automation': [
    ['Total', '29.62968'],
    ['Portal', '29.62968'],
  ],
};

describe('the figures', () => {
  afterEach(() => pages.leave());

  it('of the Overview are those that were used', async () => {
    const { page } = await pages.visitSettled('/usage/overview');
    const shown = await shownFigures(page);
    const byPath = Object.fromEntries(shown.map(({ path, value, text }) => [path, [value, text]]));

    expect(byPath).toMatchObject(USED);
  });

  it.each(Object.entries(ROWS))(
    'of the rows of the tab %s are those that were used',
    async (tab, rows) => {
      const { page } = await pages.visitSettled(`/usage/${tab}`);
      const shown = await shownRows(page);
      const ordering = tab === 'workflows' ? 'runs' : 'credits';
      const figures = [...shown].map(([name, of]) => [name, plainOf(of[ordering] ?? '')]);

      expect(figures.slice(0, rows.length)).toEqual(rows);
    },
  );
});

/** How many figures each tab has at least, each of which is compared with the answer. */
const TABS: readonly (readonly [tab: string, figures: number])[] = [
  ['overview', 25],
  // A row and its runs: 25, and all of them.
  ['workflows', 26],
  // Six figures a row, and their sums.
  ['models', 18],
  // Four.
  ['guardrails', 12],
  ['custom-scripts', 8],
  ['ocr', 8],
  ['browser-automation', 8],
  ['credits', 18],
];

describe.each(TABS)('the tab %s', (tab, figures) => {
  let visited: Watched;

  beforeAll(async () => {
    visited = await pages.visitSettled(`/usage/${tab}`);
  });

  afterAll(() => pages.leave());

  it('shows the figures of the answer', async () => {
    const shown = await shownFigures(visited.page);

    expect(shown.length).toBeGreaterThanOrEqual(figures);
    expect(wrongFigures(shown, visited.answers)).toEqual([]);
  });

  it('is accessible, light and dark, wide and narrow', async () => {
    expect(await faultsOfForm(visited.page)).toEqual([]);
  });

  it('asks nothing twice, nobody else, breaks no rule of its policy, and complains of nothing', () => {
    expect(visited.operations).toEqual([...new Set(visited.operations)]);
    expect(visited.foreign).toEqual([]);
    expect(visited.complaints).toEqual([]);
  });
});
