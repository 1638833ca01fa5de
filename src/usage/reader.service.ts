// A request's reading of usage. Whatever the fields of one answer ask for in the same tick is read together, in the
// request's snapshot: a fixed number of statements for any number of accounts, views and rows.

import DataLoader from 'dataloader';
import { loadRates } from '../catalogue/catalogue.store.ts';
import type { HardwareRate } from '../catalogue/rates.ts';
import { invariant } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import type { CreditAllocation } from '../credits/allocation.ts';
import { loadAllocationsOf } from '../credits/credits.store.ts';
import type { Tx } from '../db/database.ts';
import { splitByRates } from '../hosting/charge.ts';
import type { Model, Resource, ResourceKind } from '../resources/resource.ts';
import { listModelsOf, listResourcesOf } from '../resources/resources.store.ts';
import { coverCells, type Cover } from './cover.ts';
import { FOLDED_SEGMENT_MAX_MS } from './rollups.store.ts';
import {
  loadEventIdentities,
  loadFoldedSegments,
  loadFoldedUpTo,
  loadSegments,
  loadSums,
  loadTailActivity,
  loadUnfoldedSegments,
  type AccountRange,
  type EventIdentity,
  type FoldedUpTo,
  type Grain,
  type StoredSum,
  type ViewSegment,
} from './views.store.ts';
import { groupBy, sumEdges, sumSegments, type Sum } from './views.ts';

export { loadEventIdentities, type EventIdentity, type ViewSegment };

/** One question: the sums of each cell between neighbouring instants. */
export interface SumsOf {
  readonly accountId: number;
  readonly edgesMs: readonly number[];
  readonly grain: Grain;
  /** Only these resources and models; null: all. Needs the grain `resource`. */
  readonly subjectIds: readonly number[] | null;
}

