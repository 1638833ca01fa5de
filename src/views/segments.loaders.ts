// The segments by which views count hosting: cut where rates change, and in their earlier form for a view as
// of an earlier instant. Those that no rollup counts are remembered.

import { loadSnapshotRates } from '../catalogue/catalogue.service.ts';
import { requireNotArchived } from '../archives/archives.store.ts';
import { DAY_MS, type Range } from '../core/range.ts';
import type { Tx } from '../db/database.ts';
import type { RequestContext } from '../graphql/context.ts';
import { byContent, loader } from '../graphql/loader.ts';
import { remembered } from '../graphql/remembered.ts';
import { splitByRates } from '../hosting/charge.ts';
import { type ChangedSegment, loadChangedSegments } from './former.store.ts';
import type { ViewSegment } from './sums.ts';
import { foldedUpToLoader } from './tail.loaders.ts';
import type { AccountOf } from './view.ts';
import { loadSegments, loadUnfoldedSegments, type SegmentsOf } from './views.store.ts';

/** Segments of an account that overlap a range. */
interface HostingOf extends AccountOf, SegmentsOf {
  /** The view's now: segments that run then end at it. */
  readonly nowMs: number;
}

/** The segments that overlap ranges, cut at rate changes, running ones up to now. Ordered by start. */
export const segmentsLoader = loader<HostingOf, readonly ViewSegment[]>(async (tx, questions) => {
  const all = await cutByRates(tx, await loadSegments(tx, questions), questions);
  const changed = await readChangedSegments(tx, questions);
  return questions.map((question, index) => {
    const { fromMs, toMs, nowMs } = question;
    const voidedSince = (changed[index] ?? []).flatMap((one) =>
      one.isFolded ? [] : [one.segment],
    );
    const isOfIt = isOfView({ ...question, subjectIds: question.resourceIds });
    return [...all, ...voidedSince]
      .filter(
        (segment) =>
          isOfIt(segment) &&
          segment.fromMs < Math.min(toMs, nowMs) &&
          (segment.toMs ?? nowMs) > fromMs,
      )
      .map((segment) => asOfNow(segment, nowMs))
      .sort((a, b) => a.fromMs - b.fromMs || a.resourceId - b.resourceId);
  });
}, byContent);

const UNFOLDED_BYTES_MAX = 32 * 1024 * 1024;
const SEGMENT_BYTES = 350;
const rememberedUnfolded = remembered<readonly ViewSegment[]>({
  bytesMax: UNFOLDED_BYTES_MAX,
  bytesOf: (segments) => segments.length * SEGMENT_BYTES,
});

/**
 * The segments of each range that are not in the rollups (running, long, or just closed), and some around it; in no order.
 *
 * A segment that begins takes a local id. One that ends or is voided takes a change (of its resource, or the void's), or the next one
 * begins. One that is folded, or is no longer, raises the epoch. So the list of whole days stands as long as these numbers do.
 */
export async function unfoldedSegments(
  tx: Tx,
  ranges: readonly SegmentsOf[],
  context: RequestContext,
): Promise<readonly ViewSegment[]> {
  const known = rememberedUnfolded(context);
  const asked = await Promise.all(
    ranges.map(async (range) => {
      const { run, accountId, lastLocalId, lastChange, epoch } = await foldedUpToLoader(
        context,
      ).load(range.accountId);
      const fromMs = Math.floor(range.fromMs / DAY_MS) * DAY_MS;
      const toMs = Math.ceil(range.toMs / DAY_MS) * DAY_MS;
      const state = [run, accountId, lastLocalId, lastChange, epoch, fromMs, toMs].join();
      const key = `${state} ${range.resourceIds?.join() ?? ALL}`;
      const found = known.get(`${state} ${ALL}`) ?? known.get(key);
      return { accountId, resourceIds: range.resourceIds, fromMs, toMs, key, found };
    }),
  );
  const missing = asked.filter(({ found }) => found === undefined);
  const read = missing.length === 0 ? [] : await loadUnfoldedSegments(tx, missing);
  return asked.flatMap(({ accountId, key, found }) => {
    if (found !== undefined) return found;
    const own = read.filter((segment) => segment.accountId === accountId);
    known.set(key, own);
    return own;
  });
}

const ALL = 'all';

/**
 * For each question the segments that changed since its view; none where the view is present.
 * @throws ArchivedError when an event that was voided since is archived
 */
export async function readChangedSegments(
  tx: Tx,
  questions: readonly (AccountOf & Range & { readonly nowMs: number })[],
): Promise<readonly (readonly ChangedSegment[])[]> {
  const former = questions.flatMap(({ accountId, fromMs, toMs, nowMs, written }, index) =>
    written === null ? [] : [{ index, accountId, fromMs, toMs, asOf: { ...written, nowMs } }],
  );
  if (former.length === 0) return [];
  const [changed] = await Promise.all([
    loadChangedSegments(tx, former),
    requireNotArchived(
      tx,
      ...former.map(({ accountId, asOf }) => ({ accountId, voidedAfter: asOf.lastChange })),
    ),
  ]);
  const byIndex = new Map(former.map(({ index }, at) => [index, changed[at] ?? []]));
  return questions.map((_, index) => byIndex.get(index) ?? []);
}

/** Segments, with the running ones cut where rates change, up to the latest now of their account's questions. */
export async function cutByRates(
  tx: Tx,
  segments: readonly ViewSegment[],
  asked: readonly { readonly accountId: number; readonly nowMs: number }[],
): Promise<readonly ViewSegment[]> {
  if (!segments.some((segment) => segment.toMs === null)) return segments;
  const rates = await loadSnapshotRates(tx);
  // The latest of several nows: a view as of an earlier one excludes parts that began later.
  const nowOf = new Map<number, number>();
  for (const { accountId, nowMs } of asked) {
    nowOf.set(accountId, Math.max(nowMs, nowOf.get(accountId) ?? nowMs));
  }
  return segments.flatMap((segment) =>
    segment.toMs === null
      ? splitByRates(segment, rates, nowOf.get(segment.accountId) ?? segment.fromMs)
      : [segment],
  );
}

/** The subjects of a question. */
interface SubjectsOf extends AccountOf {
  /** Null: all. */
  readonly subjectIds: readonly number[] | null;
}

/** Whether a segment belongs to a question's subjects. */
export function isOfSubjects({
  accountId,
  subjectIds,
}: SubjectsOf): (segment: ViewSegment) => boolean {
  const wanted = subjectIds === null ? null : new Set(subjectIds);
  return (segment) => segment.accountId === accountId && (wanted?.has(segment.resourceId) ?? true);
}

/** Whether a segment belongs to a question's view: periods that were recorded later do not. */
export function isOfView(question: SubjectsOf): (segment: ViewSegment) => boolean {
  const isOfIt = isOfSubjects(question);
  const lastSeq = question.written?.lastSeq ?? Infinity;
  return (segment) => isOfIt(segment) && (segment.eventSeq === null || segment.eventSeq <= lastSeq);
}

// A segment that ended later was still running then.
function asOfNow(segment: ViewSegment, nowMs: number): ViewSegment {
  return segment.toMs !== null && segment.toMs > nowMs ? { ...segment, toMs: null } : segment;
}
