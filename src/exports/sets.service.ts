// The exports by name: for each its columns, its rows and their order, and what of a row counts in its total.

import { requireNotArchived } from '../archives/archives.store.ts';
import { loadSnapshotRates } from '../catalogue/catalogue.service.ts';
import type { CursorKey } from '../core/cursor.ts';
import { allocatedWithin } from '../settlement/allocation.ts';
import type { ResolvedRange } from '../account/range.ts';
import { isReportKey } from '../views/report.ts';
import type { Column, Form } from './columns.ts';
import type { ExportAsOf, ExportName } from './request.ts';
import { focusColumns } from './focus-columns.ts';
import { countFocusAtMost, isFocusKey, readFocus, requireFocusPrices } from './focus.service.ts';
import {
  alertColumns,
  type AllocationRow,
  allocationColumns,
  type CountedAllocation,
  eventColumns,
  hostedMicro,
  type HostedRow,
  hostedRows,
  ledgerColumns,
  segmentColumns,
  usageColumns,
} from './rows.ts';
import {
  countAlerts,
  countAllocations,
  countEvents,
  countLedger,
  countSegments,
  readAlerts,
  readAllocations,
  readEvents,
  readLedger,
  readSegments,
  type RowsOf,
} from './rows.store.ts';
import type { ExportSource } from './source.service.ts';
import { countUsageAtMost, readUsage, usageKey } from './usage-rows.service.ts';

interface Definition<R> {
  readonly columns: readonly Column<R>[] | ((source: ExportSource) => readonly Column<R>[]);
  readonly read: (source: ExportSource) => AsyncIterable<readonly R[]>;
  readonly keyOf: (row: R) => CursorKey;
  /** Whether a cursor can be of a row. */
  readonly isKey: (key: CursorKey) => boolean;
  /** Null: the rows have no credits. */
  readonly creditsOf: ((row: R) => bigint) | null;
  /** How many rows an account cannot have more than, without looking; null: nobody knows. */
  readonly bound: ((asOf: ExportAsOf) => number) | null;
  /** How many rows there are, or can be at most, counted no further than `max + 1`. */
  readonly count: (source: ExportSource, max: number) => Promise<number>;
  /** Refuses what the rows cannot be made of. */
  readonly requireReady?: (source: ExportSource) => Promise<void>;
}

/** Some of an export: its text, and what its rows come to. */
export interface Part {
  readonly text: string;
  readonly rows: number;
  readonly creditsMicro: bigint;
}

/** How an export is written, whatever its columns are. */
export type FormOf = <R>(columns: readonly Column<R>[]) => Form<R>;

/** An export, whatever its rows are. */
export interface ExportSet {
  readonly hasCredits: boolean;
  readonly isKey: (key: CursorKey) => boolean;
  /** @throws CONFLICT, BAD_USER_INPUT, ARCHIVED where its rows cannot be made */
  readonly requireReady: (source: ExportSource) => Promise<void>;
  readonly isWithin: (source: ExportSource, max: number) => Promise<boolean>;
  readonly parts: (source: ExportSource, formOf: FormOf) => AsyncGenerator<Part>;
}

function exportSet<R>(definition: Definition<R>): ExportSet {
  const { columns, creditsOf, bound, keyOf } = definition;
  const creditsOfAll = (rows: readonly R[]): bigint =>
    creditsOf === null ? 0n : rows.reduce((sum, row) => sum + creditsOf(row), 0n);
  return {
    hasCredits: creditsOf !== null,
    isKey: definition.isKey,
    requireReady: definition.requireReady ?? (() => Promise.resolve()),
    isWithin: async (source, max) =>
      (bound !== null && bound(source.asOf) <= max) || (await definition.count(source, max)) <= max,
    async *parts(source, formOf) {
      const form = formOf(typeof columns === 'function' ? columns(source) : columns);
      let [rows, creditsMicro] = [0, 0n];
      yield { text: form.head, rows: 0, creditsMicro: 0n };
      for await (const batch of definition.read(source)) {
        const text = batch.map((row) => form.row(row, keyOf(row))).join('');
        const part = { text, rows: batch.length, creditsMicro: creditsOfAll(batch) };
        rows += part.rows;
        creditsMicro += part.creditsMicro;
        yield part;
      }
      const totals = { rows, creditsMicro: creditsOf === null ? null : creditsMicro };
      yield { text: form.end(totals), rows: 0, creditsMicro: 0n };
    },
  };
}

function rowsOf({ account: { accountId }, range, asOf, after }: ExportSource): RowsOf {
  return { accountId, range, asOf, after };
}

