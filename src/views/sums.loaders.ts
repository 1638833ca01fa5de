// All sums that the fields of one answer ask for in the same tick are read together: a fixed number of statements for any
// number of accounts, views and rows.

import { type EventsToRead, findArchived } from '../archives/archives.store.ts';
import { dayOf, dayStartMs } from '../core/calendar.ts';
import { ArchivedError, invariant } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
import { memoized } from '../core/memoized.ts';
import type { Tx } from '../db/database.ts';
import type { RequestContext } from '../graphql/context.ts';
import { byContent, loader } from '../graphql/loader.ts';
import { type Remembered, remembered } from '../graphql/remembered.ts';
import { FOLDED_SEGMENT_MAX_MS } from '../rollups/rollups.store.ts';
import { planTiers, type TierPlan } from '../rollups/tier-plan.ts';
import type { ChangedSegment } from './former.store.ts';
import {
  cutByRates,
  isOfSubjects,
  isOfView,
  readChangedSegments,
  unfoldedSegments,
} from './segments.loaders.ts';
import { type Grain, negated, type Sum, sumEdges, sumSegments, type ViewSegment } from './sums.ts';
import { foldedUpToLoader, latestLoader, tailLoader } from './tail.loaders.ts';
import type { TailEvents } from './tail.ts';
import type { FoldedUpTo, Latest } from './tail.store.ts';
import type { AccountOf } from './view.ts';
import {
  loadFoldedSegments,
  loadSums,
  type SegmentsOf,
  type SumsQuestion,
  type Tail,
} from './views.store.ts';

/** One question: the sums of each cell between neighbouring instants. */
export interface SumsOf extends AccountOf {
  readonly edgesMs: readonly number[];
  readonly grain: Grain;
  /** Only these resources and models; null: all. Needs the grain `resource`. */
  readonly subjectIds: readonly number[] | null;
  /** The view's now: hosting counts up to it. */
  readonly nowMs: number;
}

type PlannedQuestion = SumsOf & SumsQuestion & Pick<FoldedUpTo, 'epoch' | 'run' | 'hasArchives'>;

const SUMS_BYTES_MAX = 64 * 1024 * 1024;
/** With the rows that are made of it. */
const SUM_BYTES = 900;
const EDGES_BYTES_MAX = 16 * 1024 * 1024;
/** The sums of whole buckets, which stand as long as watermark and epoch do. */
const rememberedSums = remembered<readonly Sum[]>({
  bytesMax: SUMS_BYTES_MAX,
  bytesOf: (sums) => sums.length * SUM_BYTES,
});
/** Those of cut edges: a range up to now has others at each instant, and these must not drive out the buckets. */
const rememberedEdges = remembered<readonly Sum[]>({
  bytesMax: EDGES_BYTES_MAX,
  bytesOf: (sums) => sums.length * SUM_BYTES,
});

const planLoader = loader<SumsOf, PlannedQuestion>(async (_tx, questions, context) => {
  const upTo = await Promise.all(
    questions.map(({ accountId }) => foldedUpToLoader(context).load(accountId)),
  );
  const latest = await Promise.all(upTo.map((folded) => latestLoader(context).load(folded)));
  return upTo.map((folded, index) => {
    const { watermark, epoch, timeZone, hasHours, run, hasArchives, lastSeq: writtenSeq } = folded;
    const question = questions[index];
    invariant(question !== undefined, 'each account is that of a question');
    const lastSeq = Math.min(writtenSeq, question.written?.lastSeq ?? writtenSeq);
    const tail = tailOf(watermark, lastSeq);
    const underDay = question.grain === 'resource' && hasHours ? 'HOURS' : 'QUARTER_HOURS';
    const edgesMs = untilDayEnds(question.edgesMs, { timeZone, latest: latest[index] });
    const tierPlan = planTiers(edgesMs, { timeZone, underDay });
    const state = { watermark, epoch, run, hasArchives };
    return { ...question, ...state, tail, tierPlan };
  });
}, byContent);

