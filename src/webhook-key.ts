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

/** What the file of keys in the embedded database's folder says; null: it has none yet. */
export async function readKeyFile(dataDir: string): Promise<string | null> {
  try {
    return await fs.readFile(path.join(dataDir, FILE), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Writes the file of keys as a whole, readable by its owner alone, and on disk when this ends. One that is there stays as it is. */
export async function writeKeyFile(dataDir: string, content: string): Promise<void> {
  const file = path.join(dataDir, FILE);
  const made = `${file}.${randomBytes(6).toString('hex')}`;
  await fs.mkdir(dataDir, { recursive: true });
  await fs.writeFile(made, content, { mode: 0o600, flush: true });
  try {
    // Never over an existing one: gateways that start at the same time end up with one key.
    await fs.link(made, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await fs.unlink(made);
  }
}

async function keptKeys(dataDir: string): Promise<readonly Buffer[]> {
  const file = path.join(dataDir, FILE);
  await writeKeyFile(dataDir, `${randomBytes(BOX_KEY_BYTES).toString('base64')}\n`);
  return keysIn(await fs.readFile(file, 'utf8'), file);
}

/** The keys that a file of keys says. @param file its name, for who has to mend it */
export function keysIn(content: string, file: string): readonly Buffer[] {
  const keys = parseWebhookKeys(content.trim().replaceAll(/\s+/g, ','));
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
