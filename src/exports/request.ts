// What a caller asks an export for, as parameters of an address, and what its parts are as of.

import {
  type DateRangeRequest,
  dateRangePresets,
  granularities,
  type Granularity,
} from '../account/range.ts';
import { parseChoice, shown } from '../core/check.ts';
import { type AsOf, type CursorKey, decodeCursor } from '../core/cursor.ts';
import { UserInputError } from '../core/errors.ts';
import { parseInstant } from '../core/instant.ts';
import { type UsageDimension, usageDimensions } from '../views/report.ts';
import { type FocusVersion, focusVersions } from './focus-rows.ts';

export const exportNames = {
  usage: 'usage',
  events: 'events',
  segments: 'segments',
  ledger: 'ledger',
  allocations: 'allocations',
  alerts: 'alerts',
  focus: 'focus',
} as const;
export type ExportName = keyof typeof exportNames;

export const exportFormats = { csv: 'csv', ndjson: 'ndjson' } as const;
export type ExportFormat = keyof typeof exportFormats;

export const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
};

/** The parameters of an address, each as often as it was sent. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** How wide the rows of usage and FOCUS are; NONE: each covers the whole range. */
const widths = { ...granularities, NONE: 'NONE' } as const;
const WIDTH_DEFAULT = 'DAY';
const DIMENSIONS_DEFAULT: readonly UsageDimension[] = ['CATEGORY', 'COMPONENT', 'RESOURCE'];
const COMMON = ['accountId', 'after', 'asOf', 'bom', 'format', 'from', 'fromDay', 'preset'];
const NAMES = [...COMMON, 'timeZone', 'to', 'toDay'];
const USAGE_NAMES = [...NAMES, 'granularity', 'groupBy'];
const FOCUS_NAMES = [...NAMES, 'granularity', 'version'];
const VERSION_DEFAULT = '1.2';

/** A checked request; its range still lacks the account's zone and now. */
export interface ExportRequest {
  readonly name: ExportName;
  readonly format: ExportFormat;
  readonly accountId: string | null;
  readonly range: DateRangeRequest;
  readonly bom: boolean;
  readonly granularity: Granularity | null;
  readonly groupBy: readonly UsageDimension[];
  /** Of FOCUS. */
  readonly version: FocusVersion;
  /** Where an earlier answer broke off, and what that answer was as of. */
  readonly resumed: { readonly after: CursorKey; readonly asOf: string } | null;
}

/**
 * Reads the parameters of an export.
 * @param acceptable what the caller takes; null: nothing that there is
 * @throws UserInputError that names the parameter; NOT_ACCEPTABLE without `format` when nothing is acceptable
 */
export function parseExportRequest(
  name: ExportName,
  parameters: Parameters,
  acceptable: ExportFormat | null,
): ExportRequest {
  const sent = singles(parameters, namesOf(name));
  const format = choice(sent, 'format', exportFormats) ?? acceptable;
  if (format === null) throw notAcceptable();
  return {
    name,
    format,
    accountId: sent.get('accountId') ?? null,
    range: {
      preset: choice(sent, 'preset', dateRangePresets),
      from: instant(sent, 'from'),
      to: instant(sent, 'to'),
      fromDay: sent.get('fromDay') ?? null,
      toDay: sent.get('toDay') ?? null,
      timeZone: sent.get('timeZone') ?? null,
    },
    bom: parseBom(sent, format),
    granularity: parseWidth(sent),
    groupBy: parseGroupBy(sent.get('groupBy')),
    version: choice(sent, 'version', focusVersions) ?? VERSION_DEFAULT,
    resumed: parseResumed(sent, format),
  };
}

function namesOf(name: ExportName): readonly string[] {
  if (name === 'usage') return USAGE_NAMES;
  return name === 'focus' ? FOCUS_NAMES : NAMES;
}

type Sent = ReadonlyMap<string, string>;

function singles(parameters: Parameters, known: readonly string[]): Sent {
  const sent = new Map<string, string>();
  for (const [name, value] of Object.entries(parameters)) {
    if (!known.includes(name)) {
      throw wrong(name, `This export has no parameter ${shown(name)}; it has ${known.join(', ')}.`);
    }
    if (typeof value !== 'string') throw wrong(name, `${name} was sent more than once.`);
    sent.set(name, value);
  }
  return sent;
}

