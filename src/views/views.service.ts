// The views of one account in one range: each is built from what the request's loaders read.

import {
  bucketsOf,
  type BucketSeries,
  type Granularity,
  type ResolvedRange,
} from '../account/range.ts';
import { loadHardware } from '../catalogue/catalogue.store.ts';
import { hardwareNamed } from '../catalogue/rates.ts';
import type { AsOf } from '../core/cursor.ts';
import { UserInputError } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
import { memoized } from '../core/memoized.ts';
import { percentOf } from '../core/micro.ts';
import type { AllocationUnit } from '../engine/lots.ts';
import type { RequestContext } from '../graphql/context.ts';
import {
  lastActiveAtMs,
  laterOf,
  shownStatus,
  type Model,
  type Resource,
  type ResourceKind,
} from '../resources/resource.ts';
import { allocatedWithin } from '../settlement/allocation.ts';
import {
  allocationsLoader,
  type LastEvent,
  lastEventsLoader,
  modelsLoader,
  resourcesLoader,
} from './listed.loaders.ts';
import { segmentsLoader } from './segments.loaders.ts';
import { hostingSumsLoader, storedSumsLoader, type SumsOf } from './sums.loaders.ts';
import {
  byUnit,
  categoryOf,
  type ComponentCredits,
  componentCredits,
  creditCategories,
  figuresOf,
  peakReplicas,
  processedByUnit,
  type CreditCategory,
  type Sum,
  type UnitFigures,
  type ViewSegment,
} from './sums.ts';
import { foldedUpToLoader } from './tail.loaders.ts';
import { modelTraits, resourceTraits, type TabRow, type UsageFilterRequest } from './tabs.ts';
import {
  type AccountOf,
  accountOf,
  edgesOf,
  type HardwareFigures,
  hardwareFigures,
  type View,
  type ViewPart,
} from './view.ts';
import { unitSumsLoader } from './units.loaders.ts';

export const BUCKETS_PER_ANSWER_MAX = 20_000;
const RUN_MICRO = 1_000_000n;
/** Up to this many resources and models are looked up one by one in the rollups; for more, reading all is cheaper. */
const SOUGHT_SUBJECTS_MAX = 200;

export interface Totals {
  readonly used: bigint;
  readonly allocated: bigint;
  readonly allocations: number;
  readonly percentUsed: number | null;
}

export interface CreditTotals extends Totals {
  readonly byCategory: readonly {
    readonly category: CreditCategory;
    readonly credits: bigint;
    readonly percent: number;
  }[];
  readonly byComponent: readonly ComponentCredits[];
}

export type HostedKind = Exclude<ResourceKind, 'WORKFLOW'>;

export class UsageViews {
  private bucketsAsked = 0;

  constructor(private readonly context: RequestContext) {}

  /** What a view is as of: its earlier instant, or now and all that is written. */
  async asOf(view: View): Promise<AsOf> {
    const { nowMs } = view.range;
    if (view.written !== null) return { nowMs, ...view.written };
    const { accountId } = view.account;
    const { lastSeq, lastLocalId, lastChange } = await foldedUpToLoader(this.context).load(
      accountId,
    );
    return { nowMs, lastSeq, lastLocalId, lastChange };
  }

  async creditTotals(view: View): Promise<CreditTotals> {
    const sums = await this.accountSums(view, edgesOf(view.range));
    const { creditsMicro, components } = figuresOf(sums);
    const categories = groupBy(sums, (sum) => (sum.kind === null ? null : categoryOf(sum.kind)));
    return {
      ...(await this.totals(view, 'CREDITS', creditsMicro)),
      byCategory: Object.values(creditCategories).map((category) => {
        const credits = figuresOf(categories.get(category) ?? []).creditsMicro;
        return { category, credits, percent: percentOf(credits, creditsMicro) ?? 0 };
      }),
      byComponent: componentCredits(components),
    };
  }

