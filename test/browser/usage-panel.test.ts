// The panel behind a row: how it opens and closes, and that what it shows adds up.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { parseMicro } from '../../src/core/micro.ts';
import { ask, register } from '../support/account.ts';
import { faultsOfForm, NARROW } from '../support/browser.ts';
import { ScaleDocument } from '@billing-gateway/client/operations';
import { plainOf, shownFigures, wrongFigures } from '../support/shown-figures.ts';
import { openUsagePages, settled, type UsagePages } from '../support/usage-pages.ts';

// From 8 March four replicas ran for 36 hours, and then two for 24, at 0.123457 each.
const SCALED_AT = '2026-03-09T12:00:00.000Z';
const SEGMENTS = [
  { replicas: '4', time: 'PT36H', credits: '17.777808' },
  { replicas: '2', time: 'PT24H', credits: '5.925936' },
];
const PORTAL = '23.703744';

let pages: UsagePages;
let portalId: string;

beforeAll(async () => {
  pages = await openUsagePages();
  const { gateway, accountId } = pages;
  const portal = { kind: 'BROWSER_POD', externalId: 'portal', name: 'Portal' } as const;
  [portalId = ''] = await register(gateway, accountId, portal);
  await ask(gateway, ScaleDocument, { input: { id: portalId, replicas: 2, at: SCALED_AT } });
  await gateway.fold();
});

afterEach(() => pages.leave());

afterAll(() => pages.close());

const PANEL = '[aria-label="Details"]';
const panel = (page: Page): Locator => page.locator(PANEL);
const title = (page: Page, name: string): Locator =>
  panel(page).getByRole('heading', { level: 2, name });
const row = (page: Page, name: string): Locator => page.getByRole('link', { name, exact: true });
const opened = (page: Page): string | null => new URL(page.url()).searchParams.get('open');

/** Waits until something has the focus. */
async function expectFocus(target: Locator): Promise<void> {
  await target.and(target.page().locator(':focus')).waitFor();
}

/** The exact figures of the panel whose path ends so, in their order. */
async function figuresOf(page: Page, path: string): Promise<readonly string[]> {
  const figures = await shownFigures(page, PANEL);
  return figures.filter((one) => one.path.endsWith(path)).map(({ value }) => plainOf(value ?? ''));
}

describe('what is used over time', () => {
  it('is shown as a table too, whose figures add up to the credits', async () => {
    const { page, answers } = await pages.visitSettled(
      `/usage/browser-automation?range=7d&open=${portalId}`,
    );
    await title(page, 'Portal').waitFor();
    await panel(page).getByRole('button', { name: 'Table', exact: true }).click();
    await panel(page).getByRole('region', { name: 'Over time' }).getByRole('table').waitFor();
    const figures = (await shownFigures(page, PANEL)).filter(({ path }) =>
      path.startsWith('trend.'),
    );
    const sum = figures.reduce((all, { value }) => all + parseMicro(value ?? '0'), 0n);

    expect(figures).toHaveLength(7);
    expect(sum).toBe(parseMicro(PORTAL));
    expect(wrongFigures(figures, answers)).toEqual([]);
    expect(await faultsOfForm(page)).toEqual([]);
  });
});

describe('the panel of a row', () => {
  it('opens by a click and closes by its button; its link shows it again', async () => {
    const { page, operations } = await pages.visitSettled('/usage/browser-automation');
    await page.getByRole('row', { name: 'Portal' }).getByRole('cell').last().click();
    await title(page, 'Portal').waitFor();
    expect(opened(page)).toBe(portalId);
    expect(operations.slice(1)).toEqual(['Panel']);

    await page.reload();
    await title(page, 'Portal').waitFor();
    await panel(page).getByRole('button', { name: 'Close' }).click();
    await panel(page).waitFor({ state: 'detached' });
    expect(opened(page)).toBe(null);
    await page.goBack();
    await title(page, 'Portal').waitFor();
  });

  it('is opened and left by keyboard; the focus goes with it and comes back', async () => {
    const { page } = await pages.visitSettled('/usage/guardrails');
    await row(page, 'Names').focus();
    await page.keyboard.press('Enter');
    await expectFocus(title(page, 'Names'));

    await page.keyboard.press('Escape');
    await expectFocus(row(page, 'Names'));
    expect(await panel(page).count()).toBe(0);
  });

  it('is a sheet over a narrow page, which is left by keyboard too', async () => {
    const { page } = await pages.visitSettled('/usage/guardrails', { viewport: NARROW });
    await row(page, 'Names').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Details' }).waitFor();
    await expectFocus(title(page, 'Names'));

    await page.keyboard.press('Escape');
    await expectFocus(row(page, 'Names'));
    expect(await panel(page).count()).toBe(0);
  });

  it('scrolls under the whole of its bar', async () => {
    const { page } = await pages.visitSettled(`/usage/browser-automation?open=${portalId}`);
    await title(page, 'Portal').waitFor();
    await panel(page).getByText('External ID').scrollIntoViewIfNeeded();
    const bar = await panel(page).locator('.panel-bar').boundingBox();
    const button = await panel(page).getByRole('button', { name: 'Close' }).boundingBox();
    const box = await panel(page).boundingBox();

    expect(bar?.height ?? 0).toBeGreaterThanOrEqual(button?.height ?? Infinity);
    // All but the panel's scroll bar and borders.
    expect(bar?.width ?? 0).toBeGreaterThan((box?.width ?? Infinity) - 24);
  });

  it('is loaded with the page where its code could not be', async () => {
    const { page } = await pages.visitSettled('/usage/guardrails');
    await page.route('**/assets/panel-*.js', (route) => route.abort());
    await row(page, 'Names').click();
    const retry = page.getByRole('button', { name: 'Try again' });
    await retry.waitFor();

    await page.unroute('**/assets/panel-*.js');
    await retry.click();
    await title(page, 'Names').waitFor();
    expect(await retry.count()).toBe(0);
  });

  it('under a link to nothing says so, and leaves the page as it is', async () => {
    const { page } = await pages.visitSettled('/usage/guardrails?open=nothing');
    await panel(page).getByRole('alert').waitFor();

    expect(await panel(page).innerText()).toContain('Nothing was found under this link');
    await row(page, 'Names').waitFor();
  });
});