function choice<T extends string>(sent: Sent, name: string, set: Readonly<Record<T, T>>): T | null {
  const value = sent.get(name);
  return value === undefined ? null : parseChoice(value, set, [name]);
}

function instant(sent: Sent, name: string): number | null {
  const value = sent.get(name);
  return value === undefined ? null : parseInstant(value, [name]);
}

function parseBom(sent: Sent, format: ExportFormat): boolean {
  const bom = choice(sent, 'bom', { true: 'true', false: 'false' }) === 'true';
  if (bom && format !== 'csv') throw wrong('bom', 'bom is for csv; this export is ndjson.');
  return bom;
}

function parseWidth(sent: Sent): Granularity | null {
  const width = choice(sent, 'granularity', widths) ?? WIDTH_DEFAULT;
  return width === 'NONE' ? null : width;
}

function parseGroupBy(sent: string | undefined): readonly UsageDimension[] {
  if (sent === undefined) return DIMENSIONS_DEFAULT;
  const all = Object.values(usageDimensions);
  return sent
    .split(',')
    .filter((one) => one !== '')
    .map((one) => {
      const found = all.find((dimension) => dimension === one);
      if (found !== undefined) return found;
      throw wrong(
        'groupBy',
        `groupBy has ${shown(one)}; it is a list, with commas between, of ${all.join(', ')}.`,
      );
    });
}

function parseResumed(sent: Sent, format: ExportFormat): ExportRequest['resumed'] {
  const [after, asOf] = [sent.get('after'), sent.get('asOf')];
  if (after === undefined && asOf === undefined) return null;
  if (after === undefined || asOf === undefined) {
    const missing = after === undefined ? 'after' : 'asOf';
    throw wrong(
      missing,
      'An export goes on by after (the cursor of the last row that arrived) and asOf (of the first line) together.',
    );
  }
  if (format !== 'ndjson') throw wrong('after', 'after is for ndjson: csv has no cursors.');
  const key = decodeCursor(after);
  if (key === null) throw wrongAfter();
  return { after: key, asOf };
}

/** `after` is no cursor of the export. */
export function wrongAfter(): UserInputError {
  return wrong('after', 'after is not a cursor of a row of this export.');
}

/** How far an account was written when an export began. */
export interface ExportAsOf extends AsOf {
  readonly lastEntry: number;
  readonly lastAlert: number;
}

/** @param list the fingerprint of the export, its account and its range */
export function encodeAsOf(list: string, asOf: ExportAsOf): string {
  const { nowMs, lastSeq, lastLocalId, lastChange, lastEntry, lastAlert } = asOf;
  const parts = [list, nowMs, lastSeq, lastLocalId, lastChange, lastEntry, lastAlert];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @throws UserInputError when it is none that `encodeAsOf` gave */
export function decodeAsOf(text: string): { readonly list: string; readonly asOf: ExportAsOf } {
  const parts = partsOf(text);
  const [list, ...numbers] = parts;
  const counts = numbers.filter(isCount);
  const [nowMs = 0, lastSeq = 0, lastLocalId = 0, lastChange = 0, lastEntry = 0, lastAlert = 0] =
    counts;
  if (typeof list !== 'string' || parts.length !== 7 || counts.length !== 6) throw wrongAsOf();
  return { list, asOf: { nowMs, lastSeq, lastLocalId, lastChange, lastEntry, lastAlert } };
}

/** `asOf` is of no export like this one. */
export function wrongAsOf(): UserInputError {
  return wrong(
    'asOf',
    'asOf is not what the first line of this export said for this account, range and grouping: send the same parameters again, or begin again without it.',
  );
}

function partsOf(text: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function notAcceptable(): UserInputError {
  const types = Object.values(contentTypes).join(' or ');
  return new UserInputError(
    `An export is ${types}: accept one of them, or say format=csv or ndjson.`,
    {
      path: ['format'],
      status: 406,
    },
  );
}

function wrong(name: string, message: string): UserInputError {
  return new UserInputError(message, { path: [name] });
}
