// All sums that the fields of one answer ask for in the same tick are read together: a fixed number of statements for any
// number of accounts, views and rows.

import { invariant } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
import type { Tx } from '../db/database.ts';
import { byContent, loader } from '../graphql/loader.ts';
import { type Remembered, remembered } from '../graphql/remembered.ts';
import { FOLDED_SEGMENT_MAX_MS } from '../rollups/rollups.store.ts';
import { planTiers } from '../rollups/tier-plan.ts';
import type { ChangedSegment } from './former.store.ts';
import { cutByRates, isOfSubjects, isOfView, readChangedSegments } from './segments.loaders.ts';
import { type Grain, negated, type Sum, sumEdges, sumSegments, type ViewSegment } from './sums.ts';
import type { AccountOf } from './view.ts';
import {
  type FoldedUpTo,
  loadFoldedSegments,
  loadFoldedUpTo,
  loadSums,
  loadUnfoldedSegments,
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

type PlannedQuestion = SumsOf & SumsQuestion & Pick<FoldedUpTo, 'epoch' | 'timeZone' | 'hasHours'>;

const SUMS_BYTES_MAX = 64 * 1024 * 1024;
const SUM_BYTES = 300;
/** The sums of whole buckets, which stand as long as watermark and epoch do. */
const rememberedSums = remembered<readonly Sum[]>({
  bytesMax: SUMS_BYTES_MAX,
  bytesOf: (sums) => sums.length * SUM_BYTES,
});

/** Up to where accounts are written and folded, by account id. */
export const foldedUpToLoader = loader<number, FoldedUpTo>(async (tx, accountIds) => {
  const rows = await loadFoldedUpTo(tx, accountIds);
  const byId = new Map(rows.map((row) => [row.accountId, row]));
  return accountIds.map((accountId) => {
    const row = byId.get(accountId);
    invariant(row !== undefined, 'a view is of an account that exists', { accountId });
    return row;
  });
});

const planLoader = loader<SumsOf, PlannedQuestion>(async (_tx, questions, context) => {
  const upTo = await Promise.all(
    questions.map(({ accountId }) => foldedUpToLoader(context).load(accountId)),
  );
  return upTo.map((folded, index) => {
    const { watermark, epoch, timeZone, hasHours, lastSeq: writtenSeq } = folded;
    const question = questions[index];
    invariant(question !== undefined, 'each account is that of a question');
    const lastSeq = Math.min(writtenSeq, question.written?.lastSeq ?? writtenSeq);
    const tail = tailOf(watermark, lastSeq);
    const underDay = question.grain === 'resource' && hasHours ? 'HOURS' : 'QUARTER_HOURS';
    const tierPlan = planTiers(question.edgesMs, { timeZone, underDay });
    return { ...question, watermark, epoch, timeZone, hasHours, tail, tierPlan };
  });
}, byContent);

/** The stored part of the cells: the rollups, and the events that they lack. In no order. */
export const storedSumsLoader = loader<SumsOf, readonly Sum[]>(async (tx, questions, context) => {
  const asked = await Promise.all(questions.map((question) => planLoader(context).load(question)));
  const stored = new Map<PlannedQuestion, readonly Sum[]>();
  for (const grain of ['account', 'resource'] as const) {
    for (const ofSubjects of [false, true]) {
      const group = asked.filter(
        (question) => question.grain === grain && (question.subjectIds !== null) === ofSubjects,
      );
      const answers = await sumsOf(tx, grain, group, rememberedSums(context));
      group.forEach((question, index) => stored.set(question, answers[index] ?? []));
    }
  }
  return asked.map((question) => stored.get(question) ?? []);
}, byContent);

// Whole buckets are summed once for each state of the rollups. Cut edges and the tail are read each time.
async function sumsOf(
  tx: Tx,
  grain: Grain,
  questions: readonly PlannedQuestion[],
  known: Remembered<readonly Sum[]>,
): Promise<readonly (readonly Sum[])[]> {
  const keys = questions.map((question) => keyOfBuckets(grain, question));
  const found = keys.map((key) => known.get(key));
  const isMissing = ({ tierPlan }: PlannedQuestion, index: number): boolean =>
    found[index] === undefined && tierPlan.tierSpans.length > 0;
  const missing = questions.filter(isMissing);
  const live = questions.filter(hasMoreThanBuckets);
  const [buckets, others] = await Promise.all([
    missing.length === 0 ? [] : loadSums(tx, grain, missing.map(bucketsOnly)),
    live.length === 0 ? [] : loadSums(tx, grain, live.map(withoutBuckets)),
  ]);
  const read = new Map(missing.map((question, index) => [question, buckets[index] ?? []]));
  const more = new Map(live.map((question, index) => [question, others[index] ?? []]));
  return questions.map((question, index) => {
    const own = read.get(question);
    if (own !== undefined) known.set(keys[index] ?? '', own);
    const ofBuckets = own ?? found[index] ?? [];
    const others = more.get(question) ?? [];
    return others.length === 0 ? ofBuckets : [...ofBuckets, ...others];
  });
}

function keyOfBuckets(grain: Grain, question: PlannedQuestion): string {
  const { accountId, watermark, epoch, timeZone, hasHours, subjectIds, tierPlan } = question;
  const state = [accountId, watermark, epoch, timeZone, hasHours];
  const spans = tierPlan.tierSpans.map(({ cell, tier, fromBucket, toBucket, sign }) =>
    [cell, tier, fromBucket, toBucket, sign].join(),
  );
  return [grain, state.join(), subjectIds?.join() ?? 'all', spans.join(';')].join(' ');
}

function hasMoreThanBuckets({ tierPlan, tail, written }: PlannedQuestion): boolean {
  return tierPlan.rawEventSpans.length > 0 || tail.fromSeq < tail.toSeq || written !== null;
}

function bucketsOnly(question: PlannedQuestion): PlannedQuestion {
  const { tierPlan, watermark } = question;
  return {
    ...question,
    tail: tailOf(watermark, watermark),
    written: null,
    tierPlan: { ...tierPlan, rawEventSpans: [] },
  };
}

function withoutBuckets(question: PlannedQuestion): PlannedQuestion {
  return { ...question, tierPlan: { ...question.tierPlan, tierSpans: [] } };
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
  const unfolded = await cutByRates(tx, await loadUnfoldedSegments(tx, spansOf(asked)), asked);
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
