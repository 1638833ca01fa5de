// A request's reading of usage. Whatever the fields of one answer ask for in the same tick is read together, in the
// request's snapshot: a fixed number of statements for any number of accounts, views and rows.

import DataLoader from 'dataloader';
import { loadSnapshotRates } from '../catalogue/catalogue.service.ts';
import type { Written } from '../core/cursor.ts';
import { invariant } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import { groupBy } from '../core/group.ts';
import type { CreditAllocation } from '../settlement/allocation.ts';
import { loadAllocationsOf } from '../settlement/credits.store.ts';
import type { Tx } from '../db/database.ts';
import { splitByRates } from '../hosting/charge.ts';
import { laterOf, type Model, type Resource, type ResourceKind } from '../resources/resource.ts';
import { listResourcesAsOf, type RowsAsOf } from '../resources/former-rows.store.ts';
import { listModelsAsOf, listModelsOf } from '../resources/models.store.ts';
import { listResourcesOf } from '../resources/resources.store.ts';
import { planTiers } from '../rollups/tier-plan.ts';
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
  type Tail,
  type TailActivity,
} from './views.store.ts';
import { type ChangedSegment, loadChangedSegments, loadLastEvents } from './former.store.ts';
import { negated, sumEdges, sumSegments, type Grain, type Sum, type ViewSegment } from './views.ts';

/** An account, as far as it had been written; null: as it is. */
export interface AccountOf {
  readonly accountId: number;
  readonly written: Written | null;
}

/** One question: the sums of each cell between neighbouring instants. */
export interface SumsOf extends AccountOf {
  readonly edgesMs: readonly number[];
  readonly grain: Grain;
  /** Only these resources and models; null: all. Needs the grain `resource`. */
  readonly subjectIds: readonly number[] | null;
  /** The view's now: hosting counts up to it. */
  readonly nowMs: number;
}

/** Segments of an account that overlap a range. */
export interface HostingOf extends AccountOf, SegmentsOf {
  /** The view's now: what runs then runs up to it. */
  readonly nowMs: number;
}

/** When a resource was last used, epoch ms; null when it never was. */
export type LastEvent = (resource: Resource) => number | null;

type PlannedQuestion = SumsOf & SumsQuestion;

