// The rows of the tabs: their nodes, their pages, and what a row alone can be asked for.

import { Args, ArgsType, Ctx, Field, FieldResolver, Resolver, Root } from 'type-graphql';
import { hardwareLoader } from '../catalogue/catalogue.graphql.ts';
import type { CursorKey } from '../core/cursor.ts';
import { Key, type RequestContext } from '../graphql/context.ts';
import {
  Connection,
  connectionType,
  Page25,
  pageOfList,
  parsePage,
  type ConnectionParts,
} from '../graphql/page.ts';
import type { Model, Resource } from '../resources/resource.ts';
import { activeResourceNode, modelNode } from '../resources/resources.types.ts';
import { granularities, type Granularity } from '../account/range.ts';
import { UsageReader } from './reader.service.ts';
import { checkFilter, filterRows, rowOrder, tabs, type TabRow } from './tabs.ts';
import {
  CreditTrendType,
  HardwareUsageType,
  HostedUsageType,
  ModelUsageType,
  rangeNode,
  RunTrendType,
  totalsNode,
  UsageFilter,
  UsageOrder,
  type UsageTotalsType,
  WithTotals,
  WorkflowUsageType,
} from './usage.types.ts';
import { DateRangeInput } from '../account/range.graphql.ts';
import { addFigures, figuresOf, type Sum } from './views.ts';
import {
  componentCredits,
  hardwareFigures,
  UsageViews,
  type HardwareFigures,
  type View,
  type ViewPart,
} from './views.service.ts';

const VIEWS = new Key<UsageViews>('usageViews');

/** The request's views: what they load in one tick is read together. */
export function usageViews(context: RequestContext): UsageViews {
  return context.once(VIEWS, () => {
    const snapshot = (): ReturnType<RequestContext['reader']> => context.reader();
    return new UsageViews(new UsageReader(snapshot), snapshot);
  });
}

export const LAST_30_DAYS: DateRangeInput = { preset: 'LAST_30_DAYS' };

@ArgsType()
export class UsageArgs {
  @Field(() => DateRangeInput, { nullable: true, defaultValue: LAST_30_DAYS })
  readonly range?: DateRangeInput | null;
}

@ArgsType()
export class TrendArgs {
  @Field(() => granularities, { nullable: true, defaultValue: 'AUTO' })
  readonly granularity?: Granularity | null;
}

@ArgsType()
export class TabArgs extends Page25 {
  @Field(() => UsageOrder, { nullable: true }) readonly orderBy?: UsageOrder | null;
  @Field(() => UsageFilter, { nullable: true }) readonly filter?: UsageFilter | null;
}

type Tab = (typeof tabs)[keyof typeof tabs];

/** A page of rows with the totals of all rows that the filter matches. */
export class TabConnection<T> extends Connection<T> {
  constructor(
    parts: ConnectionParts<T>,
    private readonly all: readonly TabRow<unknown>[],
  ) {
    super(parts);
  }

  get totals(): UsageTotalsType {
    return totalsNode(this.all.length, addFigures(this.all.map((row) => row.figures)));
  }
}

export const WorkflowUsageConnection = connectionType('WorkflowUsage', () => WorkflowUsageType, {
  base: WithTotals,
  description:
    'Workflows that were deployed at least once or ever ran; those in development are left out.',
});
export const ModelUsageConnection = connectionType('ModelUsage', () => ModelUsageType, {
  base: WithTotals,
  description: 'All registered models.',
});
export const HostedUsageConnection = connectionType('HostedUsage', () => HostedUsageType, {
  base: WithTotals,
});

@Resolver(() => WorkflowUsageType)
export class WorkflowUsageResolver {
  @FieldResolver(() => RunTrendType)
  async trend(
    @Root() { view, row }: WorkflowUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<RunTrendType> {
    const part = { ...view, subjectIds: [row.id] };
    return trendOf(context, part, args, (sums) => ({ runs: Number(figuresOf(sums).runs) }));
  }
}

@Resolver(() => ModelUsageType)
export class ModelUsageResolver {
  @FieldResolver(() => HostedUsageConnection)
  async deployments(
    @Root() { view, row }: ModelUsageType,
    @Ctx() context: RequestContext,
    @Args(() => Page25) args: Page25,
  ): Promise<TabConnection<HostedUsageType>> {
    const page = await pageOfTab(context, tabs.hosted, args, () =>
      usageViews(context).deploymentRows(view, row.item),
    );
    return connectionOf(page, (deployment) => hostedUsageNode(view, deployment));
  }

