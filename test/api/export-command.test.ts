// The command as a user runs it: a process of its own, against a gateway over HTTP whose link is cut and whose process is killed.

import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { UsageError } from '../../src/cli/command-line.ts';
import { readSettings } from '../../src/cli/export/settings.ts';
import { createAccount, createKey } from '../support/account.ts';
import { type Ran, startCommand } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { originOf } from '../support/live.ts';
import { putManyEvents } from '../support/many-events.ts';
import { openWay, type Way } from '../support/way.ts';

const EVENTS = 40_000;
const DAYS = ['--from', '2026-01-01', '--to', '2026-02-01'];
let gateway: TestGateway;
let way: Way;
let key: string;
let folder: string;
let children: ChildProcess[] = [];
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  const id = await createAccount(gateway, {
    createdAt: '2026-01-01T00:00:00Z',
    externalId: 'many',
  });
  await putManyEvents(gateway, id, { count: EVENTS, from: '2026-01-02T00:00:00Z' });
  ({ secret: key } = await createKey(gateway, id, ['READ_USAGE']));
  way = await openWay(originOf(gateway));
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-'));
});

afterEach(async () => {
  way.cutAfter();
  way.lead(originOf(gateway));
  for (const child of children) child.kill('SIGKILL');
  children = [];
  for (const stop of stops.splice(0).reverse()) await stop();
  await rm(folder, { recursive: true });
});

afterAll(async () => {
  await way.close();
  await gateway.close();
});

function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof startCommand> {
  const started = startCommand('export', args, {
    cwd: folder,
    env: { GATEWAY_URL: way.origin, GATEWAY_KEY: key, ...env },
  });
  children.push(started.child);
  return started;
}

function run(...args: string[]): Promise<Ran> {
  return start(args).ended;
}

function read(file: string): Promise<string> {
  return readFile(join(folder, file), 'utf8');
}

async function linesOf(file: string): Promise<readonly string[]> {
  return (await read(file)).trimEnd().split('\n');
}

describe('npm run export', () => {
  it('writes a file whose rows and credits are those of the gateway', async () => {
    await writeFile(join(folder, 'events.csv'), 'what was there before');
    const { status, stdout, stderr } = await run('events', ...DAYS);
    const text = await read('events.csv');
    const rows: readonly Record<string, string>[] = parse(text, { columns: true });

    expect(status).toBe(0);
    // How far it is, now and then, where that takes long.
    expect(stderr).toMatch(/^(\d+ rows, [\d.]+ MB\n)*$/);
    expect(rows).toHaveLength(EVENTS);
    expect(stdout).toContain(`rows     ${EVENTS}\nbytes    ${Buffer.byteLength(text)}\n`);
    // 1 + 2 + … + 40,000 millionths.
    expect(stdout).toContain('credits  800.02\nwritten  events.csv');
    expect(await readdir(folder)).toEqual(['events.csv']);
  });

  it('goes on with NDJSON when the gateway is killed in the middle', async () => {
    const whole = await run('events', ...DAYS, '-o', 'whole.ndjson');
    const killed = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY);
    stops.push(killed.kill);
    way.lead(killed.origin);
    way.after(4_000_000, () => {
      way.lead(originOf(gateway));
      void killed.kill();
    });
    const pieced = await run('events', ...DAYS, '-o', 'pieced.ndjson');

    expect([whole.status, pieced.status]).toEqual([0, 0]);
    expect(pieced.stderr).toMatch(/Going on after row \d+/);
    // The first line names another run.
    expect((await linesOf('pieced.ndjson')).slice(1)).toEqual(
      (await linesOf('whole.ndjson')).slice(1),
    );
  });

  it('begins CSV anew when the link is cut', async () => {
    way.cutAfter(4_000_000);
    const { status, stderr } = await run('events', ...DAYS, '-o', 'a.csv');
    const again = await run('events', ...DAYS, '-o', 'b.csv');
    const [a, b] = await Promise.all(['a.csv', 'b.csv'].map(read));
    const hash = (text = ''): string => createHash('sha256').update(text).digest('hex');

    expect([status, again.status]).toEqual([0, 0]);
    expect(stderr).toContain('Beginning anew');
    expect(hash(a)).toBe(hash(b));
  });

  it('writes to standard output, and says there nothing else', async () => {
    const { status, stdout, stderr } = await run(
      'events',
      ...DAYS,
      '--format',
      'ndjson',
      '-o',
      '-',
    );
    const lines = stdout.trimEnd().split('\n');

    expect(status).toBe(0);
    expect(lines).toHaveLength(EVENTS + 2);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ type: 'end', rows: EVENTS });
    expect(stderr).toContain(`rows     ${EVENTS}`);
  });

  it('says so when CSV on standard output breaks off', async () => {
    way.cutAfter(4_000_000);
    const { status, stderr } = await run('events', ...DAYS, '-o', '-');

    expect(status).toBe(1);
    expect(stderr).toContain('CSV cannot go on where it broke off; --format ndjson can.');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves no file when %s stops it', async (signal, status) => {
    const { child, ended } = start(['events', ...DAYS, '-o', 'stopped.ndjson']);
    way.after(2_000_000, () => child.kill(signal));
    const { status: found, stderr } = await ended;

    expect(found).toBe(status);
    expect(stderr).toBe('Stopped; nothing was kept.\n');
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends when nobody reads its output any more', async () => {
    const { child, ended } = start(['events', ...DAYS, '--format', 'ndjson', '-o', '-']);
    child.stdout?.once('data', () => {
      child.stdout?.destroy();
    });

    expect(await ended).toMatchObject({
      ...{ status: 1, stderr: 'Nobody reads the output any more.\n' },
    });
  });

  it('names the account for an operator by its external id', async () => {
    const operator = { GATEWAY_KEY: OPERATOR_KEY };
    const args = ['usage', ...DAYS, '--account-external-id'];
    const found = await start([...args, 'many'], operator).ended;
    const missing = await start([...args, 'few'], operator).ended;

    expect(found).toMatchObject({ status: 0, stdout: expect.stringContaining('usage.csv') });
    expect(missing).toMatchObject({
      status: 1,
      stderr: 'No account has the externalId "few". (NOT_FOUND)\n',
    });
  });

  it('tells in the words of the gateway what it refuses', async () => {
    const wrongKey = await start(['usage', ...DAYS], { GATEWAY_KEY: 'no-key-of-this-gateway' })
      .ended;
    const wrongZone = await run('usage', ...DAYS, '--time-zone', 'Mars');
    const tooLong = await run('usage', '--from', '2024-01-01', '--to', '2026-01-01');

    expect(wrongKey).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('UNAUTHENTICATED'),
    });
    expect(wrongZone).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('IANA time zone'),
    });
    expect(tooLong).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('export it in parts'),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('gives its place back when it ends', async () => {
    await eventually(async () => {
      expect((await run('alerts', ...DAYS)).status).toBe(0);
    });
  });
});

