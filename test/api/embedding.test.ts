// The example of docs/embedding.md, run as it stands there: a platform that embeds the Usage page.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createAccount, createKey } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { post } from '../support/post.ts';

let gateway: TestGateway;
let accountId: string;
let folder: string;
let portal: string;
let server: ChildProcess;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway);
  const { secret } = await createKey(gateway, accountId, ['MANAGE']);
  const page = await readFile(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
  const [, example = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
  folder = await mkdtemp(path.join(os.tmpdir(), 'embedding-'));
  await writeFile(path.join(folder, 'portal.mjs'), example);
  portal = `http://localhost:${await freePort()}`;
  server = spawn(process.execPath, ['portal.mjs'], {
    cwd: folder,
    env: { ...process.env, GATEWAY: originOf(gateway), KEY: secret, PORTAL: portal },
    stdio: 'inherit',
  });
  await until(() => fetch(portal).then(Boolean, () => false), 'the portal');
});

afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  await rm(folder, { recursive: true });
  await gateway.close();
});

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/** The status of a query by a page, and the account that it read. */
async function asked(token: string, origin: string): Promise<unknown> {
  const body = { query: '{ account { id } }' };
  const response = await post(originOf(gateway), '/graphql', {
    ...{ body, key: token },
    headers: { origin },
  });
  const answer = (await response.json()) as { data?: { account: { id: string } } };
  return [response.status, answer.data?.account.id];
}

it('shows a frame of the gateway with a token of the account, which works in the Usage page', async () => {
  const html = await (await fetch(portal)).text();
  const [, address = '', token = ''] = /src="([^"#]+)#token=([^"]+)"/.exec(html) ?? [];

  expect(address).toBe(`${originOf(gateway)}/usage`);
  expect(await asked(token, originOf(gateway))).toEqual([200, accountId]);
  expect(await asked(token, portal)).toEqual([200, accountId]);
  expect(await asked(token, 'https://elsewhere.example.com')).toEqual([403, undefined]);
});

it('gives a new token when the page needs one', async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(async () => (await fetch(`${portal}/usage-token`)).text()),
  );

  expect(second).not.toBe(first);
  expect(await asked(second ?? '', originOf(gateway))).toEqual([200, accountId]);
});