  @FieldResolver(() => [HardwareUsageType])
  async hardware(
    @Root() { view, row }: ModelUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly HardwareUsageType[]> {
    const subjectIds = await usageViews(context).subjectsOfModel(row.item);
    return hardwareNodes(context, hardwareFigures(row.sums, { ...view, subjectIds }));
  }

  @FieldResolver(() => CreditTrendType)
  async trend(
    @Root() { view, row }: ModelUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<CreditTrendType> {
    const subjectIds = await usageViews(context).subjectsOfModel(row.item);
    return creditTrend(context, { ...view, subjectIds }, args);
  }
}

@Resolver(() => HostedUsageType)
export class HostedUsageResolver {
  @FieldResolver(() => [HardwareUsageType])
  async hardware(
    @Root() { view, row }: HostedUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly HardwareUsageType[]> {
    return hardwareNodes(context, hardwareFigures(row.sums, { ...view, subjectIds: [row.id] }));
  }

  @FieldResolver(() => CreditTrendType)
  async trend(
    @Root() { view, row }: HostedUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<CreditTrendType> {
    return creditTrend(context, { ...view, subjectIds: [row.id] }, args);
  }
}

/** A workflow's row. */
export function workflowUsageNode(view: View, row: TabRow<Resource>): WorkflowUsageType {
  return {
    workflow: activeResourceNode(row.item, row.lastActiveAtMs),
    range: rangeNode(view.range),
    runs: Number(row.figures.runs),
    lastActiveOn: row.lastActiveAtMs,
    view,
    row,
  };
}

/** A hosted resource's row. */
export function hostedUsageNode(view: View, row: TabRow<Resource>): HostedUsageType {
  return {
    resource: activeResourceNode(row.item, row.lastActiveAtMs),
    range: rangeNode(view.range),
    credits: row.figures.creditsMicro,
    components: componentCredits(row.figures.components),
    time: Number(row.figures.hostingMs),
    lastDeployedOn: row.lastDeployedAtMs,
    view,
    row,
  };
}

/** A model's row. */
export function modelUsageNode(view: View, row: TabRow<Model>): ModelUsageType {
  const { components, creditsMicro, hostingMs } = row.figures;
  return {
    model: modelNode(row.item),
    range: rangeNode(view.range),
    credits: creditsMicro,
    time: Number(hostingMs),
    fineTuningCredits: components.FINE_TUNING,
    hostingCredits: components.HOSTING,
    storageCredits: components.STORAGE,
    processingCredits: components.PROCESSING,
    lastDeployedOn: row.lastDeployedAtMs,
    view,
    row,
  };
}

export interface TabPage<T> {
  readonly all: readonly TabRow<T>[];
  readonly parts: ConnectionParts<TabRow<T>>;
}

export async function pageOfTab<T>(
  context: RequestContext,
  tab: Tab,
  args: TabArgs,
  load: () => Promise<readonly TabRow<T>[]>,
): Promise<TabPage<T>> {
  // Which cursors are of the tab's order, rowOrder tells.
  const page = parsePage(args, 25, { isKey: () => true });
  const filter = args.filter ?? {};
  checkFilter(tab, filter);
  const order = rowOrder<T>(tab, args.orderBy ?? null, page.after);
  const hardwareIds = await usageViews(context).hardwareIds(filter);
  const all = filterRows(await load(), filter, hardwareIds)
    .map((row) => ({ row, key: order.keyOf(row) }))
    .sort((a, b) => order.compare(a.key, b.key))
    .map(({ row }) => row);
  return { all, parts: pageOfList(all, page, order) };
}

export function connectionOf<T, TNode extends { readonly row: TabRow<T> }>(
  { all, parts }: TabPage<T>,
  nodeOf: (row: TabRow<T>) => TNode,
): TabConnection<TNode> {
  const keyOf = (node: TNode): CursorKey => parts.keyOf(node.row);
  return new TabConnection({ ...parts, nodes: parts.nodes.map(nodeOf), keyOf }, all);
}

interface TrendOf<T> {
  readonly granularity: Granularity;
  readonly buckets: readonly (T & {
    readonly from: number;
    readonly to: number;
    readonly isPartial: boolean;
  })[];
}

/** The trend of a part of a view, each bucket with what `figuresIn` makes of its sums. */
export async function trendOf<T extends object>(
  context: RequestContext,
  part: ViewPart,
  { granularity }: TrendArgs,
  figuresIn: (sums: readonly Sum[]) => T,
): Promise<TrendOf<T>> {
  const { series, ofBucket } = await usageViews(context).trend(part, granularity ?? 'AUTO');
  return {
    granularity: series.granularity,
    buckets: series.buckets.map(({ fromMs, toMs, isPartial }, index) => ({
      from: fromMs,
      to: toMs,
      isPartial,
      ...figuresIn(ofBucket[index] ?? []),
    })),
  };
}

function creditTrend(
  context: RequestContext,
  part: ViewPart,
  args: TrendArgs,
): Promise<CreditTrendType> {
  return trendOf(context, part, args, (sums) => ({ credits: figuresOf(sums).creditsMicro }));
}

export async function hardwareNodes(
  context: RequestContext,
  figures: readonly HardwareFigures[],
): Promise<readonly HardwareUsageType[]> {
  const loader = hardwareLoader(context);
  const nodes = await Promise.all(
    figures.map(async (of) => ({
      hardware: await loader.load(of.hardwareId),
      time: Number(of.figures.hostingMs),
      replicaTime: Number(of.figures.replicaMs),
      credits: of.figures.creditsMicro,
      of,
    })),
  );
  return nodes.sort((a, b) => {
    if (a.credits !== b.credits) return a.credits > b.credits ? -1 : 1;
    return a.hardware.name < b.hardware.name ? -1 : 1;
  });
}
