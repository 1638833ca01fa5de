// What a backup is: a folder with a file for each table, the rows as COPY prints them, gzipped, and a manifest that says what is in
// it. The manifest's own hash lies beside it, as sha256sum writes it.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DumpHead, TableShape } from '../../db/dump.ts';

/** Raised when an earlier release could not read what is written. */
export const FORMAT = 1;
export const MANIFEST = 'manifest.json';
export const MANIFEST_HASH = 'manifest.json.sha256';
/** The keys that seal the secrets of webhooks and the keys of statements, of an embedded database. */
export const KEY_FILE = 'webhook-secret.key';

/** A file of a backup. */
export interface BackupFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The rows of a table. */
export interface TableFile extends TableShape, BackupFile {
  readonly rows: number;
}

export interface Manifest extends DumpHead {
  readonly format: number;
  readonly release: string;
  readonly tables: readonly TableFile[];
  /** The file with the keys; null: the backup has none, they are those of WEBHOOK_SECRET_KEY. */
  readonly keys: BackupFile | null;
}

/**
 * Reads a backup's manifest, and checks all of its files against it.
 * @throws Error saying what is missing or was changed
 */
export async function readBackup(folder: string): Promise<Manifest> {
  const content = await readPart(folder, MANIFEST);
  const hash = (await readPart(folder, MANIFEST_HASH)).split(' ')[0];
  if (hash !== sha256(content)) throw altered(folder, MANIFEST);
  const manifest = JSON.parse(content) as Manifest;
  if (manifest.format !== FORMAT) {
    throw new Error(
      `The backup has the format ${manifest.format}; this release reads the format ${FORMAT}. Restore it with the release that wrote it, ${manifest.release}.`,
    );
  }
  const files = [...manifest.tables, ...(manifest.keys === null ? [] : [manifest.keys])];
  for (const file of files) await requireAsWritten(folder, file);
  return manifest;
}

/** The SHA-256 of a text or of bytes, in hex. */
export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function requireAsWritten(
  folder: string,
  { file, bytes, ...written }: BackupFile,
): Promise<void> {
  const name = path.join(folder, file);
  const found = await stat(name).catch(() => {
    throw incomplete(folder, file);
  });
  if (found.size !== bytes) throw altered(folder, file);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(name) as AsyncIterable<Buffer>) hash.update(chunk);
  if (hash.digest('hex') !== written.sha256) throw altered(folder, file);
}

async function readPart(folder: string, file: string): Promise<string> {
  return readFile(path.join(folder, file), 'utf8').catch(() => {
    throw incomplete(folder, file);
  });
}

function incomplete(folder: string, file: string): Error {
  return new Error(`${folder} is no complete backup: ${file} is missing or cannot be read.`);
}

function altered(folder: string, file: string): Error {
  return new Error(`${folder} is not as it was written: ${file} was changed or cut off.`);
}
