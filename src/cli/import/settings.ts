// The command line: flags become Settings and, once the file's header is known, a Mapping.

import { Command, Option } from 'commander';
import { modelTypes, resourceKinds } from '../../resources/resource.ts';
import { EVENTS_PER_CALL_MAX } from '../../recording/event.ts';
import { usageEventTypes } from '../../rollups/kinds.ts';
import { parseTimeZone } from '../../core/calendar.ts';
import { parseDecimal, type Decimal, type DecimalMark } from './decimal.ts';
import { readArguments, UsageError } from '../command-line.ts';
import { parseIsoMs, timeUnits, type TimeUnit } from './instant.ts';
import { type Encoding, encodings } from './text.ts';
import { namesModel, type Mapping, type ValueFlag } from './rows.ts';
import { constantValue, parseCondition, parseValue, type Value } from './value.ts';

export interface Settings {
  readonly file: string;
  readonly url: string;
  readonly key: string;
  readonly accountId: string | null;
  readonly accountExternalId: string | null;
  readonly as: 'usage' | 'hosting';
  readonly register: boolean;
  readonly dryRun: boolean;
  /** Events in each call. */
  readonly batch: number;
  readonly rejectedFile: string;
  /** The value flags in their original form. */
  readonly values: Readonly<Partial<Record<ValueFlag, string>>>;
  readonly where: readonly string[];
  readonly timeUnit: TimeUnit;
  readonly durationUnit: TimeUnit | null;
  readonly baseMs: number;
  readonly shiftDays: number;
  readonly pricePerUnit: Decimal | null;
  readonly encoding: Encoding;
  /** Null when not given: a comma. */
  readonly delimiter: string | null;
  readonly decimal: DecimalMark;
  /** Null: the account's zone. */
  readonly zone: string | null;
}

const BATCH_MIN = 1;
const BATCH_DEFAULT = 1_000;

/** Files labelled so are often in Windows-1252, which has all characters of Latin-1. */
const LATIN_1 = 'latin1';

type Mode = 'usage' | 'hosting';
interface FlagRule {
  readonly flag: string;
  readonly about: string;
  /** The mode that has it; default: both. */
  readonly only?: Mode;
}

const valueFlags: Readonly<Record<ValueFlag, FlagRule>> = {
  source: { flag: 'source', about: 'who measured it; with the event id its identity for ever' },
  eventId: { flag: 'event-id', about: "identity of the row, e.g. job_id or '=llm-{#}'" },
  resource: { flag: 'resource', about: 'external id of the resource' },
  kind: { flag: 'kind', about: 'kind of the resource (default of WORKFLOW_RUN: =WORKFLOW)' },
  model: { flag: 'model', about: 'external id of the model' },
  type: { flag: 'type', about: Object.keys(usageEventTypes).join(' | '), only: 'usage' },
  at: { flag: 'at', about: 'when it happened', only: 'usage' },
  quantity: { flag: 'quantity', about: 'runs, pages, tokens (default =1)', only: 'usage' },
  unit: { flag: 'unit', about: "what the quantity counts, e.g. '=tokens'", only: 'usage' },
  credits: { flag: 'credits', about: 'the charge', only: 'usage' },
  from: { flag: 'from', about: 'start of the period', only: 'hosting' },
  to: { flag: 'to', about: 'end of the period', only: 'hosting' },
  duration: { flag: 'duration', about: 'length of the period, in place of --to', only: 'hosting' },
  hardware: { flag: 'hardware', about: 'name of the hardware profile', only: 'hosting' },
  replicas: { flag: 'replicas', about: 'replicas (default =1)', only: 'hosting' },
  name: { flag: 'name', about: '--register: name (default: the external id)' },
  owner: { flag: 'owner', about: '--register: owner' },
  modelType: { flag: 'model-type', about: '--register: =BASE (the default) or =FINE_TUNED' },
  language: { flag: 'language', about: '--register, CUSTOM_SCRIPT: language' },
  languageVersion: { flag: 'language-version', about: '--register, CUSTOM_SCRIPT: its version' },
  ocrModel: { flag: 'ocr-model', about: '--register, OCR_DEPLOYMENT: the model it serves' },
};

const grammar = `
A VALUE is a column's name, a sum of columns (a+b), or a constant that begins with "=";
in a constant {column} is replaced by a cell and {#} by the row's line in the file.
Put constants in quotes: '=gpu-1'.`;

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
  return settingsOf(program.args[0] ?? '', program.opts<Record<string, unknown>>(), env);
}

