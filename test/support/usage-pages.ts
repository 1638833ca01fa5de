// The Usage page in a browser, of a gateway that has the account of usage-account.ts. A file's tests share them.

import type { Browser } from 'playwright-core';
import { openBrowser, openPage, type PageOptions, type Watched } from './browser.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts';
import { originOf } from './live.ts';
import { openUsageAccount, usageToken } from './usage-account.ts';

export interface Visit extends PageOptions {
  /** Default: a token of the account; null: none. */
  readonly token?: string | null;
}

export interface UsagePages {
  readonly gateway: TestGateway;
  readonly browser: Browser;
  readonly accountId: string;
  readonly token: string;
  /** Opens an address in a new profile. */
  readonly visit: (address: string, options?: Visit) => Promise<Watched>;
  /** Opens it, and waits until nothing is being loaded. */
  readonly visitSettled: (address: string, options?: Visit) => Promise<Watched>;
  /** Closes every page that was visited. */
  readonly leave: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts them; the caller closes them. */
export async function openUsagePages(options: TestGatewayOptions = {}): Promise<UsagePages> {
  const gateway = await startTestGateway(options);
  const accountId = await openUsageAccount(gateway);
  const token = await usageToken(gateway, accountId);
  const browser = await openBrowser();
  const opened: Watched[] = [];
  const visit: UsagePages['visit'] = async (address, { token: own = token, ...rest } = {}) => {
    const watched = await openPage(browser, { baseURL: originOf(gateway), ...rest });
    opened.push(watched);
    await watched.page.goto(own === null ? address : `${address}#token=${own}`);
    return watched;
  };
  const leave = async (): Promise<void> => {
    for (const one of opened.splice(0)) await one.close();
  };
  return {
    gateway,
    browser,
    accountId,
    token,
    visit,
    visitSettled: async (address, visiting) => {
      const watched = await visit(address, visiting);
      await settled(watched);
      return watched;
    },
    leave,
    close: async () => {
      await leave();
      await browser.close();
      await gateway.close();
    },
  };
}

/** Waits until nothing on the page is being loaded. */
export async function settled({ page }: Watched): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
}
