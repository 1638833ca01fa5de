import { Args, ArgsType, Ctx, Field, FieldResolver, Resolver, Root } from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { hardwareLoader } from '../catalogue/catalogue.graphql.ts';
import { Key, type RequestContext } from '../graphql/context.ts';
import {
  Connection,
  connectionType,
  Page25,
  pageOfList,
  parsePage,
  type ConnectionParts,
  type CursorKey,
} from '../graphql/page.ts';
import type { Model, Resource } from '../resources/resource.ts';
import { modelNode, resourceNode } from '../resources/resources.types.ts';
import { granularities, previousRange, resolveRange, type Granularity } from './range.ts';
import { UsageReader } from './reader.service.ts';
import {
  checkFilter,
  filterRows,
  rowOrder,
  tabs,
  type TabRow,
} from './tabs.ts';
import {
  AccountUsageType,
  CreditTotalsType,
  CreditTrendType,
  DateRangeInput,
  HardwareUsageType,
  HostedUsageType,
  ModelUsageType,
  rangeNode,
  RunTotalsType,
  RunTrendType,
  totalsNode,
  UsageFilter,
  UsageOrder,
  UsageTotalsType,
  UsageTrendType,
  WithTotals,
  WorkflowUsageType,
} from './usage.types.ts';
import { addFigures, categoryOf, figuresOf, groupBy, type CreditCategory, type Sum } from './views.ts';
import {
  componentCredits,
  hardwareFigures,
  UsageViews,
  type HardwareFigures,
  type HostedKind,
  type View,
  type ViewPart,
} from './views.service.ts';

const VIEWS = new Key<UsageViews>('usageViews');

/** The request's views: what they load in one tick is read together. */
export function usageViews(context: RequestContext): UsageViews {
  return context.once(VIEWS, () => {
    const openReader = (): ReturnType<RequestContext['reader']> => context.reader();
    return new UsageViews(new UsageReader(openReader, context.nowMs), openReader, context.nowMs);
  });
}

export const LAST_30_DAYS: DateRangeInput = { preset: 'LAST_30_DAYS' };

@ArgsType()
export class UsageArgs {
  @Field(() => DateRangeInput, { nullable: true, defaultValue: LAST_30_DAYS })
  readonly range?: DateRangeInput | null;
}

@ArgsType()
class TrendArgs {
  @Field(() => granularities, { nullable: true, defaultValue: 'AUTO' })
  readonly granularity?: Granularity | null;
}

@ArgsType()
class TabArgs extends Page25 {
  @Field(() => UsageOrder, { nullable: true }) readonly orderBy?: UsageOrder | null;
  @Field(() => UsageFilter, { nullable: true }) readonly filter?: UsageFilter | null;
}

type Tab = (typeof tabs)[keyof typeof tabs];

/** A page of rows with the totals of all rows that the filter matches. */
class TabConnection<T> extends Connection<T> {
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

const WorkflowUsageConnection = connectionType('WorkflowUsage', () => WorkflowUsageType, {
  base: WithTotals,
  description:
    'Workflows that were deployed at least once or ever ran; those in development are left out.',
});
const ModelUsageConnection = connectionType('ModelUsage', () => ModelUsageType, {
  base: WithTotals,
  description: 'All registered models.',
});
const HostedUsageConnection = connectionType('HostedUsage', () => HostedUsageType, {
  base: WithTotals,
});

@Resolver(() => AccountType)
export class AccountUsageFieldResolver {
  @FieldResolver(() => AccountUsageType, {
    description: 'Every usage view of one date range; each view is computed only if selected.',
  })
  usage(
    @Root() node: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => UsageArgs) args: UsageArgs,
  ): AccountUsageType {
    return usageNode({
      account: node.account,
      range: resolveRange(args.range ?? LAST_30_DAYS, node.account, context.nowMs),
    });
  }
}

function usageNode(view: View): AccountUsageType {
  return { range: rangeNode(view.range), view };
}

@Resolver(() => AccountUsageType)
export class AccountUsageResolver {
  @FieldResolver(() => AccountUsageType, {
    description:
      'The same view of the range before. LAST_n_DAYS: both edges n calendar days back at the same local time. Ranges of whole local months: as many months. Other ranges between starts of local days: as many days. CURRENT_CYCLE: the cycle before, up to the same calendar days and local time after its start, at most to its end. PREVIOUS_CYCLE: the one before it. All others: shifted by their length.',
  })
  previous(@Root() { view }: AccountUsageType): AccountUsageType {
    return usageNode({ ...view, range: previousRange(view.range) });
  }

  @FieldResolver(() => RunTotalsType)
  async workflowRuns(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
  ): Promise<RunTotalsType> {
    const { used, allocated, percentUsed } = await usageViews(context).runTotals(view);
    return { used: Number(used), allocated: Number(allocated), percentUsed };
  }

  @FieldResolver(() => CreditTotalsType)
  async credits(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
  ): Promise<CreditTotalsType> {
    return usageViews(context).creditTotals(view);
  }

