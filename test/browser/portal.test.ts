// A page of another origin, in a real browser, that shows an account with a portal token: it queries by fetch, and subscribes by
// WebSocket and by Server-Sent Events. A page of an origin that is not the token's gets nothing.

import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { allocate, ask, createAccount } from '../support/account.ts';
import { openBrowser } from '../support/browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { CreatePortalTokenDocument } from '@billing-gateway/client/operations';

/** What a page got, or why it did not. */
interface Seen {
  readonly query: unknown;
  readonly socket: unknown;
  readonly stream: unknown;
}

describe('a page of another origin', () => {
  const servers: Server[] = [];
  let gateway: TestGateway;
  let browser: Browser;
  let token: string;
  let portal: string;

  /** Serves an empty page. @returns its origin */
  async function serve(): Promise<string> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end('<!doctype html><title>Portal</title><body></body>');
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  beforeAll(async () => {
    gateway = await startTestGateway();
    const accountId = await createAccount(gateway, { name: 'Acme' });
    await allocate(gateway, accountId, '42');
    portal = await serve();
    const { createPortalToken } = await ask(gateway, CreatePortalTokenDocument, {
      accountId,
      origins: [portal],
    });
    token = createPortalToken.token;
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser.close();
    for (const server of servers) server.close();
    await gateway.close();
  });

  async function seenFrom(origin: string): Promise<{ readonly page: Page; readonly seen: Seen }> {
    const page = await browser.newPage();
    await page.goto(origin);
    const seen = await page.evaluate(inPage, { gateway: originOf(gateway), token });
    return { page, seen };
  }

  it('shows an account with a portal token', async () => {
    const { page, seen } = await seenFrom(portal);

    expect(seen).toEqual({
      query: { account: { name: 'Acme', credits: { remaining: '42' } } },
      socket: { creditBalance: { remaining: '42' } },
      stream: { creditBalance: { remaining: '42' } },
    });
    await page.setContent(`<h1>Acme</h1><pre>${JSON.stringify(seen, null, 2)}</pre>`);
    const folder = process.env['SCREENSHOTS_DIR'];
    if (folder !== undefined) await page.screenshot({ path: path.join(folder, 'portal.png') });
    await page.close();
  });

  it('gets nothing when it is not an origin of the token', async () => {
    const { page, seen } = await seenFrom(await serve());

    expect(seen).toEqual({
      query: 'TypeError: Failed to fetch',
      socket: expect.stringMatching(/^closed with (1006|4403)$/),
      stream: 'TypeError: Failed to fetch',
    });
    await page.close();
  });
});

/** Runs in the page, so it can use nothing of this file. */
async function inPage(at: { readonly gateway: string; readonly token: string }): Promise<Seen> {
  const authorization = `Bearer ${at.token}`;
  const live = 'subscription { creditBalance { remaining } }';
  const post = (address: string, query: string, accept: string): Promise<Response> =>
    fetch(at.gateway + address, {
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
  const dataOf = (json: string): unknown => (JSON.parse(json) as { data?: unknown }).data;
  const query = async (): Promise<unknown> => {
    const answer = await post(
      '/graphql',
      '{ account { name credits { remaining } } }',
      'application/json',
    );
    return dataOf(await answer.text());
  };
  const socket = (): Promise<unknown> =>
    new Promise((resolve) => {
      const open = new WebSocket(
        at.gateway.replace('http', 'ws') + '/graphql',
        'graphql-transport-ws',
      );
      const send = (message: object): void => {
        open.send(JSON.stringify(message));
      };
      open.onopen = () => {
        send({ type: 'connection_init', payload: { authorization } });
      };
      open.onclose = ({ code }) => {
        resolve(`closed with ${code}`);
      };
      open.onmessage = ({ data }) => {
        const message = JSON.parse(String(data)) as { type: string; payload?: { data?: unknown } };
        if (message.type === 'connection_ack')
          send({ type: 'subscribe', id: '1', payload: { query: live } });
        if (message.type !== 'next') return;
        resolve(message.payload?.data);
        open.close();
      };
    });
  const stream = async (): Promise<unknown> => {
    const answer = await post('/graphql/stream', live, 'text/event-stream');
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; reader !== undefined;) {
      const { value, done } = await reader.read();
      text += value ?? '';
      const [, data] = /event: next\ndata: (.*)\n/.exec(text) ?? [];
      if (data !== undefined) {
        await reader.cancel();
        return dataOf(data);
      }
      if (done) return text;
    }
    return null;
  };
  return {
    query: await query().catch(String),
    socket: await socket().catch(String),
    stream: await stream().catch(String),
  };
}
