// npm run restore -- FOLDER [--accept-faults]: fills an empty database with a backup, and proves it. It takes the gateway's variables:
// DATABASE_URL names the empty database, else DATA_DIR a folder that has none. Status 0: done; 1: it failed, and no gateway starts on
// what is there; 2: the arguments are wrong.

import { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { readArguments, UsageError } from './command-line.ts';
import { restore } from './restore/run.ts';

interface Flags {
  readonly acceptFaults?: boolean;
}

const command = new Command()
  .name('restore')
  .description('Fills an empty database with a backup, and proves it.')
  .argument('<folder>', 'what npm run backup wrote')
  .option(
    '--accept-faults',
    'take what was wrong already when the backup was made, and secrets that no key opens',
  )
  .exitOverride();

try {
  if (readArguments(command, process.argv.slice(2))) {
    await restore(String(command.args[0]), {
      config: loadConfig(process.env),
      acceptsFaults: command.opts<Flags>().acceptFaults === true,
      say: (line) => process.stdout.write(`${line}\n`),
    });
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
