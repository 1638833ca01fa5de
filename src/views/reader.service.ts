// A request's reading of usage. Whatever the fields of one answer ask for in the same tick is read together, in the
// request's snapshot: a fixed number of statements for any number of accounts, views and rows.

import DataLoader from 'dataloader';
import { loadSnapshotRates } from '../catalogue/catalogue.service.ts';
import { invariant } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
import type { CreditAllocation } from '../settlement/allocation.ts';
import { loadAllocationsOf } from '../settlement/credits.store.ts';
import type { Tx } from '../db/database.ts';
import { splitByRates } from '../hosting/charge.ts';
import type { Model, Resource, ResourceKind } from '../resources/resource.ts';
import { listModelsOf, listResourcesOf } from '../resources/resources.store.ts';
import { coverCells } from '../rollups/cover.ts';
import { FOLDED_SEGMENT_MAX_MS } from '../rollups/rollups.store.ts';
import {
  loadFoldedSegments,
  loadFoldedUpTo,
  loadSegments,
  loadSums,
  loadTailActivity,
  loadUnfoldedSegments,
  type FoldedUpTo,
  type SegmentsOf,
  type SumsQuestion,
} from './views.store.ts';
import { sumEdges, sumSegments, type Grain, type Sum, type ViewSegment } from './views.ts';

/** One question: the sums of each cell between neighbouring instants. */
export interface SumsOf {
  readonly accountId: number;
  readonly edgesMs: readonly number[];
  readonly grain: Grain;
  /** Only these resources and models; null: all. Needs the grain `resource`. */
  readonly subjectIds: readonly number[] | null;
  /** The account's now: hosting counts up to it. */
  readonly nowMs: number;
}

/** Segments of an account that overlap a range. */
export interface HostingOf extends SegmentsOf {
  /** The account's now: running ones run up to it. */
  readonly nowMs: number;
}

type CoveredQuestion = SumsOf & SumsQuestion;

interface KindOf {
  readonly accountId: number;
  readonly kind: ResourceKind;
}

const keyed = { cacheKeyFn: (key: unknown): string => JSON.stringify(key) };

export class UsageReader {
  private readonly foldedUpTo = new DataLoader<number, FoldedUpTo>((ids) =>
    this.readFoldedUpTo(ids),
  );
  private readonly resources_ = new DataLoader<KindOf, readonly Resource[], string>(
    (kinds) => this.readResources(kinds),
    keyed,
  );
  private readonly models_ = new DataLoader<number, readonly Model[]>((ids) =>
    this.readModels(ids),
  );
  private readonly allocations_ = new DataLoader<number, readonly CreditAllocation[]>((ids) =>
    this.readAllocations(ids),
  );
  private readonly tail = new DataLoader<number, ReadonlyMap<number, number>>((ids) =>
    this.readTail(ids),
  );
  private readonly covered = new DataLoader<SumsOf, CoveredQuestion, string>(
    (questions) => this.cover(questions),
    keyed,
  );
  private readonly stored = new DataLoader<SumsOf, readonly Sum[], string>(
    (questions) => this.readStored(questions),
    keyed,
  );
  private readonly hosting = new DataLoader<SumsOf, readonly Sum[], string>(
    (questions) => this.readHosting(questions),
    keyed,
  );
  private readonly segments_ = new DataLoader<HostingOf, readonly ViewSegment[], string>(
    (ranges) => this.readSegments(ranges),
    keyed,
  );

  /** @param snapshot the request's */
  constructor(private readonly snapshot: () => Promise<Tx>) {}

  /** Everything used in the cells, running hosting included up to now. Order is of no meaning. */
  async sums(question: SumsOf): Promise<readonly Sum[]> {
    const [stored, hosting] = await Promise.all([
      this.stored.load(question),
      this.hosting.load(question),
    ]);
    return [...stored, ...hosting];
  }

  /** The same where nothing that is wanted is ever hosted: no segment is looked for. */
  async sumsOfUnhosted(question: SumsOf): Promise<readonly Sum[]> {
    return this.stored.load(question);
  }

  /** The segments that overlap a range, cut at rate changes, running ones up to now. Ordered by begin. */
  async segments(question: HostingOf): Promise<readonly ViewSegment[]> {
    return this.segments_.load(question);
  }

  /** All resources of a kind that were ever registered, by id. */
  async resources(accountId: number, kind: ResourceKind): Promise<readonly Resource[]> {
    return this.resources_.load({ accountId, kind });
  }

  /** All models that were ever registered, by id. */
  async models(accountId: number): Promise<readonly Model[]> {
    return this.models_.load(accountId);
  }

  async allocations(accountId: number): Promise<readonly CreditAllocation[]> {
    return this.allocations_.load(accountId);
  }

  /** When each resource and model was last used by an event that is not folded into its row yet, epoch ms. */
  async tailActivity(accountId: number): Promise<ReadonlyMap<number, number>> {
    return this.tail.load(accountId);
  }

  private async cover(questions: readonly SumsOf[]): Promise<readonly CoveredQuestion[]> {
    const upTo = await loadAll(
      this.foldedUpTo,
      questions.map((question) => question.accountId),
    );
    return questions.map((question, index) => {
      const folded = upTo[index];
      invariant(folded !== undefined, 'each account of a question is found');
      const { watermark, lastSeq, timeZone } = folded;
      return { ...question, watermark, lastSeq, cover: coverCells(question.edgesMs, timeZone) };
    });
  }

