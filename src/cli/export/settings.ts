// The command line: flags become Settings.

import type { ExportName, ExportParameters } from '@billing-gateway/client/exports';
import { Command, Option } from 'commander';
import { dateRangePresets, granularities } from '../../account/range.ts';
import { parseLocalDate } from '../../core/calendar.ts';
import { DAY_MS, isoInstant } from '../../core/range.ts';
import { exportFormats, type ExportFormat, exportNames } from '../../exports/request.ts';
import { usageDimensions } from '../../views/report.ts';
import { readArguments, UsageError } from '../command-line.ts';

export interface Settings {
  readonly name: ExportName;
  readonly format: ExportFormat;
  readonly parameters: ExportParameters;
  readonly bom: boolean;
  /** A file; "-": standard output. */
  readonly output: string;
  readonly url: string;
  readonly key: string;
  readonly accountExternalId: string | null;
}

const examples = `
Examples:
  npm run export -- usage --from 2026-10-01 --to 2026-11-01 -o october.csv
  npm run export -- usage --preset PREVIOUS_CYCLE --granularity HOUR --group-by RESOURCE,COMPONENT
  npm run export -- events --from-day 2026-10-01 --to-day 2026-10-31 --format ndjson -o - | jq .credits`;

/**
 * Reads the command line (without node and script). Null when only help was asked for and printed.
 * @throws UsageError naming the flag and what it should be
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | null {
  const program = commandLine();
  if (!readArguments(program, args)) return null;
  return settingsOf(program.args[0] ?? '', program.opts<Options>(), env);
}

/** As commander names them, each as it was given. */
interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly fromDay?: string;
  readonly toDay?: string;
  readonly preset?: ExportParameters['preset'];
  readonly timeZone?: string;
  readonly granularity?: ExportParameters['granularity'];
  readonly groupBy?: string;
  readonly version?: string;
  readonly accountId?: string;
  readonly accountExternalId?: string;
  readonly format?: ExportFormat;
  readonly bom?: true;
  readonly output?: string;
  readonly url?: string;
  readonly key?: string;
}

function commandLine(): Command {
  return new Command('npm run export --')
    .description('Writes what an account used and was charged into a file.')
    .argument('<export>', Object.keys(exportNames).join(' | '))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(false)
    .addHelpText('after', examples)
    .option('--from <instant>', 'first instant, or day of the zone')
    .option('--to <instant>', 'the instant, or day, at which it ends; not included')
    .option('--from-day <day>', 'first day of the zone')
    .option('--to-day <day>', 'last day of the zone, included')
    .addOption(
      new Option('--preset <name>', 'a range by its name').choices(Object.keys(dateRangePresets)),
    )
    .option('--time-zone <zone>', "IANA name (default: the account's)")
    .addOption(
      new Option('--granularity <unit>', 'of usage and focus: the width of a row').choices([
        ...Object.keys(granularities),
        'NONE',
      ]),
    )
    .option('--group-by <list>', `of usage: some of ${Object.keys(usageDimensions).join(',')}`)
    .option('--version <version>', 'of focus: 1.2 or 1.3')
    .addOption(
      new Option('--format <format>', "default: as the file's name ends, else csv").choices(
        Object.keys(exportFormats),
      ),
    )
    .option('--bom', 'csv: begin with a byte order mark, which some spreadsheets need')
    .option(
      '-o, --output <file>',
      'where it goes; - is standard output (default: usage.csv and the like)',
    )
    .option(
      '--url <url>',
      'the gateway (default: the variable GATEWAY_URL, or http://localhost:4000)',
    )
    .option('--key <key>', 'API key (default: the variable GATEWAY_KEY)')
    .option('--account-id <id>', 'the account, for an operator key')
    .option('--account-external-id <id>', 'the same, by its external id');
}

function settingsOf(
  named: string,
  options: Options,
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const name = Object.values(exportNames).find((one) => one === named);
  if (name === undefined) {
    throw new UsageError(
      `There is no export "${named}"; there are ${Object.keys(exportNames).join(', ')}.`,
    );
  }
  const format = options.format ?? formatOf(options.output ?? '');
  const settings: Settings = {
    name,
    format,
    parameters: parametersOf(options),
    bom: options.bom === true,
    output: options.output ?? `${name}.${format}`,
    url: options.url ?? env['GATEWAY_URL'] ?? 'http://localhost:4000',
    key: options.key ?? env['GATEWAY_KEY'] ?? '',
    accountExternalId: options.accountExternalId ?? null,
  };
  checkTogether(settings);
  return settings;
}

function parametersOf(options: Options): ExportParameters {
  const { preset, timeZone, granularity, groupBy, version, accountId } = options;
  return {
    ...rangeOf(options),
    ...{ preset, timeZone, granularity, version, accountId },
    groupBy: dimensionsOf(groupBy),
  };
}

/** Two days as --from and --to are a range of whole days; two instants are one of instants. */
function rangeOf({ from, to, fromDay, toDay }: Options): ExportParameters {
  if (from === undefined || to === undefined || !isDay(from)) return { from, to, fromDay, toDay };
  if (!isDay(to)) throw new UsageError('--from is a day, so --to must be one too.');
  // The gateway's last day is included.
  const lastDay = dayBefore(to);
  if (lastDay < from) throw new UsageError(`--to ${to} must be a day after --from ${from}.`);
  return { fromDay: from, toDay: lastDay };
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text);
}

function dayBefore(day: string): string {
  try {
    return isoInstant((parseLocalDate(day) - 1) * DAY_MS).slice(0, day.length);
  } catch {
    throw new UsageError(`--to ${day} is not a day of the calendar.`);
  }
}

function dimensionsOf(list: string | undefined): ExportParameters['groupBy'] {
  return list?.split(',').map((named) => {
    const found = Object.values(usageDimensions).find((one) => one === named);
    if (found !== undefined) return found;
    throw new UsageError(
      `--group-by has "${named}"; it is a list, with commas between, of ${Object.keys(usageDimensions).join(', ')}.`,
    );
  });
}

function formatOf(file: string): ExportFormat {
  return /\.(ndjson|jsonl)$/i.test(file) ? 'ndjson' : 'csv';
}

function checkTogether({ key, url, bom, format }: Settings): void {
  if (key === '') throw new UsageError('A key is needed: --key, or the variable GATEWAY_KEY.');
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new UsageError(`--url ${url} is not a URL.`);
  if (bom && format !== 'csv') throw new UsageError('--bom has no meaning with --format ndjson.');
}
