// The rows of the usage export: the report of a view, a few buckets at a time, so that a long range takes no more memory than
// a short one.

import { type CalendarUnit, nextUnitStartMs } from '../core/calendar.ts';
import type { Range } from '../core/range.ts';
import { bucketsOf, type Granularity, type ResolvedRange } from '../account/range.ts';
import { turns } from '../db/turns.ts';
import { loadHardware } from '../catalogue/catalogue.store.ts';
import { RequestContext } from '../graphql/context.ts';
import { type Model, type Resource, resourceKinds } from '../resources/resource.ts';
import { modelsLoader, resourcesLoader } from '../views/listed.loaders.ts';
import {
  compareReportKeys,
  reportKey,
  type ReportRow,
  type UsageDimension,
} from '../views/report.ts';
import { UsageReports } from '../views/report.service.ts';
import type { View } from '../views/view.ts';
import { UsageViews } from '../views/views.service.ts';
import type { UsageRow } from './rows.ts';
import type { ExportSource } from './source.service.ts';

const BUCKETS_AT_A_TIME_MAX = 31;
/** About as many rows are read at a time. Other callers wait while they are added up. */
const ROWS_AT_A_TIME = 5_000;
/** As many are written in one turn of the event loop. */
const ROWS_A_TURN = 1_000;
/** For a few buckets to be read. */
const READ_WITHIN_MS = 60_000;

/** The rows of a view's report after the source's place, a few buckets at a time. */
export async function* readUsage(source: ExportSource): AsyncGenerator<readonly UsageRow[]> {
  const { range, after, groupBy } = source;
  const listed = await loadListed(source);
  const unit = unitOf(range, source.granularity);
  for (const part of partsOf(range, unit, listed.bucketsAtATime)) {
    if (after !== null && part.toMs <= after.id) continue;
    const rows = await readReport(source, { part, unit, groupBy, listed }, (row, bucket) =>
      usageRow(row, bucket, listed),
    );
    yield* inTurns(after === null ? rows : rows.filter((row) => isAfter(row, after)));
  }
}

/** Rows a few at a time, so that other callers need not wait until all of them are written. */
export async function* inTurns<T>(rows: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let begin = 0; begin < rows.length; begin += ROWS_A_TURN) {
    await turns.take();
    yield rows.slice(begin, begin + ROWS_A_TURN);
  }
}

/**
 * How many rows there are at most: what was used within a month, by the groups of the rows, can be in each bucket of that month.
 * So it is told before the first row whether there may be too many, at the price of one view.
 */
export async function countUsageAtMost(source: ExportSource): Promise<number> {
  const { range, groupBy } = source;
  const unit = unitOf(range, source.granularity);
  const listed = await loadListed(source);
  const of = { part: range, unit: unit === null ? null : 'MONTH', groupBy, listed } as const;
  const months = await readReport(source, of, (_row, month) => month);
  if (unit === null) return months.length;
  const buckets = new Map<number, number>();
  for (const { fromMs, toMs } of months) {
    if (buckets.has(fromMs)) continue;
    buckets.set(fromMs, bucketsOf({ ...range, fromMs, toMs }, unit).buckets.length);
  }
  return months.reduce((sum, { fromMs }) => sum + (buckets.get(fromMs) ?? 0), 0);
}

/** The cursor of a row. */
export function usageKey(row: UsageRow): { readonly value: string; readonly id: number } {
  return { value: row.place, id: row.fromMs };
}

/** The unit of a granularity; AUTO is chosen by the whole range. Null: there are no buckets. */
export function unitOf(range: ResolvedRange, granularity: Granularity | null): CalendarUnit | null {
  return granularity === 'AUTO' ? bucketsOf(range, 'AUTO').granularity : granularity;
}

/** The range in parts of a few buckets each. */
export function* partsOf(
  range: Range & { readonly timeZone: string },
  unit: CalendarUnit | null,
  buckets: number,
): Generator<Range> {
  if (unit === null) {
    yield range;
    return;
  }
  let { fromMs } = range;
  while (fromMs < range.toMs) {
    let toMs = fromMs;
    for (let count = 0; count < buckets && toMs < range.toMs; count += 1) {
      toMs = nextUnitStartMs(range.timeZone, unit, toMs);
    }
    yield { fromMs, toMs: Math.min(toMs, range.toMs) };
    fromMs = toMs;
  }
}

