// npm run import -- FILE [flags]: loads a CSV file of usage or hosting through the public API. Status 0: every row is
// recorded (now or before); 1: some are not, or the import stopped; 2: wrong arguments.

import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createGateway } from '@billing-gateway/client';
import { SingleBar } from 'cli-progress';
import { SystemClock } from '../core/clock.ts';
import { UsageError } from './command-line.ts';
import { ImportStopped } from './import/errors.ts';
import { importFile, type Progress, type Summary } from './import/run.ts';
import { readSettings, type Settings } from './import/settings.ts';

const LINE_EVERY_MS = 5_000;

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    return settings === null ? 0 : await runImport(settings);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\nnpm run import -- --help lists all flags.`);
      return 2;
    }
    if (!(error instanceof ImportStopped)) throw error;
    console.error(error.message);
    return 1;
  }
}

async function runImport(settings: Settings): Promise<number> {
  const bytes = await fileSize(settings.file);
  await requireWritable(settings.rejectedFile);
  const { url, key } = settings;
  const client = settings.dryRun ? null : createGateway({ url, key });
  const shown = process.stderr.isTTY ? progressBar(bytes) : progressLines();
  try {
    const summary = await importFile(settings, client, shown.progress);
    shown.stop();
    console.log(report(settings, summary));
    return summary.rejected + summary.conflicts === 0 ? 0 : 1;
  } finally {
    shown.stop();
  }
}

async function fileSize(file: string): Promise<number> {
  const stats = await stat(file).catch(() => null);
  if (stats?.isFile() !== true) throw new UsageError(`${file} is not a file that can be read.`);
  return stats.size;
}

/** Checked before anything is sent: rejected rows that cannot be written later would be lost. */
async function requireWritable(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch {
    throw new UsageError(
      `${dirname(file)} cannot be written to; say with --rejected FILE where rejected rows go.`,
    );
  }
}

interface Shown {
  readonly progress: Progress;
  readonly stop: () => void;
}

function progressBar(bytes: number): Shown {
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {rows} rows | {accepted} accepted | {refused} not recorded',
    hideCursor: true,
  });
  bar.start(bytes, 0, { rows: 0, accepted: 0, refused: 0 });
  return {
    progress: (bytesRead, { read, accepted, rejected, conflicts }) => {
      bar.update(bytesRead, { rows: read, accepted, refused: rejected + conflicts });
    },
    stop: () => {
      bar.stop();
    },
  };
}

function progressLines(): Shown {
  const clock = new SystemClock();
  let lastMs = clock.passedMs();
  return {
    progress: (_bytesRead, { read, accepted }) => {
      if (clock.passedMs() - lastMs < LINE_EVERY_MS) return;
      lastMs = clock.passedMs();
      console.error(`${read} rows read, ${accepted} accepted`);
    },
    stop: () => undefined,
  };
}

function report(settings: Settings, summary: Summary): string {
  const unrecorded = summary.rejected + summary.conflicts;
  const lines = [
    `read         ${summary.read}`,
    settings.dryRun
      ? `to be sent   ${summary.accepted}`
      : `accepted     ${summary.accepted}\ndoubled      ${summary.duplicates}\nin conflict  ${summary.conflicts}`,
    `rejected     ${summary.rejected}`,
    `left out     ${summary.leftOut}`,
  ];
  if (settings.dryRun && summary.firstEvent !== null) {
    lines.push(`the first would be ${JSON.stringify(summary.firstEvent)}`);
  }
  if (unrecorded > 0) lines.push(`Rows that were not recorded: ${settings.rejectedFile}`);
  return lines.join('\n');
}
