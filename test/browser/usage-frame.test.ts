// What stands around every view: the range and its zone, the theme, the session, and what the page says when it cannot go on.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { createAccount } from '../support/account.ts';
import { NARROW } from '../support/browser.ts';
import { eventually, until } from '../support/eventually.ts';
import { plainOf, shownFigures } from '../support/shown-figures.ts';
import { usageToken } from '../support/usage-account.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

let pages: UsagePages;

beforeAll(async () => {
  pages = await openUsagePages();
});

afterEach(() => pages.leave());

afterAll(() => pages.close());

const query = (page: Page): URLSearchParams => new URL(page.url()).searchParams;
const custom = (page: Page): Locator => page.getByRole('dialog', { name: 'Custom' });
const zone = (page: Page): Locator => page.getByRole('button', { name: /^Time zone/ });

/** Waits until the range is written out so. */
async function expectRange(page: Page, text: string): Promise<void> {
  await page.getByText(text, { exact: true }).waitFor();
}

/** Waits until so many credits are shown as used. */
async function expectUsed(page: Page, credits: string): Promise<void> {
  await eventually(async () => {
    const used = (await shownFigures(page)).find(({ path }) => path === 'credits.used');
    expect(plainOf(used?.value ?? '')).toBe(credits);
  });
}

/** Types the days as eight digits: each part of a day goes on to the next one. */
async function typeDays(page: Page, from: string, to: string): Promise<void> {
  for (const [name, day] of [
    ['From', from],
    ['To', to],
  ] as const) {
    await custom(page).getByRole('group', { name }).getByRole('spinbutton').first().focus();
    await page.keyboard.type(day);
  }
}

// On 8 and 9 March in Berlin hosting ran for 47 hours: 47 × 3.6, 15 × 47 × 0.123457, and 14.2 + 0.755 + 2.5.
const USED_TO_9_MARCH = '273.692185';