  /** The totals in whole runs. */
  async runTotals(view: View): Promise<Totals> {
    const { runs } = figuresOf(await this.accountSums(view, edgesOf(view.range)));
    const totals = await this.totals(view, 'WORKFLOW_RUNS', runs * RUN_MICRO);
    return { ...totals, used: runs, allocated: totals.allocated / RUN_MICRO };
  }

  /** The buckets of a range and the sums of each. @throws UserInputError when an answer has too many buckets */
  async trend(
    part: ViewPart,
    granularity: Granularity,
  ): Promise<{ readonly series: BucketSeries; readonly ofBucket: readonly (readonly Sum[])[] }> {
    const series = this.buckets(part.range, granularity);
    const edgesMs = edgesOf(part.range, series);
    const sums =
      part.subjectIds === null
        ? await this.accountSums(part, edgesMs)
        : await this.resourceSums(part, edgesMs, part.subjectIds);
    const byCell = groupBy(sums, (sum) => sum.cell);
    return { series, ofBucket: series.buckets.map((_, cell) => byCell.get(cell) ?? []) };
  }

  /** Hosting by hardware of the whole view, in no order. */
  async hardware(view: View): Promise<readonly HardwareFigures[]> {
    const sums = await this.accountSums(view, edgesOf(view.range));
    return hardwareFigures(sums, { ...view, subjectIds: null });
  }

  /** The most replicas running at one instant of the range, on one hardware profile. */
  async peak(of: HardwareFigures): Promise<number> {
    return peakReplicas(await this.segments(of), this.hostedRange(of.part));
  }

  /** The segments behind a hardware figure, by start. */
  async segments(of: HardwareFigures): Promise<readonly ViewSegment[]> {
    const { account, range, subjectIds } = of.part;
    const { fromMs, toMs, nowMs } = range;
    const segments = await segmentsLoader(this.context).load({
      accountId: account.accountId,
      written: of.part.written,
      fromMs,
      toMs,
      nowMs,
      resourceIds: subjectIds,
    });
    return segments.filter((segment) => segment.hardwareId === of.hardwareId);
  }

  /** The part of a range in which hosting counts: up to now. */
  hostedRange(view: View): { readonly fromMs: number; readonly toMs: number } {
    return { fromMs: view.range.fromMs, toMs: Math.min(view.range.toMs, view.range.nowMs) };
  }

  /** Workflows that were deployed at least once or ever ran; those in development are left out. */
  async workflowRows(view: View): Promise<readonly TabRow<Resource>[]> {
    return this.rowsOf(view, await this.listed(view, 'WORKFLOW'));
  }

  /** Hosted resources of a kind that were deployed at least once or ever charged; all custom scripts. */
  async hostedRows(view: View, kind: HostedKind): Promise<readonly TabRow<Resource>[]> {
    return this.rowsOf(view, await this.listed(view, kind));
  }

  /** Single resources, whether a tab lists them or not: the panel of a row. */
  async rowsOf(view: View, resources: readonly Resource[]): Promise<readonly TabRow<Resource>[]> {
    const of = accountOf(view);
    const ids = resources.map((resource) => resource.resourceId);
    const question = {
      ...of,
      edgesMs: edgesOf(view.range),
      grain: 'resource',
      subjectIds: soughtOrAll(ids),
      nowMs: view.range.nowMs,
    } as const;
    const isOfWorkflows = resources.every((resource) => resource.kind === 'WORKFLOW');
    const [sums, lastEventOf] = await Promise.all([
      isOfWorkflows ? storedSumsLoader(this.context).load(question) : this.sums(question),
      lastEventsLoader(this.context).load(of),
    ]);
    return isOfWorkflows
      ? workflowRowsOf(resources, sums, lastEventOf)
      : resourceRows(resources, { sums, lastEventOf, nowMs: view.range.nowMs });
  }

