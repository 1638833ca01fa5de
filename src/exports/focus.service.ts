// The rows of the FOCUS export: usage by bucket, first what events used, then hosting; at the end credits that were given, taken
// back or corrected. No row spans a bucket, a billing cycle, or a change of a rate or of the credit price.

import type { HardwareProfile, HardwareRate } from '../catalogue/rates.ts';
import { loadSnapshotRates } from '../catalogue/catalogue.service.ts';
import { loadHardware } from '../catalogue/catalogue.store.ts';
import { bucketsOf } from '../account/range.ts';
import type { CalendarUnit } from '../core/calendar.ts';
import type { CursorKey } from '../core/cursor.ts';
import { present } from '../core/errors.ts';
import { intersect, lengthMs, type Range } from '../core/range.ts';
import { type CreditPrice, pricesInForce } from '../credits/prices.ts';
import { loadPrices } from '../credits/prices.store.ts';
import { chargeWithin } from '../hosting/charge.ts';
import { type Resource, typeOfKind } from '../resources/resource.ts';
import { categoryOf } from '../views/sums.ts';
import type { ReportRow, UsageDimension } from '../views/report.ts';
import {
  bucketAt,
  cutAt,
  type FocusStretch,
  requirePrices,
  stretchAt,
  stretchesOf,
} from './focus-calendar.ts';
import {
  entryRow,
  eventsRow,
  type FocusEntry,
  type FocusPlace,
  type FocusRow,
  type FocusSubject,
  hostingRow,
} from './focus-rows.ts';
import {
  countFocusEntries,
  loadFocusCycles,
  loadFormerAllocations,
  readFocusEntries,
} from './focus.store.ts';
import { hostedRows, type HostedRow } from './rows.ts';
import { readSegments } from './rows.store.ts';
import type { ExportSource } from './source.service.ts';
import {
  countUsageAtMost,
  inTurns,
  type Listed,
  loadListed,
  partsOf,
  readReport,
  unitOf,
} from './usage-rows.service.ts';

const DIMENSIONS: readonly UsageDimension[] = [
  'CATEGORY',
  'COMPONENT',
  'RESOURCE',
  'MODEL',
  'UNIT',
];

/** In cursors of allocations that the ledger does not have. They come before its entries. */
const FORMER = 'former';

/** @throws CONFLICT, BAD_USER_INPUT where credits have no price in money at some instant of the range */
export async function requireFocusPrices(source: ExportSource): Promise<void> {
  requirePrices(await pricesOf(source), source.range);
}

/**
 * How many rows there are at most, but for those that a cycle, a rate or a price cuts in two: usage as the usage export counts
 * it, and entries of the ledger.
 */
export async function countFocusAtMost(source: ExportSource, max: number): Promise<number> {
  const { tx, range, account, asOf } = source;
  const used = await countUsageAtMost({ ...source, groupBy: [...DIMENSIONS, 'HARDWARE'] });
  const of = { accountId: account.accountId, range, asOf, after: null };
  return used + (await countFocusEntries(tx, of, max));
}

/** All rows after the source's place. */
export async function* readFocus(source: ExportSource): AsyncGenerator<readonly FocusRow[]> {
  const { tx, range, account, asOf, after } = source;
  const known = await loadFocusCycles(tx, account.accountId, { range, nowMs: asOf.nowMs });
  const stretches = stretchesOf(range, known, await pricesOf(source));
  if (after === null || isCount(after.value)) yield* readUsed(source, stretches);
  yield* readEntries(source, stretches);
}

/** Whether a cursor can be of a row. */
export function isFocusKey({ value }: CursorKey): boolean {
  return value === null || value === FORMER || isCount(value);
}

function isCount(value: CursorKey['value']): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The prices as they were when the export began, earliest first. */
async function pricesOf({ tx, account, asOf }: ExportSource): Promise<readonly CreditPrice[]> {
  const prices = await loadPrices(tx, [account.accountId]);
  return pricesInForce(prices.filter(({ setAtMs }) => setAtMs <= asOf.nowMs));
}

/** What the rows of usage are made with, read once. */
interface Catalogue {
  readonly listed: Listed;
  /** Of all hardware, earliest first. */
  readonly rates: readonly HardwareRate[];
  readonly hardware: ReadonlyMap<number, HardwareProfile>;
}

