// npm run archive -- --before 2026-02 [--folder DIR]: moves what can be of all earlier months of events into files.
// npm run archive -- --attach 2026-01|FILE [--folder DIR]: brings it back.
// Status 0: done; 1: not all could be brought back, or it failed; 2: the arguments are wrong. The gateway may run meanwhile.

import path from 'node:path';
import { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { ArchivingService } from '../recording/archiving.service.ts';
import { archiveBefore, attach } from './archive/run.ts';
import { readArguments, UsageError } from './command-line.ts';
import { withDatabase } from './opened.ts';

interface Flags {
  readonly before?: string;
  readonly attach?: string;
  readonly folder?: string;
}

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;

const command = new Command()
  .name('archive')
  .description('Moves old months of events into files, and brings them back.')
  .option('--before <month>', 'archive all earlier months, such as 2026-02 (UTC)')
  .option('--attach <month or file>', 'bring back a month, or what is in a file')
  .option('--folder <folder>', "where the files are; default: archive in the gateway's DATA_DIR")
  .exitOverride();

try {
  if (readArguments(command, process.argv.slice(2))) await run(command.opts<Flags>());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run({ before, attach: named, folder }: Flags): Promise<void> {
  if ((before === undefined) === (named === undefined)) {
    throw new UsageError('Give either --before or --attach.');
  }
  if (before !== undefined && !MONTH.test(before)) {
    throw new UsageError(
      `--before is ${JSON.stringify(before)}; a month such as 2026-02 is needed.`,
    );
  }
  if (named !== undefined && /^\d{4}-\d{2}$/.test(named) && !MONTH.test(named)) {
    throw new UsageError(
      `--attach is ${JSON.stringify(named)}; a month such as 2026-01, or a file, is needed.`,
    );
  }
  const options = {
    folder: folder ?? path.join(loadConfig(process.env).dataDir, 'archive'),
    say: (line: string) => process.stdout.write(`${line}\n`),
  };
  await withDatabase(async (database) => {
    const service = new ArchivingService(database);
    if (before !== undefined) await archiveBefore(service, before, options);
    const isDone = named === undefined || (await attach(service, named, options));
    if (!isDone) process.exitCode = 1;
  });
}