/** Runs `read` in a context of its own: a context keeps everything that was read in it. */
async function inContext<T>(
  { actor, clock, tx }: ExportSource,
  read: (context: RequestContext) => Promise<T>,
): Promise<T> {
  const snapshot = { tx, cancel: () => undefined, close: () => Promise.resolve() };
  const database = { openSnapshot: () => Promise.resolve(snapshot) };
  const context = new RequestContext(actor, database, clock, { withinMs: READ_WITHIN_MS });
  try {
    return await read(context);
  } finally {
    await context.dispose();
  }
}

/** How a part of the range is reported. */
export interface ReportOf {
  readonly part: Range;
  /** Of its buckets; null: it is one. */
  readonly unit: CalendarUnit | null;
  readonly groupBy: readonly UsageDimension[];
  readonly listed: Listed;
}

/** The report of a part, each of its rows as `rowOf` makes it from the row and its bucket. */
export function readReport<T>(
  source: ExportSource,
  { part, unit, groupBy, listed }: ReportOf,
  rowOf: (row: ReportRow, bucket: Range) => T,
): Promise<readonly T[]> {
  const { range, account } = source;
  return inContext(source, async (context) => {
    listed.prime(context);
    const within = { ...range, ...part };
    const view: View = {
      account,
      range: within,
      rangeAt: () => within,
      written: writtenOf(source),
    };
    const views = new UsageViews(context);
    const { rows, series } = await new UsageReports(context, views).report(view, {
      groupBy: new Set(groupBy),
      granularity: unit,
      filter: {},
    });
    return rows.map((row) => rowOf(row, series?.buckets[row.cell] ?? within));
  });
}

/** Null: as the account is now, which the first answer begins with. */
function writtenOf({ after, asOf }: ExportSource): View['written'] {
  return after === null ? null : asOf;
}

function isAfter(row: UsageRow, after: NonNullable<ExportSource['after']>): boolean {
  return compareReportKeys(usageKey(row), after) > 0;
}

/** What the rows name, read once for all parts. */
export interface Listed {
  readonly resources: ReadonlyMap<number | null, Resource>;
  readonly models: ReadonlyMap<number | null, Model>;
  readonly hardware: ReadonlyMap<number | null, string>;
  /** With the fewer resources and models the more. */
  readonly bucketsAtATime: number;
  /** Spares a part's context reading the same. */
  readonly prime: (context: RequestContext) => void;
}

/** What an account's rows name. */
export function loadListed(source: ExportSource): Promise<Listed> {
  const of = { accountId: source.account.accountId, written: writtenOf(source) };
  return inContext(source, async (context) => {
    const kinds = Object.values(resourceKinds).map((kind) => ({ ...of, kind }));
    const lists = await Promise.all(kinds.map((kind) => resourcesLoader(context).load(kind)));
    const resources = lists.flat();
    const models = await modelsLoader(context).load(of);
    const hardware = await loadHardware(await context.reader());
    const subjects = Math.max(1, resources.length + models.length);
    const buckets = Math.max(1, Math.floor(ROWS_AT_A_TIME / subjects));
    return {
      resources: new Map(resources.map((one) => [one.resourceId, one])),
      models: new Map(models.map((one) => [one.modelId, one])),
      hardware: new Map(hardware.map(({ hardwareId, name }) => [hardwareId, name])),
      bucketsAtATime: Math.min(buckets, BUCKETS_AT_A_TIME_MAX),
      prime: (part) => {
        kinds.forEach((kind, index) => resourcesLoader(part).prime(kind, lists[index] ?? []));
        modelsLoader(part).prime(of, models);
      },
    };
  });
}

const NO_MODEL = { externalId: null, name: null };
const NO_RESOURCE = { ...NO_MODEL, kind: null, owner: null, modelId: null };

// Without spreading objects: there are millions of rows.
function usageRow(row: ReportRow, { fromMs, toMs }: Range, listed: Listed): UsageRow {
  const { runs, quantity, creditsMicro, hostingMs, replicaMs } = row.figures;
  const { resources, models, hardware } = listed;
  const resource = resources.get(row.resourceId) ?? NO_RESOURCE;
  const model = models.get(row.modelId ?? resource.modelId) ?? NO_MODEL;
  return {
    fromMs,
    toMs,
    category: row.category,
    component: row.component,
    resourceKind: resource.kind,
    resourceExternalId: resource.externalId,
    resourceName: resource.name,
    owner: row.owner ?? resource.owner,
    modelExternalId: model.externalId,
    modelName: model.name,
    hardware: hardware.get(row.hardwareId) ?? null,
    unit: row.unit,
    runs,
    quantity,
    creditsMicro,
    hostingMs,
    replicaMs,
    place: String(reportKey(row).value),
  };
}