/** Some buckets of a stretch. */
interface FocusPart {
  readonly stretch: FocusStretch;
  readonly part: Range;
  readonly unit: CalendarUnit | null;
}

async function* readUsed(
  source: ExportSource,
  stretches: readonly FocusStretch[],
): AsyncGenerator<readonly FocusRow[]> {
  const { tx, range, after } = source;
  const listed = await loadListed(source);
  const profiles = await loadHardware(tx);
  const hardware = new Map(profiles.map((profile) => [profile.hardwareId, profile]));
  const catalogue = { listed, hardware, rates: await loadSnapshotRates(tx) };
  const unit = unitOf(range, source.granularity);
  const { timeZone } = range;
  for (const stretch of stretches) {
    for (const part of partsOf({ ...stretch, timeZone }, unit, listed.bucketsAtATime)) {
      if (after !== null && part.toMs <= after.id) continue;
      const rows = await readPart(source, { stretch, part, unit }, catalogue);
      yield* inTurns(after === null ? rows : rows.filter(({ key }) => isAfter(key, after)));
    }
  }
}

function isAfter(key: CursorKey, after: CursorKey): boolean {
  return key.id > after.id || (key.id === after.id && Number(key.value) > Number(after.value));
}

/** A row that lacks its place. */
interface Unplaced {
  /** The begin of its bucket. */
  readonly bucketMs: number;
  readonly period: Range;
  readonly rowAt: (place: FocusPlace) => FocusRow;
}

/** The rows of some buckets: of each first its events, then its hosting. A row is numbered within its bucket. */
async function readPart(
  source: ExportSource,
  of: FocusPart,
  catalogue: Catalogue,
): Promise<readonly FocusRow[]> {
  const events = await readEventRows(source, of, catalogue);
  const hosting = await readHostingRows(source, of, catalogue);
  let [bucketMs, count] = [-Infinity, 0];
  // The sort keeps the order of rows of the same bucket.
  return [...events, ...hosting]
    .sort((a, b) => a.bucketMs - b.bucketMs)
    .map((row) => {
      count = row.bucketMs === bucketMs ? count + 1 : 0;
      bucketMs = row.bucketMs;
      const key = { value: count, id: bucketMs };
      return row.rowAt({ key, stretch: of.stretch, period: row.period });
    });
}

async function readEventRows(
  source: ExportSource,
  { part, unit }: FocusPart,
  { listed }: Catalogue,
): Promise<readonly Unplaced[]> {
  const report = { part, unit, listed, groupBy: DIMENSIONS };
  const rows = await readReport(source, report, (row, { fromMs, toMs }): Unplaced | null => {
    const { component, unit: counted, figures } = row;
    // Runs of workflows have no credits, and hosting is read by its segments.
    if (component === null || component === 'HOSTING') return null;
    const subject = subjectOf(row, listed);
    const { quantity, creditsMicro } = figures;
    const used = { component, quantity, unit: counted, creditsMicro };
    return {
      bucketMs: fromMs,
      period: { fromMs, toMs },
      rowAt: (place) => eventsRow(place, subject, used),
    };
  });
  return rows.filter((row) => row !== null);
}

function subjectOf(row: Pick<ReportRow, 'resourceId' | 'modelId'>, listed: Listed): FocusSubject {
  const resource = listed.resources.get(row.resourceId);
  if (resource !== undefined) return resourceSubject(resource);
  const { accountId, modelId, name } = present(listed.models.get(row.modelId), 'a model');
  const category = present(categoryOf('MODEL'), 'a category');
  return {
    accountId,
    nodeType: 'Model',
    localId: modelId,
    kind: 'MODEL',
    name,
    owner: null,
    category,
  };
}

function resourceSubject({ accountId, resourceId, kind, name, owner }: Resource): FocusSubject {
  const category = present(categoryOf(kind), 'a category');
  return {
    accountId,
    nodeType: typeOfKind[kind],
    localId: resourceId,
    kind,
    name,
    owner,
    category,
  };
}

/** Hosting of one resource on one profile at one rate, within a bucket and between two changes of the profile's rate. */
interface Hosted {
  readonly bucketMs: number;
  readonly period: Range;
  readonly row: HostedRow;
  replicaMs: bigint;
  creditsMicro: bigint;
}

