// The keys of webhook secrets: the first one seals, all open. The embedded database has one in its folder, made at the first
// start. For any other database the operator keeps them, since all gateways on the database need the same.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { BOX_KEY_BYTES } from './partners/secret-box.service.ts';

const FILE = 'webhook-secret.key';

/**
 * The keys to use: the configured ones, or those of the embedded database's folder.
 * @returns none when they are neither configured nor embedded
 */
export async function webhookKeys(config: {
  readonly webhookSecretKeys: readonly Buffer[];
  readonly databaseUrl: string | null;
  readonly dataDir: string;
}): Promise<readonly Buffer[]> {
  if (config.webhookSecretKeys.length > 0) return config.webhookSecretKeys;
  return config.databaseUrl === null ? keptKeys(config.dataDir) : [];
}

async function keptKeys(dataDir: string): Promise<readonly Buffer[]> {
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
  const keys = parseWebhookKeys((await fs.readFile(file, 'utf8')).trim().replaceAll(/\s+/g, ','));
  if (keys !== null) return keys;
  throw new Error(`${file} does not hold keys of ${BOX_KEY_BYTES} bytes in base64, one a line.`);
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
}

/** Keys of 32 bytes in base64, separated by commas, or null. */
export function parseWebhookKeys(text: string): readonly Buffer[] | null {
  const keys = text.split(',').map((part) => Buffer.from(part, 'base64'));
  const areKeys = keys.every(({ length }) => length === BOX_KEY_BYTES);
  return areKeys && keys.map((key) => key.toString('base64')).join() === text ? keys : null;
}
