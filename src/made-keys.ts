// The keys that a start made. Only their hashes are in the database, so a start shows them once: on a terminal, or else in a file,
// since what is no terminal is a log that others collect and keep.

import fs from 'node:fs/promises';
import path from 'node:path';

const FILE = 'keys.txt';

/** Keys that are not stored anywhere. */
export interface MadeKeys {
  /** The operator's key, if this start made it. */
  readonly operatorSecret: string | null;
  /** The demo accounts that this start made, with their keys. */
  readonly demo: readonly DemoKey[];
}

interface DemoKey {
  readonly name: string;
  readonly shows: string;
  readonly key: string;
}

/** The keys line by line, each with what it opens: the one to try first comes first. */
export function keyLines({ operatorSecret, demo }: MadeKeys): readonly string[] {
  const lines = demo.map(({ name, shows, key }) => `${key}  ${name}: ${shows}`);
  return operatorSecret === null ? lines : [...lines, `${operatorSecret}  the operator`];
}

/**
 * Adds the keys to a file that its owner alone can read.
 * @returns its path; null when there are no keys
 */
export async function keepKeys(dataDir: string, keys: MadeKeys): Promise<string | null> {
  const lines = keyLines(keys);
  if (lines.length === 0) return null;
  const file = path.join(dataDir, FILE);
  await fs.mkdir(dataDir, { recursive: true });
  await fs.appendFile(file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  await fs.chmod(file, 0o600);
  return file;
}
