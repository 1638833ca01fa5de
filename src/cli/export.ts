// npm run export -- usage --from 2026-10-01 --to 2026-11-01 -o FILE: writes an export into a file. Status 0: all of it is written;
// 1: it is not; 2: wrong arguments; 130 and 143: stopped by a signal. A file is there only with status 0.

import { createGateway, type Gateway, GatewayError } from '@billing-gateway/client';
import { SingleBar } from 'cli-progress';
import { SystemClock } from '../core/clock.ts';
import { UsageError } from './command-line.ts';
import { ExportStopped } from './export/errors.ts';
import { fileOutput, standardOutput } from './export/output.ts';
import {
  isShareKnown,
  type Outcome,
  type Surroundings,
  writeExport,
  type Written,
} from './export/run.ts';
import { readSettings, type Settings } from './export/settings.ts';

const LINE_EVERY_MS = 5_000;
/** As shells tell it: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

process.exitCode = await main();

async function main(): Promise<number> {
  const stopped = new AbortController();
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      stopped.abort(status);
    });
  }
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings !== null) await run(settings, stopped);
    return 0;
  } catch (error) {
    return statusOf(error, stopped.signal);
  }
}

function statusOf(error: unknown, { aborted, reason }: AbortSignal): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nnpm run export -- --help lists all flags.`);
    return 2;
  }
  if (aborted && typeof reason === 'number') {
    console.error('Stopped; nothing was kept.');
    return reason;
  }
  if (error instanceof GatewayError) {
    console.error(`${error.message} (${error.code})`);
    return error.code === 'BAD_USER_INPUT' ? 2 : 1;
  }
  if (!(error instanceof ExportStopped)) throw error;
  console.error(error.message);
  return 1;
}

async function run(settings: Settings, stopped: AbortController): Promise<void> {
  const { url, key, output: file } = settings;
  const gateway = createGateway({ url, key });
  const accountId = await accountIdOf(settings, gateway, stopped.signal);
  const output = file === '-' ? standardOutput() : await fileOutput(file);
  const shown = process.stderr.isTTY ? progressBar(settings) : progressLines();
  try {
    const { signal } = stopped;
    const outcome = await writeExport(settings, accountId, { gateway, output, signal, ...shown });
    await output.keep();
    shown.stop();
    const said = report(file, outcome);
    if (file === '-') console.error(said);
    else console.log(said);
  } finally {
    shown.stop();
    await output.end();
    await gateway.close();
  }
}

async function accountIdOf(
  { parameters, accountExternalId: externalId }: Settings,
  gateway: Gateway,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (externalId === null) return parameters.accountId;
  const { account } = await gateway.account({ externalId }, { signal });
  if (account !== null) return account.id;
  throw new ExportStopped(`The gateway has no account with the external id "${externalId}".`);
}

interface Shown extends Pick<Surroundings, 'progress' | 'say'> {
  readonly stop: () => void;
}

function progressBar(settings: Settings): Shown {
  const clock = new SystemClock();
  const beganMs = clock.passedMs();
  const share = isShareKnown(settings) ? '{bar} {percentage}% | ' : '';
  const bar = new SingleBar({
    format: `${share}{rows} rows | {mb} MB | {rate} rows/s`,
    hideCursor: true,
  });
  bar.start(1, 0, { rows: 0, mb: '0.0', rate: 0 });
  return {
    progress: ({ rows, bytes, share: done }) => {
      const seconds = (clock.passedMs() - beganMs) / 1_000;
      const rate = Math.round(rows / Math.max(seconds, 0.001));
      bar.update(done ?? 0, { rows, mb: megabytes(bytes), rate });
    },
    say: (sentence) => {
      console.error(`\n${sentence}`);
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
    progress: ({ rows, bytes }: Written) => {
      if (clock.passedMs() - lastMs < LINE_EVERY_MS) return;
      lastMs = clock.passedMs();
      console.error(`${rows} rows, ${megabytes(bytes)} MB`);
    },
    say: (sentence) => {
      console.error(sentence);
    },
    stop: () => undefined,
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function report(file: string, { rows, bytes, credits }: Outcome): string {
  const lines = [`rows     ${rows}`, `bytes    ${bytes}`];
  if (credits !== null) lines.push(`credits  ${credits}`);
  if (file !== '-') lines.push(`written  ${file}`);
  return lines.join('\n');
}
