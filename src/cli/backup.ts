// npm run backup -- FOLDER: writes all that the gateway's database holds, as of one instant, into a folder that is missing or empty.
// Status 0: done; 1: it failed, and there is no backup; 2: the arguments are wrong. The gateway may run meanwhile.

import path from 'node:path';
import { Command } from 'commander';
import { loadConfig, type Config } from '../config.ts';
import { readKeyFile } from '../webhook-key.ts';
import type { Manifest } from './backup/manifest.ts';
import { writeBackup } from './backup/write.ts';
import { readArguments, UsageError } from './command-line.ts';
import { requireDatabase, withServer } from './opened.ts';

const command = new Command()
  .name('backup')
  .description('Writes all that the database holds, as of one instant, into a folder.')
  .argument('<folder>', 'a folder that is missing or empty')
  .exitOverride();

try {
  if (readArguments(command, process.argv.slice(2))) await run(String(command.args[0]));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(folder: string): Promise<void> {
  const config = loadConfig(process.env);
  await requireDatabase(config);
  const keys = await keysToKeep(config);
  const manifest = await withServer(config, (url) => writeBackup(folder, { url, keys }));
  process.stdout.write(`${sentences(folder, manifest, config).join('\n')}\n`);
}

/** Configured keys are kept where the configuration is. */
async function keysToKeep({
  databaseUrl,
  webhookSecretKeys,
  dataDir,
}: Config): Promise<string | null> {
  return databaseUrl === null && webhookSecretKeys.length === 0 ? readKeyFile(dataDir) : null;
}

function sentences(folder: string, manifest: Manifest, config: Config): readonly string[] {
  const { tables, takenAt, keys, archivedEvents } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  return [
    `${folder} holds the database as of ${takenAt}: ${rows} rows of ${tables.length} tables (${bytes} bytes).`,
    keys === null
      ? 'The keys of WEBHOOK_SECRET_KEY are not in it. Keep them too: without them no webhook and no statement can be signed.'
      : `${keys.file} in it opens the secrets of webhooks and the keys of statements. Keep the folder as safe as the database.`,
    ...(archivedEvents === 0
      ? []
      : [
          `Not in it: ${archivedEvents} archived events. They are in files, by default in ${path.join(config.dataDir, 'archive')}: copy those too.`,
        ]),
  ];
}
