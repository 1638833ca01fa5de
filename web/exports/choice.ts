// What can be exported (docs/exports.md), as the address of the view and the reader's choice say it.

import type { Address, GranularityChoice } from '../address/address.ts';
import { granularityInput, rangeInput } from '../address/inputs.ts';
import type { ExportName } from '@billing-gateway/client/exports';
import type { RangePartsFragment, UsageDimension } from '@billing-gateway/client/operations';
import { bucketKey } from '../charts/spans.ts';

export const EXPORTS = [
  'usage',
  'events',
  'segments',
  'ledger',
  'allocations',
  'alerts',
  'focus',
] as const satisfies readonly ExportName[];

export const FORMATS = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof FORMATS)[number];

/** The versions of FOCUS. */
export const VERSIONS = ['1.2', '1.3'] as const;
export type Version = (typeof VERSIONS)[number];

/** What a row of usage can be of, beside its time. */
export const DIMENSIONS = [
  'CATEGORY',
  'COMPONENT',
  'RESOURCE',
  'OWNER',
  'HARDWARE',
  'MODEL',
  'UNIT',
] as const satisfies readonly UsageDimension[];

export interface ExportChoice {
  readonly name: ExportName;
  readonly format: ExportFormat;
  /** Of usage and FOCUS: how much time a row is of; null: the whole range. */
  readonly width: GranularityChoice | null;
  /** Of usage. */
  readonly groupBy: readonly UsageDimension[];
  /** Of FOCUS. */
  readonly version: Version;
}

/** Whether the rows of an export are of as much time as is chosen. */
export function hasWidth(name: ExportName): boolean {
  return name === 'usage' || name === 'focus';
}

/** What the menu begins with in a view: the ledger among the credits, else usage by the bars that are shown. */
export function firstChoice({ tab, granularity }: Address): ExportChoice {
  return {
    name: tab === 'credits' ? 'ledger' : 'usage',
    format: 'csv',
    width: granularity ?? 'day',
    groupBy: ['CATEGORY', 'COMPONENT', 'RESOURCE'],
    version: '1.2',
  };
}

/** Where the gateway answers with the export: of the range, the zone and the account of the view. */
export function exportPath(choice: ExportChoice, address: Address): string {
  const { name, format, width, groupBy, version } = choice;
  const query = new URLSearchParams({ format });
  for (const [key, value] of Object.entries(rangeInput(address.range, address.timeZone))) {
    query.set(key, String(value));
  }
  if (address.accountId !== null) query.set('accountId', address.accountId);
  if (hasWidth(name)) query.set('granularity', width === null ? 'NONE' : granularityInput(width));
  if (name === 'usage') query.set('groupBy', groupBy.join(','));
  if (name === 'focus') query.set('version', version);
  return `/v1/exports/${name}?${query.toString()}`;
}

/**
 * A name for the file where one is chosen before the gateway has answered; built as the gateway's own
 * ("usage-2026-03-01-2026-03-31.csv").
 */
export function suggestedName(
  { name, format }: ExportChoice,
  range: RangePartsFragment | undefined,
): string {
  if (range === undefined) return `${name}.${format}`;
  const { from, to, timeZone } = range;
  const last = new Date(Date.parse(to) - 1).toISOString();
  const [first, end] = [from, last].map((at) => bucketKey(at, 'day', timeZone));
  return `${name}-${first ?? ''}-${end ?? ''}.${format}`;
}