  /** All models, or the given ones, with the figures of their deployments. */
  async modelRows(view: View, only: readonly Model[] | null): Promise<readonly TabRow<Model>[]> {
    const of = accountOf(view);
    const models = only ?? (await modelsLoader(this.context).load(of));
    const deployments = groupBy(
      await this.resources(of, 'MODEL_DEPLOYMENT'),
      (deployment) => deployment.modelId,
    );
    const deploymentsOf = ({ modelId }: Model): readonly Resource[] =>
      deployments.get(modelId) ?? [];
    const subjectsOf = (model: Model): readonly number[] => [
      model.modelId,
      ...deploymentsOf(model).map((deployment) => deployment.resourceId),
    ];
    const subjectIds = soughtOrAll(models.flatMap(subjectsOf));
    const bySubject = groupBy(
      await this.resourceSums(view, edgesOf(view.range), subjectIds),
      (sum) => sum.subjectId,
    );
    return models.map((model) => {
      const sums = subjectsOf(model).flatMap((subjectId) => bySubject.get(subjectId) ?? []);
      const lastDeployedAtMs = deploymentsOf(model).reduce<number | null>(
        (latest, deployment) => laterOf(latest, deployment.lastDeployedAtMs),
        null,
      );
      return {
        id: model.modelId,
        item: { ...model, lastDeployedAtMs },
        ...modelTraits(model),
        lastActiveAtMs: null,
        lastDeployedAtMs,
        figures: figuresOf(sums),
        sums,
      };
    });
  }

  /** The subjects of a model's charges: itself and its deployments. */
  async subjectsOfModel(view: View, model: Model): Promise<readonly number[]> {
    const deployments = await this.resources(accountOf(view), 'MODEL_DEPLOYMENT');
    const own = deployments.filter((deployment) => deployment.modelId === model.modelId);
    return [model.modelId, ...own.map((deployment) => deployment.resourceId)];
  }

  /** The deployments of one model that its drill-down lists. */
  async deploymentRows(view: View, model: Model): Promise<readonly TabRow<Resource>[]> {
    const rows = await this.hostedRows(view, 'MODEL_DEPLOYMENT');
    return rows.filter((row) => row.item.modelId === model.modelId);
  }

  /** When a resource was last active. @param nowMs its account's now */
  async lastActiveAtMs(resource: Resource, nowMs: number): Promise<number | null> {
    const { accountId } = resource;
    const lastEventOf = await lastEventsLoader(this.context).load({ accountId, written: null });
    return lastActiveAtMs(resource, lastEventOf(resource), nowMs);
  }

  /** The ids of hardware profiles that a filter names. @throws NOT_FOUND for an unknown name */
  async hardwareIds(filter: UsageFilterRequest): Promise<ReadonlySet<number>> {
    if (filter.hardware == null) return new Set();
    const profiles = await loadHardware(await this.context.reader());
    return new Set(
      filter.hardware.map(
        (name, index) => hardwareNamed(profiles, name, ['filter', 'hardware', index]).hardwareId,
      ),
    );
  }

  /** What was processed on a resource, by unit. @param row its row in the view */
  async processed(view: View, row: TabRow<Resource>): Promise<readonly UnitFigures[]> {
    const question = { ...accountOf(view), edgesMs: edgesOf(view.range) };
    const inUnits = await unitSumsLoader(this.context).load(question);
    const own = inUnits.filter(({ subjectId }) => subjectId === row.id);
    return processedByUnit(byUnit(row.sums, own));
  }

  private async listed(view: View, kind: ResourceKind): Promise<readonly Resource[]> {
    const of = accountOf(view);
    const [resources, lastEventOf] = await Promise.all([
      this.resources(of, kind),
      lastEventsLoader(this.context).load(of),
    ]);
    return kind === 'CUSTOM_SCRIPT' ? resources : usedResources(resources, lastEventOf);
  }