/** @throws UsageError when a flag names a column that the file lacks, or an invalid constant */
export function mappingOf(settings: Settings, columns: readonly string[]): Mapping {
  const values: Partial<Record<ValueFlag, Value>> = {};
  for (const flag of flagNames()) {
    const text = settings.values[flag];
    if (text !== undefined) values[flag] = parseValue(text, columns, settings.decimal);
  }
  if (settings.as === 'usage' && values.type?.constant === 'WORKFLOW_RUN') {
    values.kind ??= constantValue('WORKFLOW');
  }
  checkConstant('type', values.type, Object.keys(usageEventTypes));
  checkConstant('kind', values.kind, Object.keys(resourceKinds));
  checkConstant('model-type', values.modelType, Object.keys(modelTypes));
  const { timeUnit: unit, baseMs, shiftDays, zone, decimal } = settings;
  return {
    as: settings.as,
    columnCount: columns.length,
    where: settings.where.map((text) => parseCondition(text, columns, decimal)),
    time: { unit, baseMs, shiftDays, zone, decimal },
    decimal,
    durationUnit: durationUnitOf(settings),
    pricePerUnit: settings.pricePerUnit,
    values,
  };
}

function commandLine(): Command {
  const program = new Command('npm run import --')
    .argument('<file>', 'CSV file with a header line')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(false)
    .addHelpText('after', grammar)
    .addOption(new Option('--as <mode>', 'what a row is').choices(['usage', 'hosting']))
    .option('--url <url>', 'the gateway', 'http://localhost:4000/graphql')
    .option('--key <key>', 'API key (default: the variable GATEWAY_KEY)')
    .option('--account-id <id>', 'the account, for an operator key')
    .option('--account-external-id <id>', 'the same, by its external id');
  for (const flag of flagNames()) {
    const { flag: name, about, only } = valueFlags[flag];
    program.option(`--${name} <value>`, only === undefined ? about : `${about} (${only})`);
  }
  return program
    .option('--credits-per-unit <decimal>', 'quantity x this, half up to the micro-credit (usage)')
    .addOption(
      new Option('--time-unit <unit>', 'how times are written')
        .choices(Object.keys(timeUnits))
        .default('iso'),
    )
    .option('--zone <zone>', "where a date without a time is a day (default: the account's zone)")
    .option('--base <instant>', 'what s and ms count from', '1970-01-01T00:00:00Z')
    .option('--shift-days <days>', 'days of 24 hours added to every time', '0')
    .addOption(new Option('--duration-unit <unit>', 'default: the time unit').choices(['s', 'ms']))
    .option('--where <condition>', 'take only such rows, e.g. "requests>0"; may repeat', append)
    .addOption(
      new Option('--encoding <encoding>', 'of the file; latin1 is windows-1252')
        .choices([...Object.keys(encodings), LATIN_1])
        .default('utf-8'),
    )
    .option('--delimiter <character>', 'what parts cells: one character, or tab (default: ",")')
    .addOption(
      new Option('--decimal <mark>', "before a number's fraction").choices(['.', ',']).default('.'),
    )
    .option('--register', 'register the resources (and models) that rows name')
    .option(
      '--batch <rows>',
      `rows a call, at most ${EVENTS_PER_CALL_MAX}`,
      BATCH_DEFAULT.toString(),
    )
    .option('--rejected <file>', 'where rejected rows go (default: FILE.rejected.csv)')
    .option('--dry-run', 'read and check everything, send nothing');
}