interface KindOf extends AccountOf {
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
  private readonly models_ = new DataLoader<AccountOf, readonly Model[], string>(
    (accounts) => this.readModels(accounts),
    keyed,
  );
  private readonly allocations_ = new DataLoader<number, readonly CreditAllocation[]>((ids) =>
    this.readAllocations(ids),
  );
  private readonly lastEvents_ = new DataLoader<AccountOf, LastEvent, string>(
    (accounts) => this.readLastEvents(accounts),
    keyed,
  );
  private readonly planned = new DataLoader<SumsOf, PlannedQuestion, string>(
    (questions) => this.tierPlan(questions),
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

  /** How far the account is written. */
  async written(accountId: number): Promise<Written> {
    const { lastSeq, lastLocalId, lastChange } = await this.foldedUpTo.load(accountId);
    return { lastSeq, lastLocalId, lastChange };
  }

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
  async resources(of: AccountOf, kind: ResourceKind): Promise<readonly Resource[]> {
    return this.resources_.load({ ...of, kind });
  }

  /** All models that were ever registered, by id. */
  async models(of: AccountOf): Promise<readonly Model[]> {
    return this.models_.load(of);
  }

  async allocations(accountId: number): Promise<readonly CreditAllocation[]> {
    return this.allocations_.load(accountId);
  }

  /** When each resource was last used, also by events that are not folded into its row yet. */
  async lastEvents(of: AccountOf): Promise<LastEvent> {
    return this.lastEvents_.load(of);
  }

  private async tierPlan(questions: readonly SumsOf[]): Promise<readonly PlannedQuestion[]> {
    const upTo = await loadAll(
      this.foldedUpTo,
      questions.map((question) => question.accountId),
    );
    return questions.map((question, index) => {
      const folded = upTo[index];
      invariant(folded !== undefined, 'each account of a question is found');
      const { watermark, timeZone } = folded;
      const lastSeq = Math.min(folded.lastSeq, question.written?.lastSeq ?? folded.lastSeq);
      const tail = tailOf(watermark, lastSeq);
      return { ...question, watermark, tail, tierPlan: planTiers(question.edgesMs, timeZone) };
    });
  }

  // The rollups, and the events that they lack.
  private async readStored(questions: readonly SumsOf[]): Promise<readonly (readonly Sum[])[]> {
    const asked = await loadAll(this.planned, questions);
    const tx = await this.snapshot();
    const stored = new Map<PlannedQuestion, readonly Sum[]>();
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
    const asked = await loadAll(this.planned, questions);
    const edges = asked.flatMap(({ accountId, subjectIds, tierPlan }) =>
      tierPlan.rawHostingSpans.map(({ fromMs, toMs }) => ({
        accountId,
        fromMs,
        toMs,
        resourceIds: subjectIds,
      })),
    );
    const tx = await this.snapshot();
    const unfolded = await this.cutByRates(await loadUnfoldedSegments(tx, spansOf(asked)), asked);
    const folded = edges.length === 0 ? [] : await loadFoldedSegments(tx, edges);
    const changed = await this.changedSegments(
      asked.map((question) => ({
        ...question,
        fromMs: question.edgesMs[0] ?? 0,
        toMs: question.edgesMs.at(-1) ?? 0,
      })),
    );
    return asked.map((question, index) => {
      const { grain, edgesMs, tierPlan, nowMs } = question;
      const own = changed[index] ?? [];
      const isOfIt = segmentsOf(question);
      return [
        ...sumSegments(unfolded.filter(isOfIt), { grain, edgesMs, nowMs }),
        ...sumEdges(folded.filter(isOfFolded(question)), {
          grain,
          edges: tierPlan.rawHostingSpans,
          maxLengthMs: FOLDED_SEGMENT_MAX_MS,
        }),
        ...sumsSince(own, isOfFolded(question), isOfIt, { grain, edgesMs, nowMs }),
      ];
    });
  }

  /** For each question what its view does not have as it is now; nothing where the view is of now. */
  private async changedSegments(
    questions: readonly (AccountOf & Range & { readonly nowMs: number })[],
  ): Promise<readonly (readonly ChangedSegment[])[]> {
    const former = questions.flatMap(({ accountId, fromMs, toMs, nowMs, written }, index) =>
      written === null ? [] : [{ index, accountId, fromMs, toMs, asOf: { ...written, nowMs } }],
    );
    if (former.length === 0) return [];
    const changed = await loadChangedSegments(await this.snapshot(), former);
    const byIndex = new Map(former.map(({ index }, at) => [index, changed[at] ?? []]));
    return questions.map((_, index) => byIndex.get(index) ?? []);
  }

  private async readSegments(
    questions: readonly HostingOf[],
  ): Promise<readonly (readonly ViewSegment[])[]> {
    const tx = await this.snapshot();
    const all = await this.cutByRates(await loadSegments(tx, questions), questions);
    const changed = await this.changedSegments(questions);
    return questions.map((question, index) => {
      const { fromMs, toMs, nowMs } = question;
      const voidedSince = (changed[index] ?? []).flatMap((one) =>
        one.isFolded ? [] : [one.segment],
      );
      const isOfIt = segmentsOf({ ...question, subjectIds: question.resourceIds });
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
  }

  private async cutByRates(
    segments: readonly ViewSegment[],
    asked: readonly { readonly accountId: number; readonly nowMs: number }[],
  ): Promise<readonly ViewSegment[]> {
    if (!segments.some((segment) => segment.toMs === null)) return segments;
    const rates = await loadSnapshotRates(await this.snapshot());
    // Of several nows the latest: a view as of an earlier one has nothing of a part that began later.
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
    const tx = await this.snapshot();
    return answerEach(keys, {
      ofNow: async (asked) => {
        const accountIds = [...new Set(asked.map((key) => key.accountId))];
        const kinds = [...new Set(asked.map((key) => key.kind))];
        return listResourcesOf(tx, accountIds, kinds);
      },
      asOf: async (written, asked) =>
        listResourcesAsOf(
          tx,
          written,
          asked.map(({ kind }) => kind),
        ),
      isOf: (row, key) => row.accountId === key.accountId && row.kind === key.kind,
    });
  }

  private async readModels(accounts: readonly AccountOf[]): Promise<readonly (readonly Model[])[]> {
    const tx = await this.snapshot();
    return answerEach(accounts, {
      ofNow: async (asked) =>
        listModelsOf(
          tx,
          asked.map(({ accountId }) => accountId),
        ),
      asOf: async (written) => listModelsAsOf(tx, written),
      isOf: (row, { accountId }) => row.accountId === accountId,
    });
  }

  private async readAllocations(
    ids: readonly number[],
  ): Promise<readonly (readonly CreditAllocation[])[]> {
    const rows = await loadAllocationsOf(await this.snapshot(), ids);
    const groups = groupBy(rows, (row) => row.accountId);
    return ids.map((accountId) => groups.get(accountId) ?? []);
  }

  private async readLastEvents(accounts: readonly AccountOf[]): Promise<readonly LastEvent[]> {
    const tx = await this.snapshot();
    const ofNow = accounts.filter(({ written }) => written === null);
    const tail =
      ofNow.length === 0
        ? []
        : await loadTailActivity(
            tx,
            ofNow.map(({ accountId }) => accountId),
          );
    const tails = groupBy(tail, ({ accountId }) => accountId);
    const former = accounts.flatMap(({ accountId, written }) =>
      written === null ? [] : [{ accountId, written }],
    );
    const known = former.length === 0 ? [] : await loadLastEvents(tx, former);
    let next = 0;
    return accounts.map(({ accountId, written }) => {
      if (written === null) return withTail(tails.get(accountId) ?? []);
      const found = known[next++];
      return ({ resourceId, lastEventAtMs }) => {
        const since = found?.get(resourceId);
        return since === undefined ? lastEventAtMs : since;
      };
    });
  }
}

function withTail(tail: readonly TailActivity[]): LastEvent {
  const inTail = new Map(tail.map((row) => [row.subjectId, row.lastEventAtMs]));
  return ({ resourceId, lastEventAtMs }) => laterOf(lastEventAtMs, inTail.get(resourceId) ?? null);
}

/** Answers each question with the rows of its account: those of now with one statement, others with one for each state. */
async function answerEach<K extends AccountOf, R>(
  keys: readonly K[],
  read: {
    readonly ofNow: (keys: readonly K[]) => Promise<readonly R[]>;
    readonly asOf: (of: RowsAsOf, keys: readonly K[]) => Promise<readonly R[]>;
    readonly isOf: (row: R, key: K) => boolean;
  },
): Promise<readonly (readonly R[])[]> {
  const answers = new Map<K, readonly R[]>();
  const stateOf = ({ accountId, written }: K): string =>
    written === null ? '' : JSON.stringify([accountId, written]);
  for (const group of groupBy(keys, stateOf).values()) {
    const [{ accountId, written }] = group;
    const rows =
      written === null
        ? await read.ofNow(group)
        : await read.asOf({ accountId, ...written }, group);
    for (const key of group)
      answers.set(
        key,
        rows.filter((row) => read.isOf(row, key)),
      );
  }
  return keys.map((key) => answers.get(key) ?? []);
}

/** Which segments a question is about. */
function isOfFolded({
  accountId,
  subjectIds,
}: Pick<SumsOf, 'accountId' | 'subjectIds'>): (segment: ViewSegment) => boolean {
  const wanted = subjectIds === null ? null : new Set(subjectIds);
  return (segment) => segment.accountId === accountId && (wanted?.has(segment.resourceId) ?? true);
}

/** Which of them its view has: no period that was recorded later. */
function segmentsOf(
  question: Pick<SumsOf, 'accountId' | 'subjectIds' | 'written'>,
): (segment: ViewSegment) => boolean {
  const isOfIt = isOfFolded(question);
  const lastSeq = question.written?.lastSeq ?? Infinity;
  return (segment) => isOfIt(segment) && (segment.eventSeq === null || segment.eventSeq <= lastSeq);
}

/** What a view as of an earlier instant has of segments that changed since, instead of what the rollups count of them. */
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

// What ended later was running then.
function asOfNow(segment: ViewSegment, nowMs: number): ViewSegment {
  return segment.toMs !== null && segment.toMs > nowMs ? { ...segment, toMs: null } : segment;
}

/** The events that the rollups lack, or that they hold although they came later. */
function tailOf(watermark: number, lastSeq: number): Tail {
  return lastSeq < watermark
    ? { fromSeq: lastSeq, toSeq: watermark, sign: -1 }
    : { fromSeq: watermark, toSeq: lastSeq, sign: 1 };
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
