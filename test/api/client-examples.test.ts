// What partners copy: the examples of packages/client, that of docs/webhooks.md, and the first lines of the README, which run by
// plain Node on the package as it is installed.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateWebhookEndpointDocument,
  CreditsDocument,
  SendTestWebhookDocument,
  type UsageEventInput,
} from '@billing-gateway/client/operations';
import {
  allocate,
  ask,
  createAccount,
  createKey,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { until } from '../support/eventually.ts';
import {
  OPERATOR_KEY,
  startTestGateway,
  type TestGateway,
  WEBHOOK_SECRET_KEY,
} from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { alarm } from '../support/live.ts';

const ROOT = path.resolve('.');
const EXAMPLES = path.join(ROOT, 'packages/client/examples');

let beside: TestGateway;
/** By the real clock, which signed messages go by. */
let gateway: GatewayProcess;
let folder: string;
const running: Example[] = [];

beforeAll(async () => {
  beside = await startTestGateway();
  gateway = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY, SETTINGS);
  folder = await mkdtemp(path.join(os.tmpdir(), 'client-examples-'));
});

afterAll(async () => {
  for (const one of running) await one.end('SIGKILL');
  await gateway.kill();
  await beside.close();
  await rm(folder, { recursive: true });
});

const SETTINGS = {
  WEBHOOK_ALLOW_LOOPBACK: 'true',
  WEBHOOK_SECRET_KEY: WEBHOOK_SECRET_KEY.toString('base64'),
};

interface Example {
  readonly lines: () => readonly string[];
  readonly complaints: () => string;
  /** @returns its status, once it has ended by itself */
  readonly status: () => Promise<number | null>;
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>;
}

/** Runs an example from the sources of the client. */
function run(name: string, env: Record<string, string>, ...args: readonly string[]): Example {
  const file = path.join(EXAMPLES, name);
  return exampleOf(
    spawn(process.execPath, ['--import', 'tsx', file, ...args], {
      cwd: ROOT,
      env: { ...process.env, GATEWAY_URL: gateway.origin, ...env },
    }),
  );
}

function exampleOf(child: ChildProcess): Example {
  let said = '';
  let complaints = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = once(child, 'close');
  const status = async (): Promise<number | null> => {
    await ended;
    return child.exitCode;
  };
  const example: Example = {
    lines: () => said.split('\n').filter((line) => line !== ''),
    complaints: () => complaints,
    status,
    end: (signal) => {
      child.kill(signal);
      return status();
    },
  };
  running.push(example);
  return example;
}

async function freePort(): Promise<string> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return String(address !== null && typeof address === 'object' ? address.port : 0);
}

async function anAccount(): Promise<{ readonly accountId: string; readonly key: string }> {
  const accountId = await createAccount(gateway);
  await registerGuardrail(gateway, accountId);
  const { secret } = await createKey(gateway, accountId, ['INGEST', 'MANAGE', 'READ_USAGE']);
  return { accountId, key: secret };
}

async function eventOf(
  eventId: string,
  more: Partial<UsageEventInput> = {},
): Promise<UsageEventInput> {
  const occurredAt = new Date(await beside.database.clockMs()).toISOString();
  return {
    ...({ source: 's', eventId, type: 'PROCESSING', occurredAt } as const),
    ...({ resourceKind: 'GUARDRAIL', resourceExternalId: 'g', credits: '0.5' } as const),
    ...more,
  };
}

