// The rows of the tabs: their nodes, their pages, and the fields of a single row.

import { Args, ArgsType, Ctx, Field, FieldResolver, Resolver, Root } from 'type-graphql';
import { hardwareLoader } from '../catalogue/catalogue.loaders.ts';
import type { CursorKey } from '../core/cursor.ts';
import { memoized } from '../core/memoized.ts';
import type { RequestContext } from '../graphql/context.ts';
import {
  Connection,
  connectionType,
  PageFromBothEnds,
  pageOfList,
  type ConnectionParts,
  wrongCursor,
} from '../graphql/page.ts';
import type { Model, Resource } from '../resources/resource.ts';
import { activeResourceNode, modelNode } from '../resources/resources.types.ts';
import { granularities, type Granularity } from '../account/range.ts';
import { openViewPage } from './pages.graphql.ts';
import {
  checkFilter,
  filterKey,
  filterRows,
  orderedRows,
  rowOrder,
  type Tab,
  tabs,
  type TabRow,
} from './tabs.ts';
import {
  CreditTrendType,
  HardwareUsageType,
  HostedUsageType,
  UnitQuantityType,
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
import { addFigures, componentCredits, figuresOf, type Sum } from './sums.ts';
import { type HardwareFigures, hardwareFigures, type View, type ViewPart } from './view.ts';
import { UsageViews } from './views.service.ts';
import { Cost, costOfBuckets } from '../graphql/field-extensions.ts';

/** The request's views. */
export function usageViews(context: RequestContext): UsageViews {
  return context.once(viewsOf);
}

function viewsOf(context: RequestContext): UsageViews {
  return new UsageViews(context);
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
export class TabArgs extends PageFromBothEnds {
  @Field(() => UsageOrder, { nullable: true }) readonly orderBy?: UsageOrder | null;
  @Field(() => UsageFilter, { nullable: true }) readonly filter?: UsageFilter | null;
}

const totalOf = memoized((rows: readonly TabRow<unknown>[]) =>
  addFigures(rows.map((row) => row.figures)),
);

/** A page of rows with the totals of all rows that the filter matches. */
export class TabConnection<T> extends Connection<T> {
  constructor(
    parts: ConnectionParts<T>,
    private readonly all: readonly TabRow<unknown>[],
  ) {
    super(parts);
  }

  get totals(): UsageTotalsType {
    return totalsNode(this.all.length, totalOf(this.all));
  }
}

export const WorkflowUsageConnection = connectionType('WorkflowUsage', () => WorkflowUsageType, {
  base: WithTotals,
  description: 'Workflows that were deployed at least once; those in development are left out.',
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
  @Cost(0, { ofArguments: costOfBuckets })
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
  @Cost(20, { items: 25 })
  @FieldResolver(() => HostedUsageConnection)
  async deployments(
    @Root() { view, row }: ModelUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    // All models of an answer get the same cursor argument: that of the row which is paged.
    const list = { name: ['deployments'], tab: tabs.deployments, view };
    const page = await pageOfTab(context, list, args, (of) =>
      usageViews(context).deploymentRows(of, row.item),
    );
    return connectionOf(page, hostedUsageNode);
  }

  @Cost(1, { items: 3 })
  @FieldResolver(() => [HardwareUsageType])
  async hardware(
    @Root() { view, row }: ModelUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly HardwareUsageType[]> {
    const subjectIds = await usageViews(context).subjectsOfModel(view, row.item);
    return hardwareNodes(context, hardwareFigures(row.sums, { ...view, subjectIds }));
  }

  @Cost(0, { ofArguments: costOfBuckets })
  @FieldResolver(() => CreditTrendType)
  async trend(
    @Root() { view, row }: ModelUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<CreditTrendType> {
    const subjectIds = await usageViews(context).subjectsOfModel(view, row.item);
    return creditTrend(context, { ...view, subjectIds }, args);
  }
}

@Resolver(() => HostedUsageType)
export class HostedUsageResolver {
  @Cost(1, { items: 3 })
  @FieldResolver(() => [HardwareUsageType])
  async hardware(
    @Root() { view, row }: HostedUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly HardwareUsageType[]> {
    return hardwareNodes(context, hardwareFigures(row.sums, { ...view, subjectIds: [row.id] }));
  }

  @Cost(0, { ofArguments: costOfBuckets })
  @FieldResolver(() => CreditTrendType)
  async trend(
    @Root() { view, row }: HostedUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<CreditTrendType> {
    return creditTrend(context, { ...view, subjectIds: [row.id] }, args);
  }

  @Cost(5)
  @FieldResolver(() => [UnitQuantityType], {
    description:
      'What was processed, by unit, most credits first. The credits add up to the component PROCESSING.',
  })
  async quantities(
    @Root() { view, row }: HostedUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly UnitQuantityType[]> {
    const figures = await usageViews(context).processed(view, row);
    return figures.map(({ unit, quantity, creditsMicro }) => ({
      unit,
      quantity: Number(quantity),
      credits: creditsMicro,
    }));
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
  /** The page's view: with a cursor, that of the list's first page. */
  readonly view: View;
}

/**
 * A page of a tab.
 * @param list what it lists; its name distinguishes its cursors from those of other lists
 * @throws UserInputError for an order or filter that the tab lacks, and for a cursor of another list, order, filter or range
 */
export async function pageOfTab<T>(
  context: RequestContext,
  list: { readonly name: readonly unknown[]; readonly tab: Tab; readonly view: View },
  args: TabArgs,
  load: (view: View) => Promise<readonly TabRow<T>[]>,
): Promise<TabPage<T>> {
  const filter = args.filter ?? {};
  checkFilter(list.tab, filter);
  const order = rowOrder(list.tab, args.orderBy ?? null);
  const page = openViewPage({
    view: list.view,
    list: [...list.name, order.field, order.direction, filterKey(filter)],
    args,
    defaultFirst: 25,
  });
  const { request, view } = page;
  if ([request.after, request.before].some((key) => key !== null && !order.isKey(key))) {
    throw wrongCursor([request.after === null ? 'before' : 'after']);
  }
  const views = usageViews(context);
  const hardwareIds = await views.hardwareIds(filter);
  const [rows, asOf] = await Promise.all([load(view), views.asOf(view)]);
  const all = filterRows(orderedRows(rows, order), filter, hardwareIds);
  return { all, view, parts: { ...pageOfList(all, request, order), mark: page.markAt(asOf) } };
}

export function connectionOf<T, TNode extends { readonly row: TabRow<T> }>(
  { all, parts, view }: TabPage<T>,
  nodeOf: (view: View, row: TabRow<T>) => TNode,
): TabConnection<TNode> {
  const keyOf = (node: TNode): CursorKey => parts.keyOf(node.row);
  const nodes = parts.nodes.map((row) => nodeOf(view, row));
  return new TabConnection({ ...parts, nodes, keyOf }, all);
}

interface TrendOf<T> {
  readonly granularity: Granularity;
  readonly buckets: readonly (T & {
    readonly from: number;
    readonly to: number;
    readonly isPartial: boolean;
  })[];
}

/** The trend of a part of a view. `figuresIn` makes each bucket from its sums. */
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