/** A stretch whose single segments are asked for, of some resources or of all. */
export interface SegmentsOf extends AccountRange {
  readonly resourceIds: readonly number[] | null;
}

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
  private readonly sums_ = new DataLoader<SumsOf, readonly Sum[], string>(
    (questions) => this.readSums(questions),
    keyed,
  );
  private readonly segments_ = new DataLoader<SegmentsOf, readonly ViewSegment[], string>(
    (ranges) => this.readSegments(ranges),
    keyed,
  );
  private rates: Promise<readonly HardwareRate[]> | null = null;

  constructor(
    private readonly reader: () => Promise<Tx>,
    private readonly nowMs: number,
  ) {}

  /** Everything used in the cells, running hosting included up to now. Order is of no meaning. */
  async sums(question: SumsOf): Promise<readonly Sum[]> {
    return this.sums_.load(question);
  }

  /** The segments that overlap a range, cut at rate changes, running ones up to now. Ordered by begin. */
  async segments(question: SegmentsOf): Promise<readonly ViewSegment[]> {
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

  private async readSums(questions: readonly SumsOf[]): Promise<readonly (readonly Sum[])[]> {
    const upTo = await this.foldedUpTo.loadMany(questions.map((question) => question.accountId));
    const asked = questions.map((question, index) => {
      const folded = upTo[index];
      if (folded === undefined || folded instanceof Error) throw folded ?? new Error('no account');
      const cover = coverCells(question.edgesMs, folded.timeZone);
      const { watermark, lastSeq } = folded;
      return { ...question, watermark, lastSeq, cover };
    });
    const tx = await this.reader();
    const stored = new Map<SumsOf, readonly StoredSum[]>();
    for (const grain of ['account', 'resource'] as const) {
      for (const ofSubjects of [false, true]) {
        const group = asked.filter(
          (question) => question.grain === grain && (question.subjectIds !== null) === ofSubjects,
        );
        const answers = group.length === 0 ? [] : await loadSums(tx, grain, group);
        group.forEach((question, index) => stored.set(question, answers[index] ?? []));
      }
    }
    const hosting = await this.readHosting(asked);
    return asked.map((question, index) => [
      ...(stored.get(question) ?? []),
      ...(hosting[index] ?? []),
    ]);
  }

  // What is not folded: running and long segments whole, and the folded ones in the cut edges of day buckets.
  private async readHosting(
    questions: readonly (SumsOf & { readonly cover: Cover })[],
  ): Promise<readonly (readonly Sum[])[]> {
    const ranges = questions.map((question) => accountRange(question));
    const edges = questions.flatMap(({ accountId, cover }) =>
      cover.hostingEdges.map((edge) => ({ ...edge, accountId })),
    );
    const tx = await this.reader();
    const unfolded = await this.cutByRates(await loadUnfoldedSegments(tx, spansOf(ranges)));
    const folded = distinct(await loadFoldedSegments(tx, edges));
    return questions.map((question) => {
      const isAsked = (segment: ViewSegment): boolean =>
        segment.accountId === question.accountId &&
        (question.subjectIds?.includes(segment.resourceId) ?? true);
      return [
        ...sumSegments(unfolded.filter(isAsked), question.edgesMs, this.nowMs),
        ...sumEdges(folded.filter(isAsked), question.cover.hostingEdges, FOLDED_SEGMENT_MAX_MS),
      ];
    });
  }

  private async readSegments(
    questions: readonly SegmentsOf[],
  ): Promise<readonly (readonly ViewSegment[])[]> {
    const tx = await this.reader();
    const all = await this.cutByRates(distinct(await loadSegments(tx, questions)));
    const inOrder = [...all].sort((a, b) => a.fromMs - b.fromMs || a.segmentId - b.segmentId);
    return questions.map((question) =>
      inOrder.filter(
        (segment) =>
          segment.accountId === question.accountId &&
          segment.fromMs < Math.min(question.toMs, this.nowMs) &&
          (segment.toMs ?? this.nowMs) > question.fromMs &&
          (question.resourceIds?.includes(segment.resourceId) ?? true),
      ),
    );
  }

  private async cutByRates(segments: readonly ViewSegment[]): Promise<readonly ViewSegment[]> {
    if (!segments.some((segment) => segment.toMs === null)) return segments;
    this.rates ??= this.reader().then((tx) => loadRates(tx, null));
    const rates = await this.rates;
    return segments.flatMap((segment) =>
      segment.toMs === null ? splitByRates(segment, rates, this.nowMs) : [segment],
    );
  }

  private async readFoldedUpTo(ids: readonly number[]): Promise<readonly FoldedUpTo[]> {
    const rows = await loadFoldedUpTo(await this.reader(), ids);
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
    const rows = await listResourcesOf(await this.reader(), accountIds, kinds);
    const groups = groupBy(rows, (row) => `${row.accountId}.${row.kind}`);
    return keys.map((key) => groups.get(`${key.accountId}.${key.kind}`) ?? []);
  }

  private async readModels(ids: readonly number[]): Promise<readonly (readonly Model[])[]> {
    const groups = groupBy(await listModelsOf(await this.reader(), ids), (row) => row.accountId);
    return ids.map((accountId) => groups.get(accountId) ?? []);
  }

  private async readAllocations(
    ids: readonly number[],
  ): Promise<readonly (readonly CreditAllocation[])[]> {
    const rows = await loadAllocationsOf(await this.reader(), ids);
    return ids.map((accountId) => rows.filter((row) => row.accountId === accountId));
  }

  private async readTail(ids: readonly number[]): Promise<readonly ReadonlyMap<number, number>[]> {
    const rows = await loadTailActivity(await this.reader(), ids);
    return ids.map(
      (accountId) =>
        new Map(
          rows
            .filter((row) => row.accountId === accountId)
            .map((row) => [row.subjectId, row.lastEventAtMs]),
        ),
    );
  }
}

function accountRange(question: SumsOf): AccountRange {
  return {
    accountId: question.accountId,
    fromMs: question.edgesMs[0] ?? 0,
    toMs: question.edgesMs.at(-1) ?? 0,
  };
}

/** For each account one stretch that spans all of its ranges: fewer rows are read twice than with many stretches. */
function spansOf(ranges: readonly AccountRange[]): readonly AccountRange[] {
  const spans = new Map<number, Range>();
  for (const { accountId, fromMs, toMs } of ranges) {
    const span = spans.get(accountId) ?? { fromMs, toMs };
    spans.set(accountId, {
      fromMs: Math.min(span.fromMs, fromMs),
      toMs: Math.max(span.toMs, toMs),
    });
  }
  return [...spans].map(([accountId, span]) => ({ accountId, ...span }));
}

function distinct(segments: readonly ViewSegment[]): readonly ViewSegment[] {
  const byKey = new Map<string, ViewSegment>();
  for (const segment of segments) byKey.set(`${segment.accountId}.${segment.segmentId}`, segment);
  return [...byKey.values()];
}
