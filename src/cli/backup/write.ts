// Writes a backup. It has its name only once all of it is on disk, so that nobody takes a part for the whole.

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { root } from '../../../scripts/dist.mjs';
import { type Dump, withDump } from '../../db/dump.ts';
import { keep, makeFolder, syncFolder } from '../durable.ts';
import {
  type BackupFile,
  FORMAT,
  KEY_FILE,
  type Manifest,
  MANIFEST,
  MANIFEST_HASH,
  sha256,
  type TableFile,
} from './manifest.ts';

/** Whoever may read a backup may read all that the gateway knows, and open what it sealed. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

export interface BackupOptions {
  /** The database, as its owner. */
  readonly url: string;
  /** The keys of the embedded database's folder; null: they are kept elsewhere. */
  readonly keys: string | null;
}

/**
 * Writes a backup of a database into a folder that is missing or empty.
 * @throws Error when the folder is not empty or cannot be replaced (a link, a mount point), or the database cannot be backed up
 */
export async function writeBackup(folder: string, { url, keys }: BackupOptions): Promise<Manifest> {
  await makeWay(folder);
  const target = path.resolve(folder);
  await makeFolder(path.dirname(target));
  const part = `${target}.${process.pid}.part`;
  await mkdir(part, { mode: FOLDER_MODE });
  try {
    const manifest = await withDump(url, (dump) => writeAll(part, dump, keys));
    await syncFolder(part);
    await keep(part, target);
    return manifest;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

async function makeWay(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(`${folder} cannot take a backup: ${String(error)}`, { cause: error });
  });
  if (names === null) return;
  if (names.length > 0) {
    throw new Error(`${folder} is not empty: name a folder that is missing or empty.`);
  }
  // The backup takes its place. A link, or where something is mounted, does not give it up, which has to be known before the work is done.
  await rmdir(folder).catch((error: unknown) => {
    throw new Error(
      `${folder} cannot be replaced by a backup: name a folder that is missing. ${String(error)}`,
      { cause: error },
    );
  });
}

async function writeAll(folder: string, dump: Dump, keys: string | null): Promise<Manifest> {
  const tables: TableFile[] = [];
  for (const table of dump.tables) {
    const { text: rows, count } = dump.rows(table);
    const written = await writeFile(folder, `${table.name}.copy.gz`, async (append) => {
      await pipeline(rows, createGzip(), async (packed: AsyncIterable<Buffer>) => {
        for await (const chunk of packed) await append(chunk);
      });
    });
    tables.push({ ...table, rows: await count(), ...written });
  }
  const manifest: Manifest = {
    format: FORMAT,
    release: await release(),
    ...dump.head,
    tables,
    keys: keys === null ? null : await writeText(folder, KEY_FILE, keys),
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeText(folder, MANIFEST, text);
  await writeText(folder, MANIFEST_HASH, `${sha256(text)}  ${MANIFEST}\n`);
  return manifest;
}

function writeText(folder: string, file: string, text: string): Promise<BackupFile> {
  return writeFile(folder, file, (append) => append(Buffer.from(text)));
}

/** Writes a file, which is on disk when this ends. */
async function writeFile(
  folder: string,
  file: string,
  fill: (append: (chunk: Buffer) => Promise<void>) => Promise<void>,
): Promise<BackupFile> {
  const handle = await open(path.join(folder, file), 'wx', FILE_MODE);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await fill(async (chunk) => {
      await handle.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.length;
    });
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, bytes, sha256: hash.digest('hex') };
}

async function release(): Promise<string> {
  const text = await readFile(path.join(root, 'package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