  private async resources(of: AccountOf, kind: ResourceKind): Promise<readonly Resource[]> {
    return resourcesLoader(this.context).load({ ...of, kind });
  }

  /** The buckets of a range. @throws UserInputError when an answer has too many buckets */
  buckets(range: ResolvedRange, granularity: Granularity): BucketSeries {
    this.requireBucketsLeft();
    const series = bucketsOf(range, granularity);
    this.bucketsAsked += series.buckets.length;
    this.requireBucketsLeft();
    return series;
  }

  private requireBucketsLeft(): void {
    if (this.bucketsAsked <= BUCKETS_PER_ANSWER_MAX) return;
    throw new UserInputError(
      `One answer holds at most ${BUCKETS_PER_ANSWER_MAX} buckets over all its series; ask for fewer rows or wider buckets.`,
      { path: ['granularity'] },
    );
  }

  private async totals(view: View, unit: AllocationUnit, usedMicro: bigint): Promise<Totals> {
    const allocations = await allocationsLoader(this.context).load(view.account.accountId);
    const { sumMicro, count } = allocatedWithin(allocations, view.range, unit);
    return {
      used: usedMicro,
      allocated: sumMicro,
      allocations: count,
      percentUsed: percentOf(usedMicro, sumMicro),
    };
  }

  // All usage in the cells, including running hosting up to now. In no order.
  private async sums(question: SumsOf): Promise<readonly Sum[]> {
    const [stored, hosting] = await Promise.all([
      storedSumsLoader(this.context).load(question),
      hostingSumsLoader(this.context).load(question),
    ]);
    return [...stored, ...hosting];
  }

  private async accountSums(view: View, edgesMs: readonly number[]): Promise<readonly Sum[]> {
    const { nowMs } = view.range;
    return this.sums({
      ...accountOf(view),
      edgesMs,
      nowMs,
      grain: 'account',
      subjectIds: null,
    });
  }

  /** All usage of single resources and models, of some or (null) of all, in no order. */
  async resourceSums(
    view: View,
    edgesMs: readonly number[],
    subjectIds: readonly number[] | null,
  ): Promise<readonly Sum[]> {
    const { nowMs } = view.range;
    return this.sums({ ...accountOf(view), edgesMs, nowMs, grain: 'resource', subjectIds });
  }
}

/** Those that were deployed at least once or ever used; of workflows, none in development. */
const usedResources = memoized(
  (resources: readonly Resource[], lastEventOf: LastEvent): readonly Resource[] =>
    resources.filter(
      (resource) =>
        (resource.lastDeployedAtMs !== null || lastEventOf(resource) !== null) &&
        (resource.kind !== 'WORKFLOW' || shownStatus(resource) !== 'IN_DEVELOPMENT'),
    ),
);

function resourceRows(
  resources: readonly Resource[],
  by: { readonly sums: readonly Sum[]; readonly lastEventOf: LastEvent; readonly nowMs: number },
): readonly TabRow<Resource>[] {
  const bySubject = groupBy(by.sums, (sum) => sum.subjectId);
  return resources.map((resource) => {
    const own = bySubject.get(resource.resourceId) ?? [];
    return {
      id: resource.resourceId,
      item: resource,
      ...resourceTraits(resource),
      lastActiveAtMs: lastActiveAtMs(resource, by.lastEventOf(resource), by.nowMs),
      lastDeployedAtMs: resource.lastDeployedAtMs,
      figures: figuresOf(own),
      sums: own,
    };
  });
}

/** Rows of workflows, which do not run on hardware: so their rows do not depend on the time. */
const workflowRowsOf = memoized(
  (resources: readonly Resource[], sums: readonly Sum[], lastEventOf: LastEvent) =>
    resourceRows(resources, { sums, lastEventOf, nowMs: 0 }),
);

function soughtOrAll(subjectIds: readonly number[]): readonly number[] | null {
  return subjectIds.length <= SOUGHT_SUBJECTS_MAX ? subjectIds : null;
}
