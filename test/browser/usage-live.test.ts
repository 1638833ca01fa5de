// The Usage page while it is open: what changes on the account is on the screen, in every tab of the browser, also after its
// socket was cut or its gateway killed.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { moveClock, NO_THRESHOLDS } from '../support/account.ts';
import { openPage, type Watched } from '../support/browser.ts';
import { eventually, until } from '../support/eventually.ts';
import { OPERATOR_KEY, TEST_NOW } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { openUsageAccount, usageToken } from '../support/usage-account.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

// 1,255.4337 credits are left, and 5.451855 an hour burn. Low begins at 100, the stop is at −50.
/** 212 hours on 99.64044 are left: for 18 h 16 min 36 s, and with 50 more for a day and 3 h 26 min 52 s. */
const LOW_AT = '2026-03-19T08:00:00.000Z';
const LOW_TEXT = 'Credits are low: 100.00 left. New deployments are refused.';
/** 231 hours on, −3.944805 are left: to −50 another 8 h 26 min 52 s. */
const EXHAUSTED_AT = '2026-03-20T03:00:00.000Z';
const EXHAUSTED_TEXT = 'The credits are used up. New deployments are refused.';
/** 240 hours on −50 was reached on the way. */
const STOPPED_AT = '2026-03-20T12:00:00.000Z';
const STOPPED_TEXT = /^The negative limit was reached at [-−]50\.00 credits\./;

/** How long an alert stays on the page, and more than that. */
const TOAST_MS = 15_000;
const HOUR_MS = 3_600_000;

let pages: UsagePages;
let accountId: string;
let token: string;

beforeAll(async () => {
  pages = await openUsagePages();
});

beforeEach(async () => {
  accountId = await openUsageAccount(pages.gateway, NO_THRESHOLDS);
  token = await usageToken(pages.gateway, accountId);
});

afterEach(() => pages.leave());

afterAll(() => pages.close());

const moveTo = (instant: string): Promise<void> => moveClock(pages.gateway, accountId, instant);
const balance = (page: Page): Locator => page.getByRole('region', { name: 'Balance' });
const timers = (page: Page): Promise<string[]> => balance(page).getByRole('timer').allInnerTexts();
const toasts = (page: Page): Locator =>
  page.getByRole('region', { name: 'New alerts' }).locator('[data-sequence]');
const bell = (page: Page): Locator => page.getByRole('button', { name: /^Alerts/ });

/** Waits until the page follows the account by the socket, its own or another tab's. */
async function isLive(page: Page): Promise<void> {
  await page.locator('[data-connected="true"]').waitFor();
}

async function state(page: Page, name: string): Promise<void> {
  await balance(page).getByText(name, { exact: true }).waitFor();
}

/** The alerts of the bell's list, newest first; reads them. */
async function read(page: Page): Promise<readonly string[]> {
  await bell(page).click();
  const items = page.getByRole('dialog', { name: 'Alerts' }).getByRole('listitem');
  await items.first().waitFor();
  const texts = await items.locator('p:first-child').allInnerTexts();
  await page.keyboard.press('Escape');
  await items.first().waitFor({ state: 'detached' });
  return texts;
}

/** Opens the Overview, once it is live. */
async function open(options: { readonly now?: string } = {}): Promise<Watched> {
  const visited = await pages.visitSettled('/usage/overview', { token, ...options });
  await isLive(visited.page);
  return visited;
}