  @FieldResolver(() => UsageTrendType)
  async trend(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<UsageTrendType> {
    const { series, ofBucket } = await usageViews(context).trend(
      { ...view, subjectIds: null },
      args.granularity ?? 'AUTO',
    );
    return {
      granularity: series.granularity,
      buckets: series.buckets.map(({ fromMs, toMs, isPartial }, index) => ({
        from: fromMs,
        to: toMs,
        isPartial,
        ...bucketFigures(ofBucket[index] ?? []),
      })),
    };
  }

  @FieldResolver(() => [HardwareUsageType], {
    description: 'All categories by hardware, largest first.',
  })
  async hardware(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly HardwareUsageType[]> {
    return hardwareNodes(context, await usageViews(context).hardware(view));
  }

  @FieldResolver(() => WorkflowUsageConnection)
  async workflows(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<WorkflowUsageType>> {
    const page = await pageOfTab(context, tabs.workflows, args, () =>
      usageViews(context).workflowRows(view),
    );
    return connectionOf(page, (row) => workflowUsageNode(view, row));
  }

  @FieldResolver(() => ModelUsageConnection)
  async models(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<ModelUsageType>> {
    const page = await pageOfTab(context, tabs.models, args, () =>
      usageViews(context).modelRows(view, null),
    );
    return connectionOf(page, (row) => modelUsageNode(view, row));
  }

  @FieldResolver(() => HostedUsageConnection)
  async guardrails(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'GUARDRAIL', args);
  }

  @FieldResolver(() => HostedUsageConnection)
  async customScripts(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'CUSTOM_SCRIPT', args);
  }

  @FieldResolver(() => HostedUsageConnection)
  async ocrDeployments(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'OCR_DEPLOYMENT', args);
  }

  @FieldResolver(() => HostedUsageConnection)
  async browserPods(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'BROWSER_POD', args);
  }
}

@Resolver(() => WorkflowUsageType)
export class WorkflowUsageResolver {
  @FieldResolver(() => RunTrendType)
  async trend(
    @Root() { view, row }: WorkflowUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<RunTrendType> {
    const { series, ofBucket } = await usageViews(context).trend(
      { ...view, subjectIds: [row.id] },
      args.granularity ?? 'AUTO',
    );
    return {
      granularity: series.granularity,
      buckets: series.buckets.map(({ fromMs, toMs, isPartial }, index) => ({
        from: fromMs,
        to: toMs,
        isPartial,
        runs: Number(figuresOf(ofBucket[index] ?? []).runs),
      })),
    };
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
    workflow: resourceNode({ ...row.item, lastActiveAtMs: row.lastActiveAtMs }),
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
    resource: resourceNode({ ...row.item, lastActiveAtMs: row.lastActiveAtMs }),
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

async function hostedTab(
  context: RequestContext,
  view: View,
  kind: HostedKind,
  args: TabArgs,
): Promise<TabConnection<HostedUsageType>> {
  const page = await pageOfTab(context, tabs.hosted, args, () =>
    usageViews(context).hostedRows(view, kind),
  );
  return connectionOf(page, (row) => hostedUsageNode(view, row));
}

interface TabPage<T> {
  readonly all: readonly TabRow<T>[];
  readonly parts: ConnectionParts<TabRow<T>>;
}

async function pageOfTab<T>(
  context: RequestContext,
  tab: Tab,
  args: TabArgs,
  load: () => Promise<readonly TabRow<T>[]>,
): Promise<TabPage<T>> {
  const page = parsePage(args, 25);
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

function connectionOf<T, TNode extends { readonly row: TabRow<T> }>(
  { all, parts }: TabPage<T>,
  nodeOf: (row: TabRow<T>) => TNode,
): TabConnection<TNode> {
  const keyOf = (node: TNode): CursorKey => parts.keyOf(node.row);
  return new TabConnection({ ...parts, nodes: parts.nodes.map(nodeOf), keyOf }, all);
}

async function creditTrend(
  context: RequestContext,
  part: ViewPart,
  args: TrendArgs,
): Promise<CreditTrendType> {
  const { series, ofBucket } = await usageViews(context).trend(part, args.granularity ?? 'AUTO');
  return {
    granularity: series.granularity,
    buckets: series.buckets.map(({ fromMs, toMs, isPartial }, index) => ({
      from: fromMs,
      to: toMs,
      isPartial,
      credits: figuresOf(ofBucket[index] ?? []).creditsMicro,
    })),
  };
}

function bucketFigures(
  sums: readonly Sum[],
): Omit<UsageTrendType['buckets'][number], 'from' | 'to' | 'isPartial'> {
  const categories = groupBy(sums, (sum) => (sum.kind === null ? null : categoryOf(sum.kind)));
  const creditsOf = (category: CreditCategory): bigint =>
    figuresOf(categories.get(category) ?? []).creditsMicro;
  const all = figuresOf(sums);
  return {
    workflowRuns: Number(all.runs),
    credits: all.creditsMicro,
    models: creditsOf('MODELS'),
    guardrails: creditsOf('GUARDRAILS'),
    customScripts: creditsOf('CUSTOM_SCRIPTS'),
    ocr: creditsOf('OCR'),
    browserAutomation: creditsOf('BROWSER_AUTOMATION'),
  };
}

async function hardwareNodes(
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
