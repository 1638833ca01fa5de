// What npm run restore does. Nothing is touched before the backup was read once and is known to be whole.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { migrations } from '../../../ormconfig.ts';
import type { Config } from '../../config.ts';
import { type RestoreTarget, withRestoreTarget } from '../../db/load.ts';
import { migrate } from '../../db/migrate.ts';
import { keysIn, readKeyFile, writeKeyFile } from '../../webhook-key.ts';
import { KEY_FILE, type Manifest, readBackup } from '../backup/manifest.ts';
import { syncFolder } from '../durable.ts';
import { withDatabaseAt, withServer } from '../opened.ts';
import { type Proof, prove } from './proof.ts';

/** The most faults to list. */
const FAULTS_MAX = 50;

export interface RestoreOptions {
  readonly config: Config;
  /** Whether a database is taken that was wrong when the backup was made, or whose secrets no key opens. */
  readonly acceptsFaults: boolean;
  /** Told what was done, a line at a time. */
  readonly say: (line: string) => void;
}

/**
 * Restores a backup into the empty database of a configuration.
 * @throws Error when the backup is not whole, the database not empty, or what is restored cannot be proven
 */
export async function restore(folder: string, options: RestoreOptions): Promise<void> {
  const { config, say } = options;
  const manifest = await readBackup(folder);
  requireKnown(manifest);
  const keyFile =
    manifest.keys === null ? null : await readFile(path.join(folder, KEY_FILE), 'utf8');
  if (config.databaseUrl === null) await requireSameKeys(config.dataDir, keyFile);
  await withServer(config, (url) =>
    withRestoreTarget(url, async (target) => {
      if (config.databaseUrl === null && keyFile !== null) await keepKeys(config.dataDir, keyFile);
      const leftOut = await fill(target, url, { folder, manifest });
      const keys = await keysOf(config, keyFile);
      const proof = await withDatabaseAt(url, config, (database) => prove(database, keys));
      requireProven(proof, options);
      await target.finish();
      for (const line of told(manifest, proof)) say(line);
      for (const name of leftOut) say(`Left out, since the gateway does not make it: ${name}.`);
      if (
        config.databaseUrl !== null &&
        keyFile !== null &&
        config.webhookSecretKeys.length === 0
      ) {
        say(
          `Start gateways with WEBHOOK_SECRET_KEY, set to what ${path.join(folder, KEY_FILE)} says.`,
        );
      }
    }),
  );
}

/** The schema of the backup comes first, then its rows, then what this release has changed since. */
async function fill(
  target: RestoreTarget,
  url: string,
  { folder, manifest }: { readonly folder: string; readonly manifest: Manifest },
): Promise<readonly string[]> {
  const had = new Set(manifest.migrations);
  const earlier = migrations.filter(({ name }) => had.has(name));
  await migrate({ url, migrations: earlier, isRestore: true });
  const leftOut = await target.load(
    manifest,
    manifest.tables.map((table) => ({ ...table, read: () => unpacked(folder, table.file) })),
  );
  await migrate({ url, migrations, isRestore: true });
  return leftOut;
}

function unpacked(folder: string, file: string): Readable {
  const rows = createGunzip();
  // An error of the file ends the rows too, and with them whoever reads them.
  pipeline(createReadStream(path.join(folder, file)), rows, () => undefined);
  return rows;
}

function requireKnown({ migrations: had, release }: Manifest): void {
  const known = new Set<string>(migrations.map(({ name }) => name));
  const unknown = had.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new Error(
    `The backup is of a newer release (${release}): this one does not know its migrations ${unknown.join(', ')}. Restore it with that release.`,
  );
}

async function requireSameKeys(dataDir: string, keyFile: string | null): Promise<void> {
  const present = await readKeyFile(dataDir);
  if (present === null || keyFile === null || present === keyFile) return;
  throw new Error(
    `${path.join(dataDir, KEY_FILE)} holds other keys than the backup: name an empty folder in DATA_DIR, or put that file elsewhere.`,
  );
}

async function keepKeys(dataDir: string, keyFile: string): Promise<void> {
  await writeKeyFile(dataDir, keyFile);
  await syncFolder(dataDir);
}

/** The keys that gateways will have. */
async function keysOf(
  { webhookSecretKeys, databaseUrl, dataDir }: Config,
  keyFile: string | null,
): Promise<readonly Buffer[]> {
  if (webhookSecretKeys.length > 0) return webhookSecretKeys;
  const text = keyFile ?? (databaseUrl === null ? await readKeyFile(dataDir) : null);
  return text === null ? [] : keysIn(text, KEY_FILE);
}

function requireProven({ faults }: Proof, { acceptsFaults, say }: RestoreOptions): void {
  if (faults.length === 0) return;
  say('The rows are those of the backup, and this is not as the gateway needs it:');
  for (const fault of faults.slice(0, FAULTS_MAX)) say(`  ${fault}`);
  if (faults.length > FAULTS_MAX) say(`  And ${faults.length - FAULTS_MAX} more.`);
  if (acceptsFaults) return;
  throw new Error(
    'No gateway starts on it. To take it as it is, restore it again with --accept-faults.',
  );
}

function told(manifest: Manifest, { accounts, entries, faults }: Proof): readonly string[] {
  const { tables, takenAt, archivedEvents } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    `The database is that of ${takenAt}: ${rows} rows of ${tables.length} tables.`,
    ...(faults.length === 0
      ? [
          `Proven of ${accounts} accounts: ${entries} entries of ledgers, rollups, numbers of alerts and events, sealed secrets.`,
        ]
      : []),
    ...(archivedEvents === 0
      ? []
      : [
          `${archivedEvents} events are in archives, which are no part of a backup: keep their files.`,
        ]),
  ];
}