describe('the arguments of npm run export', () => {
  const env = { GATEWAY_KEY: 'k' };

  it('are an export and its parameters', () => {
    expect(
      readSettings(
        [
          ...['usage', ...DAYS, '--granularity', 'HOUR', '--group-by', 'RESOURCE,UNIT'],
          ...['--time-zone', 'Asia/Tokyo', '--account-id', 'a', '-o', 'x.jsonl'],
        ],
        { ...env, GATEWAY_URL: 'https://billing.example.com/graphql' },
      ),
    ).toEqual({
      ...{ name: 'usage', format: 'ndjson', bom: false, output: 'x.jsonl', key: 'k' },
      ...{ url: 'https://billing.example.com/graphql', accountExternalId: null },
      parameters: {
        // The day of --to is not included.
        ...{ fromDay: '2026-01-01', toDay: '2026-01-31', granularity: 'HOUR' },
        ...{ groupBy: ['RESOURCE', 'UNIT'], timeZone: 'Asia/Tokyo', accountId: 'a' },
      },
    });
    expect(
      readSettings(['focus', '--preset', 'PREVIOUS_CYCLE', '--version', '1.3'], env),
    ).toMatchObject({
      ...{ name: 'focus', format: 'csv', output: 'focus.csv', url: 'http://localhost:4000' },
      parameters: { preset: 'PREVIOUS_CYCLE', version: '1.3' },
    });
  });

  it.each([
    [['invoices'], 'There is no export "invoices"; there are usage, events'],
    [[], "missing required argument 'export'"],
    [['usage', '--format', 'xlsx'], 'Allowed choices are csv, ndjson'],
    [['usage', '--group-by', 'COLOUR'], '--group-by has "COLOUR"'],
    [['usage', '--from', '2026-01-01', '--to', '2026-01-01T00:00:00Z'], '--to must be one too'],
    [['usage', '--from', '2026-01-02', '--to', '2026-01-02'], 'must be a day after'],
    [['usage', '--from', '2026-02-01', '--to', '2026-02-31'], 'not a day of the calendar'],
    [['usage', '--format', 'ndjson', '--bom'], '--bom has no meaning'],
    [['usage', '--url', 'here'], '--url here is not a URL'],
    [['usage', '--colour'], "unknown option '--colour'"],
  ])('are judged before anything is asked: %j', (args, words) => {
    expect(() => readSettings(args, env)).toThrow(UsageError);
    expect(() => readSettings(args, env)).toThrow(words);
  });

  it('need a key', () => {
    expect(() => readSettings(['usage'], {})).toThrow('--key, or the variable GATEWAY_KEY');
  });
});
