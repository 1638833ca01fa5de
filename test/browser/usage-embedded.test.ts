// The Usage page in a frame of another origin, as docs/embedding.md shows it.

import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { openBrowser, openPage, type Watched } from '../support/browser.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { openUsageAccount, usageToken } from '../support/usage-account.ts';

const servers: Server[] = [];
const opened: Watched[] = [];
let gateway: TestGateway;
let browser: Browser;
let accountId: string;
/** How often the portal's page asked for another token. */
let renewals = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await openUsageAccount(gateway);
  browser = await openBrowser();
});

afterEach(async () => {
  renewals = 0;
  for (const one of opened.splice(0)) await one.close();
});

afterAll(async () => {
  await browser.close();
  for (const server of servers) server.close();
  await gateway.close();
});

// The page of docs/embedding.md.
const pageWith = (origin: string, token: string): string => `<!doctype html><title>Portal</title>
<iframe title="Usage" style="border: 0; width: 100%; height: 600px"
  src="${origin}/usage#token=${token}"></iframe>
<script>
  const frame = document.querySelector('iframe');
  addEventListener('message', async ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== '${origin}') return;
    if (data.type === 'usage:height') frame.style.height = data.height + 'px';
    if (data.type === 'usage:token-needed') {
      const token = await (await fetch('/usage-token')).text();
      source.postMessage({ type: 'usage:token', token }, origin);
    }
  });
</script>`;

/** A portal whose page has this token at first, a new one when it asks. @returns its origin */
async function portal(
  firstToken: (origin: string) => Promise<string>,
  newToken = (own: string) => usageToken(gateway, accountId, { origins: [own] }),
): Promise<string> {
  let origin = '';
  const answer = async (address: string | undefined): Promise<string> => {
    if (address !== '/usage-token') return pageWith(originOf(gateway), await firstToken(origin));
    renewals += 1;
    return newToken(origin);
  };
  const server = createServer((request, response) => {
    if (request.url === '/favicon.ico') return response.writeHead(204).end();
    const isPage = request.url !== '/usage-token';
    response.setHeader('content-type', isPage ? 'text/html; charset=utf-8' : 'text/plain');
    answer(request.url).then(
      (text) => response.end(text),
      () => response.writeHead(500).end(),
    );
    return undefined;
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  origin = `http://127.0.0.1:${address.port}`;
  return origin;
}

async function visit(origin: string): Promise<Watched> {
  const watched = await openPage(browser, { baseURL: origin });
  opened.push(watched);
  await watched.page.goto('/');
  return watched;
}

describe('the embedded Usage page', () => {
  it('shows the account, as high as it is', async () => {
    const origin = await portal((own) => usageToken(gateway, accountId, { origins: [own] }));
    const { page } = await visit(origin);
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    await until(async () => {
      const [outer, inner] = await Promise.all([
        page.locator('iframe').boundingBox(),
        frame.locator('body').boundingBox(),
      ]);
      return outer?.height !== 600 && outer?.height === Math.ceil(inner?.height ?? 0);
    }, 'the frame is as high as its page');
    expect(renewals).toBe(0);
  });

  it('saves what is exported', async () => {
    const origin = await portal((own) => usageToken(gateway, accountId, { origins: [own] }));
    const { page } = await visit(origin);
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();
    await frame.getByRole('button', { name: 'Export' }).click();
    const coming = page.waitForEvent('download');
    await frame.getByRole('button', { name: 'Download' }).click();

    expect((await coming).suggestedFilename()).toBe('usage-2026-02-09-2026-03-10.csv');
    await frame.getByText('344.5663 credits were used.').waitFor();
  });

  it('asks once for another token when the first is refused, and goes on with it', async () => {
    const origin = await portal(async (own) => {
      await usageToken(gateway, accountId, { origins: [own] });
      return 'bgp_that-has-ended';
    });
    const { page } = await visit(origin);
    await page.frameLocator('iframe').getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

    expect(renewals).toBe(1);
  });

  it('has ended when the other token is refused too, and asks no more', async () => {
    const ended = async (own: string): Promise<string> => {
      await usageToken(gateway, accountId, { origins: [own] });
      return 'bgp_that-has-ended';
    };
    const { page } = await visit(await portal(ended, ended));
    const frame = page.frameLocator('iframe');
    await until(() => renewals > 0, 'the page asks for another token');
    await frame.getByRole('heading', { name: 'The session has ended' }).waitFor();
    // What the page does by itself it has done once this was answered.
    await frame.locator('body').evaluate(() => fetch('/health/live'));
    await frame.locator('body').evaluate(() => fetch('/health/live'));

    expect(renewals).toBe(1);
    expect(await frame.getByRole('heading', { name: 'The session has ended' }).count()).toBe(1);
  });

  it('stays empty on an origin that no token names', async () => {
    const origin = await portal(() =>
      usageToken(gateway, accountId, { origins: ['https://portal.example.com'] }),
    );
    const { page, complaints } = await visit(origin);
    await until(() => complaints.length > 0, 'the browser refuses the frame');

    expect(complaints.join()).toContain('frame-ancestors');
    expect(await page.frameLocator('iframe').getByRole('heading').count()).toBe(0);
  });
});
