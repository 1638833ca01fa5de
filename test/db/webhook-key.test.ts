import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { webhookKeys } from '../../src/webhook-key.ts';

let dataDir = '';

beforeEach(async () => {
  dataDir = await fs.mkdtemp(path.join(os.tmpdir(), 'webhook-key-'));
});

afterEach(async () => {
  await fs.rm(dataDir, { recursive: true });
});

function keysOf(
  config: Partial<Parameters<typeof webhookKeys>[0]> = {},
): Promise<readonly Buffer[]> {
  return webhookKeys({ webhookSecretKeys: [], databaseUrl: null, dataDir, ...config });
}

describe('the keys that webhook secrets are sealed with', () => {
  it('are one, made once for the embedded database, and kept for its owner alone', async () => {
    const first = await keysOf();
    const second = await keysOf();

    const files = await fs.readdir(dataDir);
    const { mode } = await fs.stat(path.join(dataDir, 'webhook-secret.key'));
    expect(first.map(({ length }) => length)).toEqual([32]);
    expect(second).toEqual(first);
    expect(files).toEqual(['webhook-secret.key']);
    expect((mode & 0o777).toString(8)).toBe('600');
  });

  it('are the same for all gateways that start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => keysOf()));

    expect(new Set(keys.map((some) => some.map((key) => key.toString('hex')).join())).size).toBe(1);
  });

  it('are the lines of the file, the first one first', async () => {
    const [made] = await keysOf();
    const file = path.join(dataDir, 'webhook-secret.key');
    const next = Buffer.alloc(32, 6);
    await fs.writeFile(file, `${next.toString('base64')}\n${await fs.readFile(file, 'utf8')}`);

    expect(await keysOf()).toEqual([next, made]);
  });

  it('are never made for a database of one’s own', async () => {
    expect(await keysOf({ databaseUrl: 'postgres://localhost/billing' })).toEqual([]);
    expect(await fs.readdir(dataDir)).toEqual([]);
  });

  it('are the configured ones where there are some', async () => {
    const webhookSecretKeys = [Buffer.alloc(32, 5)];

    expect(await keysOf({ webhookSecretKeys })).toBe(webhookSecretKeys);
    expect(await fs.readdir(dataDir)).toEqual([]);
  });

  it('are not replaced when their file is damaged', async () => {
    await fs.writeFile(path.join(dataDir, 'webhook-secret.key'), 'half a k');

    await expect(keysOf()).rejects.toThrow('webhook-secret.key does not hold keys');
    expect(await fs.readFile(path.join(dataDir, 'webhook-secret.key'), 'utf8')).toBe('half a k');
  });
});