describe('the open page', () => {
  it('counts down and tells each crossing: low, used up, stopped', async () => {
    const { page, complaints } = await open({ now: TEST_NOW });
    // What goes by itself stays until it was looked at.
    await page.clock.pauseAt(Date.parse(TEST_NOW) + HOUR_MS);
    await state(page, 'OK');
    expect(await bell(page).getAttribute('aria-label')).toBe('Alerts');

    await moveTo(LOW_AT);
    await state(page, 'Low');
    await balance(page).getByText('99.64', { exact: true }).waitFor();
    expect(await timers(page)).toEqual(['18:16:36', '1 day 03:26:52']);
    await toasts(page).getByText(LOW_TEXT).waitFor();
    expect(await bell(page).getAttribute('aria-label')).toBe('Alerts, 1 unread');

    await moveTo(EXHAUSTED_AT);
    await state(page, 'Used up');
    expect(await timers(page)).toEqual(['08:26:52']);
    await toasts(page).getByText(EXHAUSTED_TEXT).waitFor();

    await moveTo(STOPPED_AT);
    await state(page, 'Stopped');
    expect(await timers(page)).toEqual([]);
    await toasts(page).getByText(STOPPED_TEXT).waitFor();
    expect(await toasts(page).count()).toBe(3);
    expect(await bell(page).getAttribute('aria-label')).toBe('Alerts, 3 unread');
    expect(complaints).toEqual([]);
  });

  it('leaves an alert where it is while the pointer is on it, and in the bell when it goes', async () => {
    const { page } = await open({ now: TEST_NOW });
    await page.clock.pauseAt(Date.parse(TEST_NOW) + HOUR_MS);
    await moveTo(LOW_AT);
    await toasts(page).first().hover();
    await page.clock.runFor(TOAST_MS);
    expect(await toasts(page).count()).toBe(1);

    await page.mouse.move(0, 0);
    await page.clock.runFor(TOAST_MS);
    await toasts(page).first().waitFor({ state: 'detached' });
    await page.clock.resume();
    expect(await read(page)).toEqual([LOW_TEXT]);
    expect(await bell(page).getAttribute('aria-label')).toBe('Alerts');
  });

  it('goes on after its socket was cut: nothing is missed, nothing is told twice', async () => {
    const { page } = await pages.visit('about:blank', { token: null });
    let isCut = false;
    const cuts: (() => Promise<void>)[] = [];
    await page.routeWebSocket('**/graphql', async (socket) => {
      if (isCut) return socket.close({ code: 1012, reason: 'restart' });
      cuts.push(() => socket.close({ code: 1012, reason: 'restart' }));
      socket.connectToServer();
      return undefined;
    });
    await page.goto(`/usage/overview#token=${token}`);
    await isLive(page);
    await moveTo(LOW_AT);
    await state(page, 'Low');

    isCut = true;
    for (const cut of cuts) await cut();
    await page.locator('[data-connected="false"]').waitFor();
    await moveTo(EXHAUSTED_AT);
    isCut = false;

    await state(page, 'Used up');
    await isLive(page);
    await eventually(async () => {
      expect(await bell(page).getAttribute('aria-label')).toBe('Alerts, 2 unread');
    });
    expect(await read(page)).toEqual([EXHAUSTED_TEXT, LOW_TEXT]);
  });

  it('sends nothing more on a socket that it has left while that connects', async () => {
    const { page } = await pages.visit('about:blank', { token: null });
    const sent: string[] = [];
    let acknowledge = (): void => undefined;
    await page.routeWebSocket('**/graphql', (socket) => {
      socket.onMessage((message) => {
        sent.push(String(message));
        acknowledge = () => {
          socket.send('{"type":"connection_ack"}');
        };
      });
    });
    await page.goto(`/usage/overview?account=${accountId}#token=${OPERATOR_KEY}`);
    await until(() => sent.length > 0, 'the page connects');
    await page.getByRole('link', { name: 'All accounts' }).click();
    await page.getByRole('heading', { name: 'All accounts' }).waitFor();
    acknowledge();
    // What the page does about it, it has done once this was answered.
    await page.reload();

    expect(sent.filter((message) => message.includes('subscribe'))).toEqual([]);
  });
});

describe('two tabs of a browser', () => {
  it('share one socket, and what was read; the one that stays takes it over', async () => {
    const { page: first } = await pages.visit('about:blank', { token: null });
    const second = await first.context().newPage();
    const sockets = { first: 0, second: 0 };
    first.on('websocket', () => (sockets.first += 1));
    second.on('websocket', () => (sockets.second += 1));
    for (const page of [first, second]) {
      await page.goto(`/usage/overview#token=${token}`);
      await isLive(page);
    }
    expect(sockets).toEqual({ first: 1, second: 0 });

    await moveTo(LOW_AT);
    for (const page of [first, second]) await state(page, 'Low');
    expect(await read(second)).toEqual([LOW_TEXT]);
    await eventually(async () => {
      expect(await bell(first).getAttribute('aria-label')).toBe('Alerts');
    });

    await first.close();
    await moveTo(EXHAUSTED_AT);
    await state(second, 'Used up');
    await eventually(async () => {
      expect(await bell(second).getAttribute('aria-label')).toBe('Alerts, 1 unread');
    });
    expect(await read(second)).toEqual([EXHAUSTED_TEXT, LOW_TEXT]);
    expect(sockets).toEqual({ first: 1, second: 1 });
  });
});

describe('a page whose gateway is killed', () => {
  const started: GatewayProcess[] = [];

  afterEach(async () => {
    for (const process of started.splice(0)) await process.kill();
  });

  // Beside the gateway of the other tests, on its database.
  async function start(port: string): Promise<GatewayProcess> {
    const process = await startGatewayProcess(pages.gateway.databaseUrl, OPERATOR_KEY, {
      PORT: port,
    });
    started.push(process);
    return process;
  }

  it('goes on when it runs again: nothing is missed, nothing is told twice', async () => {
    const before = await start('0');
    const watched = await openPage(pages.browser, { baseURL: before.origin });
    const { page } = watched;
    await page.goto(`/usage/overview#token=${await usageToken(before, accountId)}`);
    await isLive(page);
    await moveTo(LOW_AT);
    await state(page, 'Low');

    await before.kill();
    await page.locator('[data-connected="false"]').waitFor();
    await moveTo(EXHAUSTED_AT);
    await moveTo(STOPPED_AT);
    await start(new URL(before.origin).port);

    await state(page, 'Stopped');
    await eventually(async () => {
      expect(await bell(page).getAttribute('aria-label')).toBe('Alerts, 3 unread');
    });
    expect(await read(page)).toEqual([
      expect.stringMatching(STOPPED_TEXT),
      EXHAUSTED_TEXT,
      LOW_TEXT,
    ]);
    await watched.close();
  });
});