  // The rollups, and the events that they lack.
  private async readStored(questions: readonly SumsOf[]): Promise<readonly (readonly Sum[])[]> {
    const asked = await loadAll(this.covered, questions);
    const tx = await this.snapshot();
    const stored = new Map<CoveredQuestion, readonly Sum[]>();
    for (const grain of ['account', 'resource'] as const) {
      for (const ofSubjects of [false, true]) {
        const group = asked.filter(
          (question) => question.grain === grain && (question.subjectIds !== null) === ofSubjects,
        );
        const answers = group.length === 0 ? [] : await loadSums(tx, grain, group);
        group.forEach((question, index) => stored.set(question, answers[index] ?? []));
      }
    }
    return asked.map((question) => stored.get(question) ?? []);
  }

  // Hosting that is not folded: running and long segments whole, and the folded ones in the cut edges of day buckets.
  private async readHosting(questions: readonly SumsOf[]): Promise<readonly (readonly Sum[])[]> {
    const asked = await loadAll(this.covered, questions);
    const edges = asked.flatMap(({ accountId, subjectIds, cover }) =>
      cover.hostingEdges.map(({ fromMs, toMs }) => ({
        accountId,
        fromMs,
        toMs,
        resourceIds: subjectIds,
      })),
    );
    const tx = await this.snapshot();
    const unfolded = await this.cutByRates(await loadUnfoldedSegments(tx, spansOf(asked)), asked);
    const folded = edges.length === 0 ? [] : await loadFoldedSegments(tx, edges);
    return asked.map(({ accountId, subjectIds, grain, edgesMs, cover, nowMs }) => {
      const wanted = subjectIds === null ? null : new Set(subjectIds);
      const isAsked = (segment: ViewSegment): boolean =>
        segment.accountId === accountId && (wanted?.has(segment.resourceId) ?? true);
      return [
        ...sumSegments(unfolded.filter(isAsked), { grain, edgesMs, nowMs }),
        ...sumEdges(folded.filter(isAsked), {
          grain,
          edges: cover.hostingEdges,
          maxLengthMs: FOLDED_SEGMENT_MAX_MS,
        }),
      ];
    });
  }

  private async readSegments(
    questions: readonly HostingOf[],
  ): Promise<readonly (readonly ViewSegment[])[]> {
    const tx = await this.snapshot();
    const all = await this.cutByRates(await loadSegments(tx, questions), questions);
    const inOrder = [...all].sort((a, b) => a.fromMs - b.fromMs || a.segmentId - b.segmentId);
    return questions.map((question) =>
      inOrder.filter(
        (segment) =>
          segment.accountId === question.accountId &&
          segment.fromMs < Math.min(question.toMs, question.nowMs) &&
          (segment.toMs ?? question.nowMs) > question.fromMs &&
          (question.resourceIds?.includes(segment.resourceId) ?? true),
      ),
    );
  }

  private async cutByRates(
    segments: readonly ViewSegment[],
    asked: readonly { readonly accountId: number; readonly nowMs: number }[],
  ): Promise<readonly ViewSegment[]> {
    if (!segments.some((segment) => segment.toMs === null)) return segments;
    const rates = await loadSnapshotRates(await this.snapshot());
    const nowOf = new Map(asked.map(({ accountId, nowMs }) => [accountId, nowMs]));
    return segments.flatMap((segment) =>
      segment.toMs === null
        ? splitByRates(segment, rates, nowOf.get(segment.accountId) ?? segment.fromMs)
        : [segment],
    );
  }

  private async readFoldedUpTo(ids: readonly number[]): Promise<readonly FoldedUpTo[]> {
    const rows = await loadFoldedUpTo(await this.snapshot(), ids);
    const byId = new Map(rows.map((row) => [row.accountId, row]));
    return ids.map((accountId) => {
      const row = byId.get(accountId);
      invariant(row !== undefined, 'a view is of an account that exists', { accountId });
      return row;
    });
  }

  private async readResources(keys: readonly KindOf[]): Promise<readonly (readonly Resource[])[]> {
    const accountIds = [...new Set(keys.map((key) => key.accountId))];
    const kinds = [...new Set(keys.map((key) => key.kind))];
    const rows = await listResourcesOf(await this.snapshot(), accountIds, kinds);
    const groups = groupBy(rows, (row) => `${row.accountId}.${row.kind}`);
    return keys.map((key) => groups.get(`${key.accountId}.${key.kind}`) ?? []);
  }

  private async readModels(ids: readonly number[]): Promise<readonly (readonly Model[])[]> {
    const groups = groupBy(await listModelsOf(await this.snapshot(), ids), (row) => row.accountId);
    return ids.map((accountId) => groups.get(accountId) ?? []);
  }

  private async readAllocations(
    ids: readonly number[],
  ): Promise<readonly (readonly CreditAllocation[])[]> {
    const rows = await loadAllocationsOf(await this.snapshot(), ids);
    const groups = groupBy(rows, (row) => row.accountId);
    return ids.map((accountId) => groups.get(accountId) ?? []);
  }

  private async readTail(ids: readonly number[]): Promise<readonly ReadonlyMap<number, number>[]> {
    const rows = await loadTailActivity(await this.snapshot(), ids);
    const groups = groupBy(rows, (row) => row.accountId);
    return ids.map(
      (id) => new Map((groups.get(id) ?? []).map((row) => [row.subjectId, row.lastEventAtMs])),
    );
  }
}

/** For each account one stretch that spans all of its questions: fewer rows are read twice than with many stretches. */
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

async function loadAll<K, V, C>(
  loader: DataLoader<K, V, C>,
  keys: readonly K[],
): Promise<readonly V[]> {
  return Promise.all(keys.map((key) => loader.load(key)));
}
