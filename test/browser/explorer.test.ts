// The explorer in a real browser: an answer, a subscription, what fields cost; nothing of it comes from elsewhere.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { allocate, createAccount, createKey } from '../support/account.ts';
import { openBrowser } from '../support/browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';

describe('the explorer', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let page: Page;
  const foreign: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    gateway = await startTestGateway();
    const accountId = await createAccount(gateway, { name: 'Acme' });
    await allocate(gateway, accountId, '42');
    const { secret } = await createKey(gateway, accountId, ['READ_USAGE']);
    browser = await openBrowser();
    page = await browser.newPage();
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && origin !== originOf(gateway)) foreign.push(request.url());
    });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${originOf(gateway)}/graphiql`);
    await page.getByLabel('API key').fill(secret);
    await page.getByRole('button', { name: 'Use key' }).click();
  });

  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  const answer = (): ReturnType<Page['locator']> => page.locator('.graphiql-response');

  it('answers its first query', async () => {
    await page.locator('.graphiql-query-editor').getByText('CurrentCycle').waitFor();
    await page.getByRole('button', { name: /^Execute query/ }).click();

    await answer().getByText('"Acme"').waitFor();
    expect(await page.getByRole('status').first().textContent()).toBe('Key accepted');
  });

  it('shows descriptions, and what fields cost', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    const docs = page.locator('.graphiql-plugin');
    await docs.getByText('Query', { exact: true }).click();
    await docs.getByText("The caller's own account. An operator names one.").waitFor();

    expect(await docs.getByText('Cost: 2 points.', { exact: true }).count()).toBeGreaterThan(0);
  });

  it('subscribes', async () => {
    await page.locator('.graphiql-query-editor .view-lines').click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.insertText('subscription Balance { creditBalance { remaining } }');
    // The tab is named by the operation, once the editor has read it.
    await page.getByRole('tab', { name: 'Balance' }).waitFor();
    await page.getByRole('button', { name: /^Execute query/ }).click();

    await answer().getByText('"creditBalance"').waitFor();
    expect(await answer().textContent()).toContain('"42"');
  });

  it('asks nobody else, and breaks no rule of its policy', () => {
    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
