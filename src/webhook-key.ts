// The key that seals webhook secrets. The embedded database has one in its folder, made at the first start. For any other
// database the operator keeps it, since all gateways on the database need the same.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { BOX_KEY_BYTES } from './partners/secret-box.service.ts';

const FILE = 'webhook-secret.key';

/**
 * The key to use: the configured one, or that of the embedded database's folder.
 * @returns null when it is neither configured nor embedded
 */
export async function webhookKey(config: {
  readonly webhookSecretKey: Buffer | null;
  readonly databaseUrl: string | null;
  readonly dataDir: string;
}): Promise<Buffer | null> {
  if (config.webhookSecretKey !== null) return config.webhookSecretKey;
  return config.databaseUrl === null ? keptKey(config.dataDir) : null;
}

async function keptKey(dataDir: string): Promise<Buffer> {
  const file = path.join(dataDir, FILE);
  const made = `${file}.${randomBytes(6).toString('hex')}`;
  await fs.mkdir(dataDir, { recursive: true });
  await fs.writeFile(made, `${randomBytes(BOX_KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  try {
    // Written as a whole, and never over an existing one: gateways that start at the same time end up with one key.
    await fs.link(made, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await fs.unlink(made);
  }
  const key = parseWebhookKey((await fs.readFile(file, 'utf8')).trim());
  if (key !== null) return key;
  throw new Error(`${file} does not hold a key of ${BOX_KEY_BYTES} bytes in base64.`);
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
}

/** 32 bytes in base64, or null. */
export function parseWebhookKey(text: string): Buffer | null {
  const key = Buffer.from(text, 'base64');
  return key.length === BOX_KEY_BYTES && key.toString('base64') === text ? key : null;
}
