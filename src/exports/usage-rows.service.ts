// The rows of the usage export: the report of a view, a few buckets at a time, so that a long range takes no more memory than
// a short one.

import { nextUnitStartMs } from '../core/calendar.ts';
import type { Range } from '../core/range.ts';
import { bucketsOf, type Granularity, type ResolvedRange } from '../account/range.ts';
import { loadHardware } from '../catalogue/catalogue.store.ts';
import { RequestContext } from '../graphql/context.ts';
import { type Model, type Resource, resourceKinds } from '../resources/resource.ts';
import { modelsLoader, resourcesLoader } from '../views/listed.loaders.ts';
import { compareReportKeys, reportKey, type ReportRow } from '../views/report.ts';
import { UsageReports } from '../views/report.service.ts';
import { accountOf, type View } from '../views/view.ts';
import { UsageViews } from '../views/views.service.ts';
import type { SubjectNames, UsageRow } from './rows.ts';
import type { ExportSource } from './source.service.ts';

const BUCKETS_AT_A_TIME = 31;
/** For a few buckets to be read. */
const READ_WITHIN_MS = 60_000;

/** The rows of a view's report after the source's place, a few buckets at a time. */
export async function* readUsage(source: ExportSource): AsyncGenerator<readonly UsageRow[]> {
  const { range, after } = source;
  for (const part of partsOf(range, source.granularity)) {
    if (after !== null && part.toMs <= after.id) continue;
    const rows = await readPart(source, part);
    if (rows.length > 0) yield rows;
  }
}

/** The cursor of a row. */
export function usageKey(row: UsageRow): { readonly value: string; readonly id: number } {
  return { value: row.place, id: row.fromMs };
}

/** The range in parts of a few buckets each. */
function partsOf(range: ResolvedRange, granularity: Granularity | null): readonly Range[] {
  if (granularity === null) return [range];
  const unit = granularity === 'AUTO' ? bucketsOf(range, 'AUTO').granularity : granularity;
  const parts: Range[] = [];
  let { fromMs } = range;
  while (fromMs < range.toMs) {
    let toMs = fromMs;
    for (let count = 0; count < BUCKETS_AT_A_TIME && toMs < range.toMs; count += 1) {
      toMs = nextUnitStartMs(range.timeZone, unit, toMs);
    }
    parts.push({ fromMs, toMs: Math.min(toMs, range.toMs) });
    fromMs = toMs;
  }
  return parts;
}

async function readPart(source: ExportSource, part: Range): Promise<readonly UsageRow[]> {
  const { tx, range, account, after, granularity } = source;
  const snapshot = { tx, cancel: () => undefined, close: () => Promise.resolve() };
  const context = new RequestContext(
    source.actor,
    { openSnapshot: () => Promise.resolve(snapshot) },
    source.clock,
    READ_WITHIN_MS,
  );
  try {
    const within = { ...range, ...part };
    const view: View = {
      account,
      range: within,
      rangeAt: () => within,
      written: after === null ? null : source.asOf,
    };
    // AUTO is chosen by the whole range.
    const unit = granularity === 'AUTO' ? bucketsOf(range, 'AUTO').granularity : granularity;
    const views = new UsageViews(context);
    const { rows, series } = await new UsageReports(context, views).report(view, {
      groupBy: new Set(source.groupBy),
      granularity: unit,
      filter: {},
    });
    const names = await namesOf(context, view);
    return rows
      .map((row) => usageRow(row, series?.buckets[row.cell] ?? within, names))
      .filter((row) => after === null || isAfter(row, after));
  } finally {
    await context.dispose();
  }
}

function isAfter(row: UsageRow, after: NonNullable<ExportSource['after']>): boolean {
  return compareReportKeys(usageKey(row), after) > 0;
}

interface Names {
  readonly resources: ReadonlyMap<number, Resource>;
  readonly models: ReadonlyMap<number | null, Model>;
  readonly hardware: ReadonlyMap<number | null, string>;
}

async function namesOf(context: RequestContext, view: View): Promise<Names> {
  const resources = await allResources(context, view);
  const models = await modelsLoader(context).load(accountOf(view));
  const hardware = await loadHardware(await context.reader());
  return {
    resources: new Map(resources.map((one) => [one.resourceId, one])),
    models: new Map(models.map((one) => [one.modelId, one])),
    hardware: new Map(hardware.map(({ hardwareId, name }) => [hardwareId, name])),
  };
}

async function allResources(context: RequestContext, view: View): Promise<readonly Resource[]> {
  const of = accountOf(view);
  const kinds = Object.values(resourceKinds);
  const lists = await Promise.all(
    kinds.map((kind) => resourcesLoader(context).load({ ...of, kind })),
  );
  return lists.flat();
}

function usageRow(row: ReportRow, { fromMs, toMs }: Range, names: Names): UsageRow {
  const { runs, quantity, creditsMicro, hostingMs, replicaMs } = row.figures;
  const { category, component, unit } = row;
  return {
    ...{ fromMs, toMs, category, component, unit },
    ...subjectOf(row, names),
    hardware: names.hardware.get(row.hardwareId) ?? null,
    ...{ runs, quantity, creditsMicro, hostingMs, replicaMs },
    place: String(reportKey(row).value),
  };
}

function subjectOf(row: ReportRow, { resources, models }: Names): SubjectNames {
  const resource = row.resourceId === null ? undefined : resources.get(row.resourceId);
  const model = models.get(row.modelId ?? resource?.modelId ?? null);
  const named = resource === undefined ? NO_RESOURCE : resourceNames(resource);
  return {
    ...named,
    owner: row.owner ?? named.owner,
    ...(model === undefined ? NO_MODEL : modelNames(model)),
  };
}

const NO_MODEL = { modelExternalId: null, modelName: null };

function modelNames({
  externalId,
  name,
}: Model): Pick<SubjectNames, 'modelExternalId' | 'modelName'> {
  return { modelExternalId: externalId, modelName: name };
}

const NO_RESOURCE = {
  resourceKind: null,
  resourceExternalId: null,
  resourceName: null,
  owner: null,
};

function resourceNames({
  kind,
  externalId,
  name,
  owner,
}: Resource): Omit<SubjectNames, 'modelExternalId' | 'modelName'> {
  return { resourceKind: kind, resourceExternalId: externalId, resourceName: name, owner };
}
