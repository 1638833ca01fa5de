// The same shape for both sides of a comparison: figures worked out from the CSV rows, and figures answered by the API.

import { Temporal } from 'temporal-polyfill';
import { credits, type Range, type Totals, type Traces } from './traces-csv.ts';
import { list, text } from './traces-gateway.ts';

export interface Figures {
  readonly used: string;
  readonly runs: string;
  readonly byCategory: readonly string[];
  readonly byComponent: readonly string[];
}

export function figures({ hosting, llm, ocr, runs }: Totals): Figures {
  return {
    used: credits(hosting + llm + ocr),
    runs: runs.toString(),
    byCategory: [
      `MODELS ${credits(hosting + llm)}`,
      ...['GUARDRAILS 0', 'CUSTOM_SCRIPTS 0'],
      `OCR ${credits(ocr)}`,
      'BROWSER_AUTOMATION 0',
    ],
    byComponent: [
      `HOSTING ${credits(hosting)}`,
      ...['FINE_TUNING 0', 'STORAGE 0'],
      `PROCESSING ${credits(llm + ocr)}`,
    ],
  };
}

export function answered(usage: unknown): Figures {
  return {
    used: text(usage, 'credits', 'used'),
    runs: text(usage, 'workflowRuns', 'used'),
    byCategory: list(usage, 'credits', 'byCategory').map(
      (row) => `${text(row, 'category')} ${text(row, 'credits')}`,
    ),
    byComponent: list(usage, 'credits', 'byComponent').map(
      (row) => `${text(row, 'component')} ${text(row, 'credits')}`,
    ),
  };
}

/** A trend's bucket, as one line. */
export function bucketOf(traces: Traces, range: Range, isPartial: boolean): string {
  const { hosting, llm, ocr, runs } = traces.totals(range);
  const amounts = [hosting + llm + ocr, hosting + llm, ocr].map(credits);
  return [iso(range.fromMs), iso(range.toMs), isPartial, runs, ...amounts, '0'].join(' ');
}

export function bucketAnswered(bucket: unknown): string {
  const isPartial = typeof bucket === 'object' && bucket !== null && 'isPartial' in bucket;
  return [
    ...[text(bucket, 'from'), text(bucket, 'to'), isPartial && bucket.isPartial],
    ...[text(bucket, 'workflowRuns'), text(bucket, 'credits'), text(bucket, 'models')],
    ...[text(bucket, 'ocr'), text(bucket, 'guardrails')],
  ].join(' ');
}

/** The local days of a range of whole days. */
export function daysOf(range: Range, zone: string): readonly Range[] {
  const days: Range[] = [];
  let fromMs = range.fromMs;
  while (fromMs < range.toMs) {
    const toMs = Temporal.Instant.fromEpochMilliseconds(fromMs)
      .toZonedDateTimeISO(zone)
      .add({ days: 1 })
      .startOfDay().epochMilliseconds;
    days.push({ fromMs, toMs });
    fromMs = toMs;
  }
  return days;
}

/** Whole milliseconds of "PT36H15M0.25S". */
export function milliseconds(duration: string): string {
  const match = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,3}))?S)?$/.exec(duration);
  if (match === null) return `${duration}?`;
  const [, hours = '0', minutes = '0', seconds = '0', fraction = ''] = match;
  const wholeSeconds = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  return (wholeSeconds * 1000n + BigInt(fraction.padEnd(3, '0'))).toString();
}

/** Micro-credits of the API's decimal string. */
export function micro(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
}

export function byFirst(a: readonly string[], b: readonly string[]): number {
  const [left = '', right = ''] = [a[0], b[0]];
  return left < right ? -1 : left > right ? 1 : 0;
}

export function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