describe('what the panel shows', () => {
  it('adds up: the segments to the hardware, and that to the credits', async () => {
    const { page } = await pages.visitSettled(`/usage/browser-automation?open=${portalId}`);
    await title(page, 'Portal').waitFor();
    const credits = await figuresOf(page, 'segments.credits');

    expect(credits.toSorted()).toEqual(SEGMENTS.map((one) => one.credits).toSorted());
    expect(await figuresOf(page, 'segments.replicas')).toEqual(
      expect.arrayContaining(SEGMENTS.map(({ replicas }) => replicas)),
    );
    expect(await figuresOf(page, 'segments.time')).toEqual(
      expect.arrayContaining(SEGMENTS.map(({ time }) => time)),
    );
    expect(credits.reduce((sum, one) => sum + parseMicro(one), 0n)).toBe(parseMicro(PORTAL));
    // At its head, and as the total of its components.
    expect(await figuresOf(page, 'usage.credits')).toEqual([PORTAL, PORTAL]);
    expect(await figuresOf(page, 'peakReplicas')).toEqual(['4']);
    // 36 × 4 + 24 × 2
    expect(await figuresOf(page, 'replicaTime')).toEqual(['PT192H']);
  });

  it('says why a deployment failed', async () => {
    const { page } = await pages.visitSettled('/usage/guardrails');
    await row(page, 'Faces').click();

    await panel(page).getByText('The image could not be pulled.').waitFor();
    expect(await panel(page).innerText()).toContain('Failed');
  });

  it('leads from a model to its deployments, and back', async () => {
    const { page } = await pages.visitSettled('/usage/models');
    await row(page, 'Summaries').click();
    await title(page, 'Summaries').waitFor();
    expect(await figuresOf(page, 'usage.credits')).toEqual(['230.955', '230.955']);

    await panel(page).getByRole('link', { name: 'Summaries, live' }).click();
    await title(page, 'Summaries, live').waitFor();
    expect(await figuresOf(page, 'usage.credits')).toEqual(['216', '216']);
    await page.goBack();
    await title(page, 'Summaries').waitFor();
  });

  it('of a workflow is its runs', async () => {
    const { page } = await pages.visitSettled('/usage/workflows');
    await row(page, 'Invoices').click();
    await title(page, 'Invoices').waitFor();

    expect(await figuresOf(page, 'runs')).toEqual(['180']);
  });
});

describe.each([
  ['browser-automation', 'Portal'],
  ['models', 'Summaries'],
  ['workflows', 'Invoices'],
])('a panel of %s', (tab, name) => {
  it('shows the figures of the answer, is accessible, and complains of nothing', async () => {
    const visited = await pages.visitSettled(`/usage/${tab}`);
    const { page } = visited;
    await row(page, name).click();
    await title(page, name).waitFor();
    await settled(visited);
    const shown = await shownFigures(page, PANEL);

    expect(shown.length).toBeGreaterThan(0);
    expect(wrongFigures(shown, visited.answers)).toEqual([]);
    expect(await faultsOfForm(page)).toEqual([]);
    expect({ foreign: visited.foreign, complaints: visited.complaints }).toEqual({
      foreign: [],
      complaints: [],
    });
  });
});
