import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { webhookKey } from '../../src/webhook-key.ts';

let dataDir = '';

beforeEach(async () => {
  dataDir = await fs.mkdtemp(path.join(os.tmpdir(), 'webhook-key-'));
});

afterEach(async () => {
  await fs.rm(dataDir, { recursive: true });
});

function keyOf(config: Partial<Parameters<typeof webhookKey>[0]> = {}): Promise<Buffer | null> {
  return webhookKey({ webhookSecretKey: null, databaseUrl: null, dataDir, ...config });
}

describe('the key that webhook secrets are sealed with', () => {
  it('is made once for the embedded database, and kept for its owner alone', async () => {
    const first = await keyOf();
    const second = await keyOf();

    const files = await fs.readdir(dataDir);
    const { mode } = await fs.stat(path.join(dataDir, 'webhook-secret.key'));
    expect(first).toHaveLength(32);
    expect(second).toEqual(first);
    expect(files).toEqual(['webhook-secret.key']);
    expect((mode & 0o777).toString(8)).toBe('600');
  });

  it('is one for all gateways that start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => keyOf()));

    expect(new Set(keys.map((key) => key?.toString('hex'))).size).toBe(1);
  });

  it('is never made for a database of one’s own', async () => {
    expect(await keyOf({ databaseUrl: 'postgres://localhost/billing' })).toBeNull();
    expect(await fs.readdir(dataDir)).toEqual([]);
  });

  it('is the configured one where there is one', async () => {
    const webhookSecretKey = Buffer.alloc(32, 5);

    expect(await keyOf({ webhookSecretKey })).toBe(webhookSecretKey);
    expect(await fs.readdir(dataDir)).toEqual([]);
  });

  it('is not replaced when its file is damaged', async () => {
    await fs.writeFile(path.join(dataDir, 'webhook-secret.key'), 'half a k');

    await expect(keyOf()).rejects.toThrow('webhook-secret.key does not hold a key');
    expect(await fs.readFile(path.join(dataDir, 'webhook-secret.key'), 'utf8')).toBe('half a k');
  });
});