function append(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function settingsOf(
  file: string,
  options: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const text = (name: string): string | null => textOf(options[name]);
  const defaulted = (name: string): string => text(name) ?? '';
  const settings: Settings = {
    file,
    url: defaulted('url'),
    key: text('key') ?? env['GATEWAY_KEY'] ?? '',
    accountId: text('accountId'),
    accountExternalId: text('accountExternalId'),
    as: modeOf(text('as')),
    register: options['register'] === true,
    dryRun: options['dryRun'] === true,
    batch: batchOf(defaulted('batch')),
    rejectedFile: text('rejected') ?? `${file}.rejected.csv`,
    values: valuesOf(options),
    where: textsOf(options['where']),
    timeUnit: unitOf(text('timeUnit')) ?? 'iso',
    durationUnit: unitOf(text('durationUnit')),
    baseMs: baseOf(defaulted('base')),
    shiftDays: daysOf(defaulted('shiftDays')),
    pricePerUnit: priceOf(text('creditsPerUnit')),
    encoding: encodingOf(text('encoding')),
    delimiter: delimiterOf(text('delimiter')),
    decimal: text('decimal') === ',' ? ',' : '.',
    zone: zoneOf(text('zone')),
  };
  checkTogether(settings);
  return settings;
}

function checkTogether(settings: Settings): void {
  const { as, values } = settings;
  if (settings.key === '' && !settings.dryRun) {
    throw new UsageError('A key is needed: --key, or the variable GATEWAY_KEY.');
  }
  if (!URL.canParse(settings.url)) throw new UsageError(`--url ${settings.url} is not a URL.`);
  for (const flag of flagNames()) {
    const { flag: name, only } = valueFlags[flag];
    if (values[flag] !== undefined && only !== undefined && only !== as) {
      throw new UsageError(`--${name} has no meaning with --as ${as}.`);
    }
  }
  requireFlags(settings, 'source', 'eventId');
  if (as === 'hosting') checkHosting(settings);
  else checkUsage(settings);
}

function checkUsage(settings: Settings): void {
  requireFlags(settings, 'type', 'at');
  const isPriced = settings.pricePerUnit !== null;
  const hasCredits = settings.values.credits !== undefined;
  if (isPriced && hasCredits) {
    throw new UsageError('Give --credits or --credits-per-unit, not both.');
  }
  checkType(settings, isPriced || hasCredits);
}

function checkType(settings: Settings, isCharged: boolean): void {
  // A type that depends on the row is checked row by row.
  const written = settings.values.type ?? '';
  const type = written.startsWith('=') ? written.slice(1) : '';
  if (type === 'PROCESSING') requireFlags(settings, 'kind', 'resource');
  if (type === 'WORKFLOW_RUN') requireFlags(settings, 'resource');
  if (namesModel(type)) requireFlags(settings, 'model');
  if (type !== '' && type !== 'WORKFLOW_RUN' && !isCharged) {
    throw new UsageError(`${type} needs --credits or --credits-per-unit.`);
  }
}

function checkHosting(settings: Settings): void {
  const { values } = settings;
  requireFlags(settings, 'kind', 'resource', 'hardware', 'from');
  if ((values.to === undefined) === (values.duration === undefined)) {
    throw new UsageError('Give --to or --duration, one of them.');
  }
  if (settings.pricePerUnit !== null) {
    throw new UsageError('--credits-per-unit has no meaning with --as hosting.');
  }
  if (values.duration !== undefined) durationUnitOf(settings);
}

function requireFlags(settings: Settings, ...flags: readonly ValueFlag[]): void {
  for (const flag of flags) {
    if (settings.values[flag] === undefined) {
      throw new UsageError(`--${valueFlags[flag].flag} is needed.`);
    }
  }
}

function checkConstant(name: string, value: Value | undefined, allowed: readonly string[]): void {
  const constant = value?.constant ?? null;
  if (constant !== null && !allowed.includes(constant)) {
    throw new UsageError(`--${name} is =${constant}; it must be one of ${allowed.join(', ')}.`);
  }
}

function durationUnitOf(settings: Settings): Exclude<TimeUnit, 'iso'> {
  const unit = settings.durationUnit ?? settings.timeUnit;
  if (unit !== 'iso') return unit;
  if (settings.values.duration === undefined) return 'ms';
  throw new UsageError('--duration needs --duration-unit s or ms.');
}

function valuesOf(
  options: Readonly<Record<string, unknown>>,
): Readonly<Partial<Record<ValueFlag, string>>> {
  const values: Partial<Record<ValueFlag, string>> = {};
  for (const flag of flagNames()) {
    const text = textOf(options[flag]);
    if (text !== null) values[flag] = text;
  }
  return values;
}

function flagNames(): readonly ValueFlag[] {
  const known = Object.keys(valueFlags);
  return known.filter((name): name is ValueFlag => name in valueFlags);
}

function textOf(option: unknown): string | null {
  return typeof option === 'string' ? option : null;
}

function textsOf(option: unknown): readonly string[] {
  return Array.isArray(option) ? option.map(String) : [];
}

function modeOf(text: string | null): Mode {
  if (text === 'usage' || text === 'hosting') return text;
  throw new UsageError('--as usage or --as hosting is needed.');
}

function unitOf(text: string | null): TimeUnit | null {
  return Object.values(timeUnits).find((unit) => unit === text) ?? null;
}

function encodingOf(text: string | null): Encoding {
  const known: readonly Encoding[] = Object.values(encodings);
  return known.find((name) => name === text) ?? (text === LATIN_1 ? 'windows-1252' : 'utf-8');
}

function delimiterOf(text: string | null): string | null {
  if (text === 'tab' || text === '\\t') return '\t';
  if (text === null || /^[^"\r\n]$/u.test(text)) return text;
  throw new UsageError(`--delimiter is "${text}"; it must be one character, or tab.`);
}

function zoneOf(text: string | null): string | null {
  if (text === null) return null;
  try {
    return parseTimeZone(text);
  } catch {
    throw new UsageError(`--zone ${text} is not a time zone like Europe/Berlin.`);
  }
}

function batchOf(text: string): number {
  const batch = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (batch >= BATCH_MIN && batch <= EVENTS_PER_CALL_MAX) return batch;
  throw new UsageError(
    `--batch is ${text}; it must be from ${BATCH_MIN} to ${EVENTS_PER_CALL_MAX}.`,
  );
}

function baseOf(text: string): number {
  const baseMs = parseIsoMs(text);
  if (baseMs !== null) return baseMs;
  throw new UsageError(`--base is ${text}; it must be an instant like 2026-03-01T00:00:00Z.`);
}

function daysOf(text: string): number {
  if (/^[+-]?\d{1,7}$/.test(text)) return Number(text);
  throw new UsageError(`--shift-days is ${text}; it must be a whole number of days.`);
}

function priceOf(text: string | null): Decimal | null {
  if (text === null) return null;
  const price = parseDecimal(text);
  if (price !== null && price.units >= 0n) return price;
  throw new UsageError(
    `--credits-per-unit is ${text}; it must be a decimal number of zero or more.`,
  );
}