const isNumbered = ({ value }: CursorKey): boolean => value === null;
const isTimed = ({ value }: CursorKey): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && Math.abs(value) < 1e14;

/** The exports. */
export const exportSets: Readonly<Record<ExportName, ExportSet>> = {
  usage: exportSet({
    columns: usageColumns,
    read: readUsage,
    keyOf: usageKey,
    isKey: isReportKey,
    creditsOf: (row) => row.creditsMicro,
    bound: null,
    count: countUsageAtMost,
  }),
  events: exportSet({
    columns: eventColumns,
    read: (source) => readEvents(source.tx, rowsOf(source)),
    keyOf: (row) => ({ value: row.occurredAtMs, id: row.seq }),
    isKey: isTimed,
    creditsOf: (row) => (row.voidedAtMs === null ? row.creditsMicro : 0n),
    bound: (asOf) => asOf.lastSeq,
    count: (source, max) => countEvents(source.tx, rowsOf(source), max),
    requireReady: ({ tx, account: { accountId }, range }) =>
      requireNotArchived(tx, { accountId, used: range }),
  }),
  segments: exportSet({
    columns: segmentColumns,
    read: readHosted,
    keyOf: (row) => ({ value: row.fromMs, id: row.resourceId }),
    isKey: isTimed,
    creditsOf: hostedMicro,
    bound: (asOf) => asOf.lastLocalId,
    count: (source, max) => countSegments(source.tx, rowsOf(source), max),
    requireReady: requireVoids,
  }),
  ledger: exportSet({
    columns: ledgerColumns,
    read: (source) => readLedger(source.tx, rowsOf(source)),
    keyOf: (row) => ({ value: null, id: row.sequence }),
    isKey: isNumbered,
    creditsOf: (row) => row.amountMicro,
    bound: (asOf) => asOf.lastEntry,
    count: (source, max) => countLedger(source.tx, rowsOf(source), max),
  }),
  allocations: exportSet({
    columns: allocationColumns,
    read: readCounted,
    keyOf: (row) => ({ value: null, id: row.allocationId }),
    isKey: isNumbered,
    creditsOf: (row) => (row.unit === 'CREDITS' ? row.allocatedMicro : 0n),
    bound: (asOf) => asOf.lastLocalId,
    count: (source, max) => countAllocations(source.tx, rowsOf(source), max),
  }),
  alerts: exportSet({
    columns: alertColumns,
    read: (source) => readAlerts(source.tx, rowsOf(source)),
    keyOf: (row) => ({ value: null, id: row.sequence }),
    isKey: isNumbered,
    creditsOf: null,
    bound: (asOf) => asOf.lastAlert,
    count: (source, max) => countAlerts(source.tx, rowsOf(source), max),
  }),
  focus: exportSet({
    columns: ({ version, account, parties }) => focusColumns(version, { account, parties }),
    read: readFocus,
    keyOf: (row) => row.key,
    isKey: isFocusKey,
    creditsOf: (row) => row.usedMicro,
    bound: null,
    count: countFocusAtMost,
    requireReady: async (source) => {
      await requireFocusPrices(source);
      await requireVoids(source);
    },
  }),
};

/** Refuses segments of which only an archived event says whether they were voided since. */
async function requireVoids({ tx, account: { accountId }, asOf }: ExportSource): Promise<void> {
  await requireNotArchived(tx, { accountId, voidedAfter: asOf.lastChange });
}

async function* readHosted(source: ExportSource): AsyncGenerator<readonly HostedRow[]> {
  // Before the cursor is opened.
  const rates = await loadSnapshotRates(source.tx);
  for await (const segments of readSegments(source.tx, rowsOf(source))) {
    yield segments
      .flatMap((segment) => hostedRows(segment, rates, source.range))
      .filter((row) => isAfter(row, source.after));
  }
}

function isAfter({ resourceId, fromMs }: HostedRow, after: CursorKey | null): boolean {
  if (after === null || resourceId > after.id) return true;
  return resourceId === after.id && fromMs > Number(after.value);
}

async function* readCounted(source: ExportSource): AsyncGenerator<readonly CountedAllocation[]> {
  for await (const rows of readAllocations(source.tx, rowsOf(source))) {
    yield rows.map((row) => ({ ...row, allocatedMicro: allocatedMicro(row, source.range) }));
  }
}

function allocatedMicro(row: AllocationRow, range: ResolvedRange): bigint {
  return allocatedWithin([row], range, row.unit).sumMicro;
}