describe('the example', () => {
  it('ingest.ts records a file, and again without counting anything twice', async () => {
    const { key } = await anAccount();
    const file = path.join(folder, 'events.ndjson');
    const bad = await eventOf('bad', { resourceExternalId: 'nobody' });
    const events = [await eventOf('e1'), bad, await eventOf('e2')];
    await writeFile(file, `${events.map((event) => JSON.stringify(event)).join('\n')}\n`);

    const first = run('ingest.ts', { GATEWAY_KEY: key }, file);
    const firstStatus = await first.status();
    const again = run('ingest.ts', { GATEWAY_KEY: key }, file);
    const againStatus = await again.status();

    expect(first.lines()).toEqual(['2 recorded, 0 recorded before, 1 refused']);
    expect(first.complaints()).toContain('s bad: ');
    expect(again.lines()).toEqual(['0 recorded, 2 recorded before, 1 refused']);
    expect([firstStatus, againStatus]).toEqual([1, 1]);
  });

  it('alert-worker.ts handles each alert once, though it and the gateway are killed', async () => {
    const account = await alarm(beside, 'worker');
    const { secret } = await createKey(beside, account.accountId, ['READ_USAGE']);
    const env = { GATEWAY_KEY: secret, CURSOR_FILE: path.join(folder, 'alerts.cursor') };
    const sequences = ({ lines }: Example): readonly number[] =>
      lines().map((line) => Number(line.split(' ')[0]));
    const raise = async (count: number): Promise<void> => {
      for (let raised = 0; raised < count; raised += 1) await account.raise();
    };
    await raise(3);
    const first = run('alert-worker.ts', env);
    await until(() => first.lines().length === 3, 'the alerts before the kill');

    const { port } = new URL(gateway.origin);
    await gateway.kill();
    await raise(4);
    gateway = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY, {
      ...SETTINGS,
      PORT: port,
    });
    await until(() => first.lines().length === 7, 'the alerts after the kill');
    const status = await first.end('SIGTERM');
    await raise(2);
    const second = run('alert-worker.ts', env);
    await until(() => sequences(second).includes(9), 'the alerts after the worker began anew');
    await second.end('SIGTERM');

    expect(sequences(first)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(status).toBe(0);
    expect(first.complaints()).toBe('');
    expect(sequences(second)).toEqual([8, 9]);
  });

  it('webhook-receiver.ts takes what the gateway signs, and nothing else', async () => {
    const { accountId } = await anAccount();
    const port = await freePort();
    const { createWebhookEndpoint } = await ask(gateway, CreateWebhookEndpointDocument, {
      input: { accountId, url: `http://localhost:${port}/`, events: ['ALERT_RAISED'] },
    });
    const { secret, endpoint } = createWebhookEndpoint;
    const receiver = run('webhook-receiver.ts', { PORT: port, WEBHOOK_SECRET: secret });
    await until(() => receiver.lines().length > 0, 'the receiver');

    await ask(gateway, SendTestWebhookDocument, { endpointId: endpoint.id });
    await until(() => receiver.lines().includes('It works.'), 'the message');
    const forged = await fetch(`http://localhost:${port}/`, { method: 'POST', body: '{}' });

    expect(forged.status).toBe(400);
    expect(receiver.lines()).toEqual([`Listening on http://localhost:${port}`, 'It works.']);
  });

  it('embedding.ts serves a page with a token that opens the account', async () => {
    const { accountId, key } = await anAccount();
    const portal = `http://localhost:${await freePort()}`;
    const server = run('embedding.ts', { GATEWAY_KEY: key, PORTAL: portal });
    await until(() => server.lines().length > 0, 'the portal');

    const page = await (await fetch(portal)).text();
    const token = await (await fetch(`${portal}/usage-token`)).text();
    const { account } = await ask(gateway, CreditsDocument, {}, token);

    expect(page).toContain(`src="${gateway.origin}/usage#token=bgp_`);
    expect(account?.id).toBe(accountId);
  });

  it('of docs/webhooks.md is webhook-receiver.ts', async () => {
    const docs = await readFile('docs/webhooks.md', 'utf8');
    const [, example] = /```ts\n(.*?)```/s.exec(docs) ?? [];

    expect(example).toBe(await readFile(path.join(EXAMPLES, 'webhook-receiver.ts'), 'utf8'));
  });
});

describe('the package', () => {
  it('has what it exports, and its README begins with lines that run', async () => {
    const { accountId, key } = await anAccount();
    await allocate(gateway, accountId, '10');
    await recordUsage(gateway, accountId, await eventOf('of the README'));
    const installed = path.join(folder, 'node_modules/@billing-gateway/client');
    await mkdir(installed, { recursive: true });
    const build = [path.join(ROOT, 'scripts/build-client.mjs'), path.join(installed, 'dist')];
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, build, (error) => {
        if (error === null) resolve();
        else reject(new Error('the client was not built', { cause: error }));
      });
    });
    const manifest = await readFile('packages/client/package.json', 'utf8');
    await writeFile(path.join(installed, 'package.json'), manifest);
    await symlink(
      path.join(ROOT, 'node_modules/graphql-ws'),
      path.join(folder, 'node_modules/graphql-ws'),
    );
    const readme = await readFile('packages/client/README.md', 'utf8');
    const [, lines = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];
    await writeFile(path.join(folder, 'first.mjs'), lines);

    const first = exampleOf(
      spawn(process.execPath, ['first.mjs'], {
        cwd: folder,
        env: { ...process.env, GATEWAY_URL: gateway.origin, GATEWAY_KEY: key },
      }),
    );
    const status = await first.status();

    const { exports } = JSON.parse(manifest) as { exports: Record<string, Record<string, string>> };
    const files = Object.values(exports).flatMap((one) => Object.values(one));
    const made = (await readdir(path.join(installed, 'dist'))).map((name) => `./dist/${name}`);
    expect(made).toEqual(expect.arrayContaining(files));
    expect({ status, complaints: first.complaints() }).toEqual({ status: 0, complaints: '' });
    // 10 - 0.5, and what it was for.
    expect(first.lines()).toEqual(['9.5 credits left', 'GUARDRAILS 0.5']);
  });
});