// Most ranges end now, and nothing in the rollups lies beyond. Then the rest of the day is the same as no time: no bucket is cut, and
// what was remembered a moment ago is of the same buckets.
function untilDayEnds(
  edgesMs: readonly number[],
  { timeZone, latest }: { readonly timeZone: string; readonly latest: Latest | undefined },
): readonly number[] {
  const toMs = edgesMs.at(-1);
  if (toMs === undefined || latest === undefined) return edgesMs;
  const { eventAtMs, endedAtMs, sinceMs } = latest;
  const hasAll = toMs > (eventAtMs ?? 0) && toMs >= Math.max(endedAtMs ?? 0, sinceMs);
  const day = dayOf(timeZone, toMs);
  return hasAll && toMs > dayStartMs(timeZone, day)
    ? [...edgesMs.slice(0, -1), dayStartMs(timeZone, day + 1)]
    : edgesMs;
}

/** The stored part of the cells: the rollups, and the events that they lack. In no order. ARCHIVED where these are archived. */
export const storedSumsLoader = loader<SumsOf, readonly Sum[]>(async (tx, questions, context) => {
  const planned = await Promise.all(
    questions.map((question) => planLoader(context).load(question)),
  );
  const errors = await archivedAmong(tx, planned);
  const asked = planned.filter((question) => !errors.has(question));
  const stored = new Map<PlannedQuestion, readonly Sum[]>();
  for (const grain of ['account', 'resource'] as const) {
    for (const ofSubjects of [false, true]) {
      const group = asked.filter(
        (question) => question.grain === grain && (question.subjectIds !== null) === ofSubjects,
      );
      const answers = await sumsOf(tx, grain, group, context);
      group.forEach((question, index) => stored.set(question, answers[index] ?? []));
    }
  }
  return planned.map((question) => errors.get(question) ?? stored.get(question) ?? []);
}, byContent);

/** The questions that need archived events, each with the error that is its answer. */
export async function archivedAmong<Q extends SumsQuestion & Pick<FoldedUpTo, 'hasArchives'>>(
  tx: Tx,
  questions: readonly Q[],
): Promise<ReadonlyMap<Q, Error>> {
  const reads = questions.flatMap((question) =>
    question.hasArchives ? eventsToRead(question).map((read) => ({ question, read })) : [],
  );
  const found = await findArchived(
    tx,
    reads.map(({ read }) => read),
  );
  const months = new Map<Q, Set<string>>();
  reads.forEach(({ question }, index) => {
    const own = found[index] ?? [];
    if (own.length > 0) months.set(question, new Set([...(months.get(question) ?? []), ...own]));
  });
  return new Map(
    [...months].map(([question, own]) => [question, new ArchivedError([...own].sort())]),
  );
}

/** The events that a question reads one by one. */
function eventsToRead({
  accountId,
  tierPlan,
  tail,
  written,
}: SumsQuestion): readonly EventsToRead[] {
  return [
    ...tierPlan.rawEventSpans.map((used) => ({ accountId, used })),
    { accountId, seqs: { first: tail.fromSeq + 1, last: tail.toSeq } },
    ...(written === null ? [] : [{ accountId, voidedAfter: written.lastChange }]),
  ];
}

