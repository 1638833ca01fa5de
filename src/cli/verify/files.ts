// The files that are verified: statements as they were downloaded, and the public keys.

import fs from 'node:fs/promises';
import path from 'node:path';
import type { PublishedKey } from '../../statements/keys.service.ts';
import { type Claimed, readKeys } from '../../statements/verify.service.ts';

const FETCH_WITHIN_MS = 30_000;

/**
 * The statements in files, and in all .json files of folders.
 * @param keysFile may lie among them; it is no statement
 * @throws Error for a path that is not there, and a folder without such files
 */
export async function readStatements(
  paths: readonly string[],
  keysFile?: string,
): Promise<readonly Claimed[]> {
  const files = (await Promise.all(paths.map(filesIn))).flat();
  const statements = files.filter(
    (file) => keysFile === undefined || path.resolve(file) !== path.resolve(keysFile),
  );
  if (statements.length === 0) throw new Error(`No statements are in ${paths.join(', ')}.`);
  return Promise.all(
    statements.map(async (file) => ({ name: file, value: jsonOf(await fs.readFile(file)) })),
  );
}

/** The public keys at an address or in a file. @throws Error when they cannot be read */
export async function readKeysFrom(source: string): Promise<readonly PublishedKey[]> {
  try {
    return readKeys(
      /^https?:/i.test(source) ? await fetched(source) : jsonOf(await fs.readFile(source)),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The public keys cannot be read from ${source}: ${reason}`, { cause: error });
  }
}

async function fetched(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_WITHIN_MS) });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  return answer.json();
}

async function filesIn(given: string): Promise<readonly string[]> {
  const stats = await fs.stat(given);
  if (!stats.isDirectory()) return [given];
  const names = await fs.readdir(given);
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => path.join(given, name));
}

/** Null: it is no JSON in UTF-8. */
function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}
