// The segments by which views count hosting: cut where rates change, and in their earlier form for a view as
// of an earlier instant.

import { loadSnapshotRates } from '../catalogue/catalogue.service.ts';
import { requireNotArchived } from '../archives/archives.store.ts';
import type { Range } from '../core/range.ts';
import type { Tx } from '../db/database.ts';
import { byContent, loader } from '../graphql/loader.ts';
import { splitByRates } from '../hosting/charge.ts';
import { type ChangedSegment, loadChangedSegments } from './former.store.ts';
import type { ViewSegment } from './sums.ts';
import type { AccountOf } from './view.ts';
import { loadSegments, type SegmentsOf } from './views.store.ts';

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