// What the rollups and the events up to their watermark give is read once for each state: whole buckets and cut edges apart, since
// edges move with the time. The tail is added up here. What is left is read each time.
async function sumsOf(
  tx: Tx,
  grain: Grain,
  questions: readonly PlannedQuestion[],
  context: RequestContext,
): Promise<readonly (readonly Sum[])[]> {
  const tails = await Promise.all(questions.map((question) => tailIn(question, context)));
  const live = questions.map((question, index) => liveOnly(question, tails[index] ?? null));
  const asked = live.filter(({ tail, written }) => tail.fromSeq < tail.toSeq || written !== null);
  const [buckets, edges, read] = await Promise.all([
    readOnce(tx, grain, questions.map(bucketsOnly), rememberedSums(context)),
    readOnce(tx, grain, questions.map(edgesOnly), rememberedEdges(context)),
    asked.length === 0 ? [] : loadSums(tx, grain, asked),
  ]);
  const ofLive = new Map(asked.map((question, index) => [question, read[index] ?? NO_SUMS]));
  return questions.map((question, index) => {
    const own = live[index];
    const parts = [
      edges[index] ?? NO_SUMS,
      tails[index]?.sums(question) ?? NO_SUMS,
      (own && ofLive.get(own)) ?? NO_SUMS,
    ];
    return parts.reduce(together, buckets[index] ?? NO_SUMS);
  });
}

async function readOnce(
  tx: Tx,
  grain: Grain,
  questions: readonly PlannedQuestion[],
  known: Remembered<readonly Sum[]>,
): Promise<readonly (readonly Sum[])[]> {
  const keys = questions.map((question) => keyOf(grain, question));
  const found = keys.map((key) => known.get(key));
  const missing = questions.filter(
    ({ tierPlan }, index) =>
      found[index] === undefined && tierPlan.tierSpans.length + tierPlan.rawEventSpans.length > 0,
  );
  const read = missing.length === 0 ? [] : await loadSums(tx, grain, missing);
  const answers = new Map(missing.map((question, index) => [question, read[index] ?? NO_SUMS]));
  return questions.map((question, index) => {
    const own = answers.get(question);
    if (own !== undefined) known.set(keys[index] ?? '', own);
    return own ?? found[index] ?? NO_SUMS;
  });
}

const NO_SUMS: readonly Sum[] = [];
const joined = memoized((a: readonly Sum[], b: readonly Sum[]): readonly Sum[] => [...a, ...b]);

/** All sums of both; the same list for the same two. */
function together(a: readonly Sum[], b: readonly Sum[]): readonly Sum[] {
  if (a.length === 0) return b;
  return b.length === 0 ? a : joined(a, b);
}

/** The events of a question that the rollups lack; null when there are too many, or when they have too many. */
async function tailIn(
  { accountId, tail }: PlannedQuestion,
  context: RequestContext,
): Promise<TailEvents | null> {
  const { fromSeq, toSeq, sign } = tail;
  return sign === -1 ? null : tailLoader(context).load({ accountId, fromSeq, toSeq });
}

// Another zone's days, and hours in place of quarter hours, raise the epoch.
function keyOf(grain: Grain, question: PlannedQuestion): string {
  const { accountId, watermark, epoch, run, subjectIds, tierPlan } = question;
  const state = [run, accountId, watermark, epoch];
  const spans = tierPlan.tierSpans.map(({ cell, tier, fromBucket, toBucket, sign }) =>
    [cell, tier, fromBucket, toBucket, sign].join(),
  );
  const edges = tierPlan.rawEventSpans.map(({ cell, fromMs, toMs, sign }) =>
    [cell, fromMs, toMs, sign].join(),
  );
  const subjects = subjectIds?.join() ?? 'all';
  return [grain, state.join(), subjects, spans.join(';'), edges.join(';')].join(' ');
}

/** A question about nothing but what stands as long as watermark and epoch do. */
function withoutTail(question: PlannedQuestion, tierPlan: TierPlan): PlannedQuestion {
  const { watermark } = question;
  return { ...question, tail: tailOf(watermark, watermark), written: null, tierPlan };
}

function bucketsOnly(question: PlannedQuestion): PlannedQuestion {
  return withoutTail(question, { ...question.tierPlan, rawEventSpans: [] });
}

function edgesOnly(question: PlannedQuestion): PlannedQuestion {
  return withoutTail(question, { ...question.tierPlan, tierSpans: [] });
}