describe('the range of one’s own', () => {
  it('is typed', async () => {
    const { page } = await pages.visitSettled('/usage/overview');
    await page.getByRole('button', { name: 'Custom' }).click();
    await typeDays(page, '01032026', '09032026');
    await page.keyboard.press('Enter');

    await expectRange(page, '1 Mar 2026 – 9 Mar 2026');
    expect(query(page).get('range')).toBe('2026-03-01..2026-03-09');
    await expectUsed(page, USED_TO_9_MARCH);
    expect(await custom(page).count()).toBe(0);
  });

  it('is chosen in the calendar, which shows the month of the account’s own clock, on a small screen too', async () => {
    const { page } = await pages.visitSettled('/usage/overview', { viewport: NARROW });
    await page.getByRole('button', { name: 'Custom' }).click();
    const day = (name: string): Locator => custom(page).getByRole('button', { name });
    await day('1 March 2026').first().click();
    await day('9 March 2026').first().click();
    await custom(page).getByRole('button', { name: 'Show' }).click();

    await expectRange(page, '1 Mar 2026 – 9 Mar 2026');
    await expectUsed(page, USED_TO_9_MARCH);
  });

  it('is not taken when it ends before it begins', async () => {
    const { page } = await pages.visitSettled('/usage/overview');
    await page.getByRole('button', { name: 'Custom' }).click();
    await typeDays(page, '09032026', '01032026');

    await custom(page).getByRole('alert').waitFor();
    expect(await custom(page).getByRole('button', { name: 'Show' }).isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    await custom(page).waitFor({ state: 'detached' });
    expect(query(page).get('range')).toBe(null);
  });

  it('is reached on a small screen, where the ranges scroll', async () => {
    const { page } = await pages.visitSettled('/usage/overview', { viewport: NARROW });
    const button = page.getByRole('button', { name: 'Custom' });
    await button.focus();
    const box = await button.boundingBox();
    expect((box?.x ?? NARROW.width) + (box?.width ?? 0)).toBeLessThanOrEqual(NARROW.width);
    await button.click();
    await custom(page).waitFor();
  });

  it('without use says so, and leads to a longer one', async () => {
    const { page } = await pages.visitSettled('/usage/overview?range=2026-01-10..2026-01-11');
    await page.getByRole('region', { name: 'Nothing was used in this range' }).waitFor();
    await page.getByRole('button', { name: 'Show 90 days' }).click();

    await expectUsed(page, '344.5663');
    expect(query(page).get('range')).toBe('90d');
  });
});

describe('the time zone', () => {
  it('is the account’s; another one changes the days of the range', async () => {
    const { page } = await pages.visitSettled('/usage/overview?range=7d');
    expect(await zone(page).innerText()).toBe('Europe/Berlin');
    await expectRange(page, '4 Mar 2026, 00:00 – now');

    await zone(page).click();
    await page.getByRole('searchbox', { name: 'Search time zones' }).fill('kiritimati');
    await page.getByRole('option', { name: 'Pacific/Kiritimati' }).click();
    // There it is 11 March, 02:00.
    await expectRange(page, '5 Mar 2026, 00:00 – now');
    expect(query(page).get('tz')).toBe('Pacific/Kiritimati');
    expect(await zone(page).innerText()).toBe('Pacific/Kiritimati');

    await zone(page).click();
    await page.getByRole('option', { name: 'The account’s: Europe/Berlin' }).click();
    await until(() => query(page).get('tz') === null, 'the account’s zone needs no word');
  });

  it('bounds the days of a range', async () => {
    // In Kiritimati, 14 hours ahead, 8 March begins at 10:00 UTC of the 7th and ends 10 hours into the hosting of the 8th.
    const { page } = await pages.visitSettled(
      '/usage/overview?range=2026-03-08..2026-03-08&tz=Pacific/Kiritimati',
    );

    await expectRange(page, '8 Mar 2026');
    // 10 × 5.451855 and the storage of 08:00 UTC.
    await expectUsed(page, '55.27355');
  });
});

describe('the theme', () => {
  it('is kept over a reload', async () => {
    const { page } = await pages.visitSettled('/usage/overview');
    const theme = page.locator('html');
    await page.getByRole('combobox', { name: 'Theme' }).selectOption('Dark');
    expect(await theme.getAttribute('data-theme')).toBe('dark');

    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();
    expect(await theme.getAttribute('data-theme')).toBe('dark');
  });
});

describe('an address with what is unknown', () => {
  it('shows what it shows without', async () => {
    const { page, complaints } = await pages.visitSettled(
      '/usage/nonsense?range=2026-02-30..x&tz=Nowhere/At&by=eon&sort=;&size=7&page=x&status=!&theme=x&lang=x',
    );

    await expectUsed(page, '344.5663');
    expect(await page.getByRole('link', { name: '30 days' }).getAttribute('aria-current')).toBe(
      'true',
    );
    expect(await zone(page).innerText()).toBe('Europe/Berlin');
    expect(complaints).toEqual([]);
  });

  it('names an account that is none: an operator is told so, and led back to all', async () => {
    const { page } = await pages.visit('/usage/overview?account=nobody', {
      token: pages.gateway.operatorKey,
    });
    await page.getByRole('alert').first().waitFor();
    expect(await page.getByRole('heading', { name: 'All accounts' }).count()).toBe(0);

    await page.getByRole('main').getByRole('link', { name: 'All accounts' }).click();
    await page.getByRole('link', { name: 'Acme' }).waitFor();
  });

  it('names an account of somebody else: it stays closed', async () => {
    const other = await createAccount(pages.gateway, { name: 'Umbrella' });
    const { page } = await pages.visit(`/usage/overview?account=${other}`);
    await page.getByText('There is no such account, or the token does not open it.').waitFor();

    expect(await page.getByText('Umbrella').count()).toBe(0);
    await page.getByRole('main').getByRole('link', { name: 'Your account' }).click();
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();
  });

  it('names the account that the token is of: there is no list to go back to', async () => {
    const { page } = await pages.visitSettled(`/usage/overview?account=${pages.accountId}`);
    await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    expect(await page.getByRole('link', { name: /account/ }).count()).toBe(0);
  });

  it('has a granularity that its range has outgrown: the bars are by another one', async () => {
    const { page, complaints } = await pages.visitSettled(
      '/usage/overview?by=hour&range=2025-11-01..2026-03-10',
    );
    await page.getByRole('slider', { name: 'Credits over time' }).waitFor();

    expect(await page.getByRole('combobox', { name: 'By' }).inputValue()).toBe('auto');
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

describe('a browser that refuses storage', () => {
  it('shows all the same, for as long as the page is open', async () => {
    const { page, complaints } = await pages.visitSettled('/usage/overview', {
      isWithoutStorage: true,
    });
    await page.getByRole('combobox', { name: 'Theme' }).selectOption('Dark');
    await page.getByRole('link', { name: 'Models', exact: true }).click();
    await page.getByRole('row', { name: 'Summaries' }).waitFor();

    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    expect(complaints).toEqual([]);
  });
});

describe('a page that loses the network', () => {
  it('says so, keeps what it has, and goes on', async () => {
    const { page } = await pages.visitSettled('/usage/models');
    const notice = page.getByText('You are offline. What is shown is of before.');
    await page.context().setOffline(true);
    await notice.first().waitFor();
    expect(await page.getByRole('row', { name: 'Summaries' }).count()).toBe(1);

    await page.getByRole('link', { name: 'Guardrails' }).click();
    await page.getByRole('main').getByRole('alert').waitFor();
    await page.context().setOffline(false);
    await page.getByRole('link', { name: 'Custom scripts' }).click();
    await page.getByRole('row', { name: 'Cleaning' }).waitFor();
    expect(await notice.count()).toBe(0);
  });

  it('tells a fault with its reference, and asks again', async () => {
    const { page } = await pages.visitSettled('/usage/models');
    await page.route('**/graphql', (route) => route.fulfill({ status: 500, json: FAULT }));
    await page.getByRole('link', { name: 'Guardrails' }).click();
    const alert = page.getByRole('alert');
    await alert.getByText('Something went wrong.').waitFor();
    expect(await alert.innerText()).toContain('Reference: ref-7');

    await page.unroute('**/graphql');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('row', { name: 'Names' }).waitFor();
  });
});

const FAULT = {
  errors: [
    {
      message: 'Something went wrong.',
      extensions: { code: 'INTERNAL_SERVER_ERROR', reference: 'ref-7' },
    },
  ],
};

const MINUTE_MS = 60_000;

describe('the session', () => {
  const ended = (page: Page): Locator =>
    page.getByRole('heading', { name: 'The session has ended' });
  const shortToken = (): Promise<string> =>
    usageToken(pages.gateway, pages.accountId, { expiresInSeconds: 60 });

  it('ends on an open page when its token ends; another one goes on where it was', async () => {
    const { page } = await pages.visitSettled('/usage/models?sort=name', {
      token: await shortToken(),
    });
    await page.getByRole('link', { name: /left$/ }).waitFor();
    pages.gateway.clock.moveBy(MINUTE_MS);
    await ended(page).waitFor();
    expect(await page.getByRole('table').count()).toBe(0);

    await page.getByLabel('Key or token').fill(pages.token);
    await page.keyboard.press('Enter');
    await page.getByRole('row', { name: 'Summaries' }).waitFor();
    expect(query(page).get('sort')).toBe('name');
  });

  it('ends at the next request when there is no socket', async () => {
    const { page } = await pages.visit('about:blank', { token: null });
    await page.routeWebSocket('**/graphql', (socket) => socket.close());
    await page.goto(`/usage/models#token=${await shortToken()}`);
    await page.getByRole('row', { name: 'Summaries' }).waitFor();
    pages.gateway.clock.moveBy(MINUTE_MS);
    await page.getByRole('link', { name: 'Guardrails' }).click();

    await ended(page).waitFor();
    expect(await page.getByRole('table').count()).toBe(0);
  });

  it('is left for good', async () => {
    const { page } = await pages.visitSettled('/usage/overview');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Open an account' }).waitFor();

    await page.reload();
    await page.getByRole('heading', { name: 'Open an account' }).waitFor();
    expect(await page.getByText('Acme').count()).toBe(0);
  });
});
