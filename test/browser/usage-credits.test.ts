// The Credits tab: its ledger, and what a deployment would cost.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { shownFigures } from '../support/shown-figures.ts';
import { openUsagePages, type UsagePages } from '../support/usage-pages.ts';

let pages: UsagePages;

beforeAll(async () => {
  pages = await openUsagePages();
});

afterEach(() => pages.leave());

afterAll(() => pages.close());

describe('the ledger', () => {
  it('without an entry in a range as long as any says when it begins', async () => {
    const { page } = await pages.visitSettled('/usage/credits?range=2025-01-01..2025-06-30');
    await page.getByText(/^No entries in this range\. The ledger begins /).waitFor();
    expect(await page.getByRole('button', { name: 'Show 90 days' }).count()).toBe(0);
  });
});

describe('the quote', () => {
  it('is asked anew each time, also for the same', async () => {
    const { page, operations } = await pages.visitSettled('/usage/credits');
    const quotes = (): number => operations.filter((name) => name === 'CreditsQuote').length;
    const ask = page.getByRole('button', { name: 'Ask' });
    await ask.click();
    await page.getByText('Allowed', { exact: true }).last().waitFor();
    expect(quotes()).toBe(1);

    const again = page.waitForRequest((one) => one.postData()?.includes('CreditsQuote') === true);
    await ask.click();
    await again;
    expect(quotes()).toBe(2);
  });

  it('is the price of the replicas that are asked for', async () => {
    const { page } = await pages.visitSettled('/usage/credits');
    await page.getByLabel('Hardware').selectOption('gpu-a');
    await page.getByLabel('Replicas').fill('3');
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.getByText('Allowed', { exact: true }).last().waitFor();

    const figures = await shownFigures(page);
    // 3 × 3.6
    expect(figures.find(({ path }) => path === 'quote.creditsPerHour')?.value).toBe('10.8');
  });
});