/** What is neither in buckets nor in edges. @param known the tail; null: it is asked of the database */
function liveOnly(question: PlannedQuestion, known: TailEvents | null): PlannedQuestion {
  const { tierPlan, watermark, tail } = question;
  return {
    ...question,
    tail: known === null ? tail : tailOf(watermark, watermark),
    tierPlan: { ...tierPlan, tierSpans: [], rawEventSpans: [] },
  };
}

/**
 * Hosting in the cells that is not folded, up to now: running and long segments whole, and the folded ones in the cut
 * edges of day buckets. In no order.
 */
export const hostingSumsLoader = loader<SumsOf, readonly Sum[]>(async (tx, questions, context) => {
  const asked = await Promise.all(questions.map((question) => planLoader(context).load(question)));
  const edges = asked.flatMap(({ accountId, subjectIds, tierPlan }) =>
    tierPlan.rawHostingSpans.map(({ fromMs, toMs }) => ({
      accountId,
      fromMs,
      toMs,
      resourceIds: subjectIds,
    })),
  );
  const unfolded = await cutByRates(tx, await unfoldedSegments(tx, spansOf(asked), context), asked);
  const folded = edges.length === 0 ? [] : await loadFoldedSegments(tx, edges);
  const changed = await readChangedSegments(
    tx,
    asked.map((question) => ({
      ...question,
      fromMs: question.edgesMs[0] ?? 0,
      toMs: question.edgesMs.at(-1) ?? 0,
    })),
  );
  return asked.map((question, index) => {
    const { grain, edgesMs, tierPlan, nowMs } = question;
    const isInView = isOfView(question);
    const isOfIt = isOfSubjects(question);
    return [
      ...sumSegments(unfolded.filter(isInView), { grain, edgesMs, nowMs }),
      ...sumEdges(folded.filter(isOfIt), {
        grain,
        edges: tierPlan.rawHostingSpans,
        maxLengthMs: FOLDED_SEGMENT_MAX_MS,
      }),
      ...sumsSince(changed[index] ?? [], isOfIt, isInView, { grain, edgesMs, nowMs }),
    ];
  });
}, byContent);

/** The correction for segments that changed since a view's instant: what the view has of them minus what the rollups count. */
function sumsSince(
  changed: readonly ChangedSegment[],
  isOfIt: (segment: ViewSegment) => boolean,
  isInView: (segment: ViewSegment) => boolean,
  by: Parameters<typeof sumSegments>[1],
): readonly Sum[] {
  const folded = changed.flatMap((one) => (one.isFolded ? [one.segment] : []));
  const whole = { ...by, nowMs: Number.MAX_SAFE_INTEGER };
  return [
    ...negated(sumSegments(folded.filter(isOfIt), whole)),
    ...sumSegments(changed.map(({ segment }) => segment).filter(isInView), by),
  ];
}

/** The events that the rollups lack, or that they contain although they came later. */
export function tailOf(watermark: number, lastSeq: number): Tail {
  return lastSeq < watermark
    ? { fromSeq: lastSeq, toSeq: watermark, sign: -1 }
    : { fromSeq: watermark, toSeq: lastSeq, sign: 1 };
}

/** For each account one range that spans all of its questions: this reads fewer rows twice than many ranges would. */
function spansOf(questions: readonly SumsOf[]): readonly SegmentsOf[] {
  return [...groupBy(questions, (question) => question.accountId)].map(([accountId, own]) => ({
    accountId,
    fromMs: Math.min(...own.map(({ edgesMs }) => edgesMs[0] ?? 0)),
    toMs: Math.max(...own.map(({ edgesMs }) => edgesMs.at(-1) ?? 0)),
    resourceIds: unionOf(own.map(({ subjectIds }) => subjectIds)),
  }));
}

/** All ids of some lists; null where one of them is null. */
function unionOf(lists: readonly (readonly number[] | null)[]): readonly number[] | null {
  const union = new Set<number>();
  for (const list of lists) {
    if (list === null) return null;
    for (const id of list) union.add(id);
  }
  return [...union];
}
