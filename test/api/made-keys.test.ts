// Where the keys go that a start makes: to a terminal, or to a file, and never into a log.

import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keepKeys } from '../../src/made-keys.ts';
import { welcome } from '../../src/welcome.ts';
import { until } from '../support/eventually.ts';
import { asOwner, startTestGateway } from '../support/gateway.ts';

const KEYS = {
  operatorSecret: 'bg_operator',
  demo: [{ name: 'Demo', shows: 'much', key: 'bg_demo' }],
};
const ADDRESS = 'http://127.0.0.1:4000';
const START = { address: ADDRESS, usagePath: '/usage' };

describe('keys that a start made', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-keys-'));
  });

  afterEach(async () => {
    await fs.rm(folder, { recursive: true, force: true });
  });

  it('are printed on a terminal, with a query to paste', () => {
    const printed = welcome({ ...START, keys: KEYS, keysFile: null });

    expect(printed).toContain('    bg_demo  Demo: much\n    bg_operator  the operator\n');
    expect(printed).toContain('"authorization: Bearer bg_demo"');
  });

  it('come after what a person opens first', () => {
    const printed = welcome({
      address: ADDRESS,
      usagePath: '/usage#token=bgp_demo',
      keys: KEYS,
      keysFile: null,
    });

    expect(printed).toMatch(
      /^\n.*\n\n {2}Usage {7}http:\/\/127\.0\.0\.1:4000\/usage#token=bgp_demo\n/,
    );
  });

  it('are kept for the owner alone, and added to those of an earlier start', async () => {
    const file = await keepKeys(folder, KEYS);
    await fs.chmod(file ?? '', 0o644);
    await keepKeys(folder, { operatorSecret: 'bg_second', demo: [] });

    const lines = (await fs.readFile(file ?? '', 'utf8')).split('\n');
    expect(lines).toEqual([
      'bg_demo  Demo: much',
      'bg_operator  the operator',
      'bg_second  the operator',
      '',
    ]);
    expect((await fs.stat(file ?? '')).mode & 0o777).toBe(0o600);
    expect(welcome({ ...START, keys: KEYS, keysFile: file })).not.toContain('bg_');
  });

  it('are no file where none was made', async () => {
    const none = { operatorSecret: null, demo: [] };

    expect(await keepKeys(folder, none)).toBeNull();
    expect(await fs.readdir(folder)).toEqual([]);
    expect(welcome({ ...START, keys: none, keysFile: null })).not.toContain('Try');
  });

  it('are not in the output of a process whose output is collected', async () => {
    // A database whose operators have no key yet, as at the first start.
    const gateway = await startTestGateway();
    await asOwner(gateway.databaseUrl, 'delete from api_key');
    let output = '';
    const child = spawn(process.execPath, ['scripts/start.mjs'], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_URL: gateway.databaseUrl,
        DATA_DIR: folder,
        PORT: '0',
        SEED_DEMO: 'false',
        BOOTSTRAP_OPERATOR_KEY: '',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    await until(() => output.includes('Try:'), 'the start');
    await until(() => output.includes('totalCount'), 'the query to paste');
    // The log's lines may come after it.
    const [, printed = ''] = output.split('Try:');
    const command = printed.replaceAll(/^\{"level".*$/gm, '');
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    child.kill('SIGTERM');
    await gateway.close();

    const kept = await fs.readFile(path.join(folder, 'keys.txt'), 'utf8');
    expect(kept).toMatch(/^bg_[\w-]{43} {2}the operator\n$/);
    expect(output).not.toMatch(/bgp?_/);
    // There is no demo to open.
    expect(output).toMatch(/^ {2}Usage {7}http:\/\/127\.0\.0\.1:\d+\/usage$/m);
    expect(stdout).toContain('"totalCount":0');
  });
});
