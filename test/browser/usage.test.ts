// The Usage page in a real browser: how it opens, what it asks, and that what it shows is what the API answers.

import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import {
  axeViolations,
  NARROW,
  openBrowser,
  openPage,
  type PageOptions,
  scrollsSideways,
  type Watched,
  WIDE,
} from '../support/browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { plainOf, saysDecimal, shownFigures, valuesOf } from '../support/shown-figures.ts';
import { openUsageAccount, usageToken } from '../support/usage-account.ts';

const TABS = [
  'overview',
  'workflows',
  'models',
  'guardrails',
  'custom-scripts',
  'ocr',
  'browser-automation',
  'credits',
];

let gateway: TestGateway;
let browser: Browser;
let accountId: string;
let token: string;
const opened: Watched[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await openUsageAccount(gateway);
  token = await usageToken(gateway, accountId, { expiresInSeconds: 3600 });
  browser = await openBrowser();
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

/** A new profile at an address of the page; with the token, unless null is given. */
async function visit(
  address: string,
  options: PageOptions & { readonly token?: string | null } = {},
): Promise<Watched> {
  const { token: own = token, ...rest } = options;
  const watched = await openPage(browser, { baseURL: originOf(gateway), ...rest });
  opened.push(watched);
  await watched.page.goto(own === null ? address : `${address}#token=${own}`);
  return watched;
}

/** Waits until nothing on the page is being loaded. */
async function settled({ page }: Watched): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
}

describe('the Usage page', () => {
  it('opens with a token of the address, which it takes out at once', async () => {
    const visited = await visit('/usage/overview?range=7d');
    await visited.page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    expect(new URL(visited.page.url()).hash).toBe('');
    expect(await visited.page.title()).toBe('Acme');
    // Back leads to no address that has it.
    await visited.page.goBack();
    expect(visited.page.url()).toBe('about:blank');
  });

  it('asks for the Overview by one request', async () => {
    const visited = await visit('/usage');
    await settled(visited);

    expect(visited.operations).toEqual(['Overview']);
  });

  it('takes a token that is typed in, and keeps it for the browser tab', async () => {
    const { page } = await visit('/usage/overview', { token: null });
    await page.getByLabel('Key or token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();
    expect(page.url()).not.toContain(token);
  });

  it('says that the session has ended once the token is refused', async () => {
    const { page } = await visit('/usage', { token: 'bgp_no-such-token' });
    await page.getByRole('heading', { name: 'The session has ended' }).waitFor();

    expect(await page.getByRole('heading', { name: 'Acme' }).count()).toBe(0);
  });

  it('has an address for each tab; back and a shared link lead to it', async () => {
    const { page } = await visit('/usage/overview?range=90d');
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
    const visited = await visit('/usage');
    await settled(visited);
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
    const { page } = await visit('/usage', { token: null });
    const scripts: Promise<Buffer>[] = [];
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.push(response.body());
    });
    await page.goto(`/usage/demo#token=${token}`);
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    const bytes = (await Promise.all(scripts)).map((script) => gzipSync(script).length);
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(200_000);
  });

  it('shows an operator all accounts, and each account behind its name', async () => {
    const { page, foreign, complaints } = await visit('/usage', { token: gateway.operatorKey });
    await page.getByRole('link', { name: 'Acme' }).click();
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    expect(new URL(page.url()).searchParams.get('account')).toBe(accountId);
    await page.goBack();
    await page.getByRole('link', { name: 'Acme' }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] });
  });

  it('speaks German to who prefers it', async () => {
    const { page } = await visit('/usage', { locale: 'de-DE' });
    await page.getByRole('link', { name: 'Übersicht', exact: true }).waitFor();

    expect(await page.locator('html').getAttribute('lang')).toBe('de');
  });
});

// 60 hours of gpu-a at 3.6 an hour; of ten replicas of cpu-b at 0.123457; and what the events say.
const USED = {
  'credits.used': ['307.5292', '307.53'],
  'credits.allocated': ['1600', 'of 1,600.00'],
  'credits.byCategory.MODELS': ['230.955', '230.96'],
  'credits.byCategory.GUARDRAILS': ['7.40742', '7.41'],
  'credits.byCategory.CUSTOM_SCRIPTS': ['14.81484', '14.81'],
  'credits.byCategory.OCR': ['24.72226', '24.72'],
  'credits.byCategory.BROWSER_AUTOMATION': ['29.62968', '29.63'],
  'workflowRuns.used': ['213', '213'],
  'workflowRuns.allocated': ['300', 'of 300'],
  'workflowRuns.percentUsed': ['71', '71% used'],
};

describe('the figures', () => {
  it('of the Overview are those that were used', async () => {
    const visited = await visit('/usage/overview');
    await settled(visited);

    const shown = await shownFigures(visited.page);
    const byPath = Object.fromEntries(shown.map(({ path, value, text }) => [path, [value, text]]));
    expect(byPath).toMatchObject(USED);
  });

  it.each(TABS)('of the tab %s are those of the answer', async (tab) => {
    const visited = await visit(`/usage/${tab}`);
    await settled(visited);
    const shown = await shownFigures(visited.page);
    const answered = new Set(valuesOf(visited.answers));

    expect(shown.filter(({ value }) => value !== null && !answered.has(plainOf(value)))).toEqual(
      [],
    );
    expect(shown.filter((figure) => saysDecimal(figure) === false)).toEqual([]);
  });
});

describe.each(TABS)('the tab %s', (tab) => {
  it('asks nobody else, breaks no rule of its policy, and complains of nothing', async () => {
    const visited = await visit(`/usage/${tab}`);
    await settled(visited);

    expect(visited.foreign).toEqual([]);
    expect(visited.complaints).toEqual([]);
  });

  it('is accessible, light and dark, wide and narrow', async () => {
    const visited = await visit(`/usage/${tab}`);
    await settled(visited);

    for (const colorScheme of ['light', 'dark'] as const) {
      for (const viewport of [WIDE, NARROW]) {
        await visited.page.emulateMedia({ colorScheme });
        await visited.page.setViewportSize(viewport);
        expect({
          colorScheme,
          viewport,
          violations: await axeViolations(visited.page),
          scrollsSideways: await scrollsSideways(visited.page),
        }).toEqual({ colorScheme, viewport, violations: [], scrollsSideways: false });
      }
    }
  });
});