async function readHostingRows(
  source: ExportSource,
  of: FocusPart,
  catalogue: Catalogue,
): Promise<readonly Unplaced[]> {
  const { tx, range, account, asOf } = source;
  const { part, unit } = of;
  const { timeZone } = range;
  const buckets = unit === null ? [part] : bucketsOf({ ...part, timeZone }, unit).buckets;
  const within = { ...range, ...part };
  const { accountId } = account;
  const sums = new Map<string, Hosted>();
  for await (const segments of readSegments(tx, { accountId, range: part, asOf, after: null })) {
    for (const segment of segments) {
      for (const hosted of hostedRows(segment, catalogue.rates, within)) {
        addHosting(sums, hosted, { buckets, rates: catalogue.rates });
      }
    }
  }
  return [...sums.values()].sort(byPlace).map((hosted) => unplaced(hosted, catalogue));
}

function addHosting(
  sums: Map<string, Hosted>,
  row: HostedRow,
  {
    buckets,
    rates,
  }: { readonly buckets: readonly Range[]; readonly rates: readonly HardwareRate[] },
): void {
  const { resourceId, hardwareId, rateMicroPerHour } = row;
  const changes = rates
    .filter((rate) => rate.hardwareId === hardwareId)
    .map(({ fromMs }) => fromMs);
  for (const bucket of buckets) {
    if (intersect(bucket, row.within) === null) continue;
    for (const period of cutAt(bucket, changes)) {
      const ran = intersect(period, row.within);
      if (ran === null) continue;
      const key = `${period.fromMs} ${resourceId} ${hardwareId} ${rateMicroPerHour}`;
      const sum = sums.get(key) ?? {
        ...{ bucketMs: bucket.fromMs, period, row, replicaMs: 0n, creditsMicro: 0n },
      };
      sum.replicaMs += BigInt(lengthMs(ran) * row.replicas);
      sum.creditsMicro += chargeWithin(row, ran);
      sums.set(key, sum);
    }
  }
}

function byPlace(a: Hosted, b: Hosted): number {
  const [rateA, rateB] = [a.row.rateMicroPerHour, b.row.rateMicroPerHour];
  return (
    a.row.resourceId - b.row.resourceId ||
    a.row.hardwareId - b.row.hardwareId ||
    a.period.fromMs - b.period.fromMs ||
    (rateA < rateB ? -1 : Number(rateA > rateB))
  );
}

function unplaced(hosted: Hosted, { listed, hardware, rates }: Catalogue): Unplaced {
  const { bucketMs, period, row, replicaMs, creditsMicro } = hosted;
  const { resourceId, hardwareId, rateMicroPerHour } = row;
  const subject = resourceSubject(present(listed.resources.get(resourceId), 'a resource'));
  // A test account may have a rate for longer than others: the latest one that it can be.
  const rate = rates.findLast(
    (one) =>
      one.hardwareId === hardwareId &&
      one.rateMicroPerHour === rateMicroPerHour &&
      one.fromMs <= period.fromMs,
  );
  const used = {
    hardware: present(hardware.get(hardwareId), 'a profile'),
    rateMicroPerHour,
    rateFromMs: rate?.fromMs ?? null,
    ...{ replicaMs, creditsMicro },
  };
  return { bucketMs, period, rowAt: (place) => hostingRow(place, subject, used) };
}

/** First the allocations that the ledger does not have, then its entries that are no use of credits. */
async function* readEntries(
  source: ExportSource,
  stretches: readonly FocusStretch[],
): AsyncGenerator<readonly FocusRow[]> {
  const { tx, range, account, asOf, after } = source;
  const unit = unitOf(range, source.granularity);
  const { timeZone } = range;
  const rowOf = (entry: FocusEntry, key: CursorKey): FocusRow => {
    const stretch = stretchAt(stretches, entry.atMs);
    return entryRow(
      { key, stretch, period: bucketAt(stretch, { timeZone, unit }, entry.atMs) },
      entry,
    );
  };
  const of = { accountId: account.accountId, range, asOf };
  if (after?.value !== null) {
    const last = after?.value === FORMER ? after : null;
    const former = await loadFormerAllocations(tx, { ...of, after: last });
    yield former.map((entry) => rowOf(entry, { value: FORMER, id: entry.allocationId ?? 0 }));
  }
  const last = after?.value === null ? after : null;
  for await (const entries of readFocusEntries(tx, { ...of, after: last })) {
    yield entries.map((entry) => rowOf(entry, { value: null, id: entry.sequence ?? 0 }));
  }
}
