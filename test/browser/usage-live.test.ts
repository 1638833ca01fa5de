// The Usage page while it is open: what changes on the account is on the screen, also after its socket was cut.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, WebSocketRoute } from 'playwright-core';
import { moveClock } from '../support/account.ts';
import { openBrowser, openPage, type Watched } from '../support/browser.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { openUsageAccount, usageToken } from '../support/usage-account.ts';

/** 212 hours on: of 1,255.4337 credits, 212 × 5.451855 are used. The low limit is 100. */
const LOW_AT = '2026-03-19T08:00:00.000Z';
const LEFT_THEN = '99.64';
/** 231 hours on: more than there were credits for. They reach −50 in the 240th. */
const EXHAUSTED_AT = '2026-03-20T03:00:00.000Z';

let gateway: TestGateway;
let browser: Browser;
let accountId: string;
let visited: Watched;
let sockets: WebSocketRoute[];

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
});

beforeEach(async () => {
  gateway = await startTestGateway();
  accountId = await openUsageAccount(gateway);
  sockets = [];
  visited = await openPage(browser, { baseURL: originOf(gateway) });
  await visited.page.routeWebSocket('**/graphql', (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await visited.page.goto(`/usage/overview#token=${await usageToken(gateway, accountId)}`);
  await balance().getByText('1,255.43', { exact: true }).waitFor();
  await until(() => sockets.length > 0, 'the page opens its socket');
});

afterEach(async () => {
  await visited.close();
  await gateway.close();
});

function balance(): ReturnType<Watched['page']['getByRole']> {
  return visited.page.getByRole('region', { name: 'Balance' });
}

describe('the open page', () => {
  it('shows that credits have become low, and then that they are used up', async () => {
    expect(await balance().locator('.state').innerText()).toBe('OK');

    await moveClock(gateway, accountId, LOW_AT);
    await balance().getByText(LEFT_THEN, { exact: true }).waitFor();
    await balance().getByText('Low', { exact: true }).waitFor();

    await moveClock(gateway, accountId, EXHAUSTED_AT);
    await balance().getByText('Used up', { exact: true }).waitFor();
  });

  it('goes on after its socket was cut', async () => {
    const before = sockets.length;
    for (const socket of sockets) await socket.close({ code: 1012, reason: 'restart' });
    await moveClock(gateway, accountId, LOW_AT);

    await until(() => sockets.length > before, 'the page opens another socket');
    await balance().getByText('Low', { exact: true }).waitFor();
    expect(await balance().locator('.numeral').first().innerText()).toContain(LEFT_THEN);
  });
});
