import { Args, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { groupBy } from '../core/group.ts';
import type { RequestContext } from '../graphql/context.ts';
import { previousRange, type ResolvedRange, resolveRangeAt } from '../account/range.ts';
import {
  connectionOf,
  hardwareNodes,
  HostedUsageConnection,
  hostedUsageNode,
  LAST_30_DAYS,
  ModelUsageConnection,
  modelUsageNode,
  pageOfTab,
  TabArgs,
  type TabConnection,
  TrendArgs,
  UsageArgs,
  trendOf,
  usageViews,
  WorkflowUsageConnection,
  workflowUsageNode,
} from './rows.graphql.ts';
import { tabs } from './tabs.ts';
import {
  AccountUsageType,
  CreditTotalsType,
  HardwareUsageType,
  type HostedUsageType,
  type ModelUsageType,
  rangeNode,
  RunTotalsType,
  UsageTrendType,
  type WorkflowUsageType,
} from './usage.types.ts';
import { categoryOf, figuresOf, type CreditCategory, type Sum } from './sums.ts';
import { type HostedKind } from './views.service.ts';
import { type View, viewOf } from './view.ts';
import { Cost, costOfBuckets, Needs } from '../graphql/field-extensions.ts';

@Resolver(() => AccountType)
export class AccountUsageFieldResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => AccountUsageType, {
    description: 'All usage views of one date range. A view is computed only if it is selected.',
  })
  usage(
    @Root() node: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => UsageArgs) args: UsageArgs,
  ): AccountUsageType {
    const { account } = node;
    return usageNode(
      viewOf(account, context.nowMs, (nowMs) =>
        resolveRangeAt(args.range ?? LAST_30_DAYS, account, nowMs),
      ),
    );
  }
}

function usageNode(view: View): AccountUsageType {
  return { range: rangeNode(view.range), view };
}

@Resolver(() => AccountUsageType)
export class AccountUsageResolver {
  @Cost(2)
  @FieldResolver(() => AccountUsageType, {
    description:
      'The same views of the preceding range. LAST_n_DAYS: both ends move back n calendar days, at the same local time. Ranges of whole local months move back as many months; other ranges of whole local days, as many days. CURRENT_CYCLE: the previous cycle, up to the same number of calendar days and the same local time after its start, at most to its end. PREVIOUS_CYCLE: the cycle before that. All other ranges move back by their length.',
  })
  previous(@Root() { view }: AccountUsageType): AccountUsageType {
    const rangeAt = (nowMs: number): ResolvedRange => previousRange(view.rangeAt(nowMs));
    return usageNode({ ...view, range: previousRange(view.range), rangeAt });
  }

  @Cost(5)
  @FieldResolver(() => RunTotalsType)
  async workflowRuns(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
  ): Promise<RunTotalsType> {
    const { used, allocated, ...totals } = await usageViews(context).runTotals(view);
    return { ...totals, used: Number(used), allocated: Number(allocated) };
  }

  @Cost(5)
  @FieldResolver(() => CreditTotalsType)
  async credits(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
  ): Promise<CreditTotalsType> {
    return usageViews(context).creditTotals(view);
  }

  @Cost(0, { ofArguments: costOfBuckets })
  @FieldResolver(() => UsageTrendType)
  async trend(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TrendArgs) args: TrendArgs,
  ): Promise<UsageTrendType> {
    return trendOf(context, { ...view, subjectIds: null }, args, bucketFigures);
  }

  @Cost(5)
  @FieldResolver(() => [HardwareUsageType], {
    description: 'Hosting of all categories by hardware, most credits first.',
  })
  async hardware(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
  ): Promise<readonly HardwareUsageType[]> {
    return hardwareNodes(context, await usageViews(context).hardware(view));
  }

  @Cost(30, { items: 25 })
  @FieldResolver(() => WorkflowUsageConnection)
  async workflows(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<WorkflowUsageType>> {
    const list = { name: ['workflows'], tab: tabs.workflows, view };
    const page = await pageOfTab(context, list, args, (of) => usageViews(context).workflowRows(of));
    return connectionOf(page, workflowUsageNode);
  }

  @Cost(30, { items: 25 })
  @FieldResolver(() => ModelUsageConnection)
  async models(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<ModelUsageType>> {
    const list = { name: ['models'], tab: tabs.models, view };
    const page = await pageOfTab(context, list, args, (of) =>
      usageViews(context).modelRows(of, null),
    );
    return connectionOf(page, modelUsageNode);
  }

  @Cost(30, { items: 25 })
  @FieldResolver(() => HostedUsageConnection)
  async guardrails(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'GUARDRAIL', args);
  }

  @Cost(30, { items: 25 })
  @FieldResolver(() => HostedUsageConnection)
  async customScripts(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'CUSTOM_SCRIPT', args);
  }

  @Cost(30, { items: 25 })
  @FieldResolver(() => HostedUsageConnection)
  async ocrDeployments(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'OCR_DEPLOYMENT', args);
  }

  @Cost(30, { items: 25 })
  @FieldResolver(() => HostedUsageConnection)
  async browserPods(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Args(() => TabArgs) args: TabArgs,
  ): Promise<TabConnection<HostedUsageType>> {
    return hostedTab(context, view, 'BROWSER_POD', args);
  }
}

const tabOf = {
  MODEL_DEPLOYMENT: 'deployments',
  GUARDRAIL: 'guardrails',
  CUSTOM_SCRIPT: 'customScripts',
  OCR_DEPLOYMENT: 'ocrDeployments',
  BROWSER_POD: 'browserPods',
} as const satisfies Readonly<Record<HostedKind, keyof typeof tabs>>;

async function hostedTab(
  context: RequestContext,
  view: View,
  kind: HostedKind,
  args: TabArgs,
): Promise<TabConnection<HostedUsageType>> {
  const list = { name: [kind], tab: tabs[tabOf[kind]], view };
  const page = await pageOfTab(context, list, args, (of) =>
    usageViews(context).hostedRows(of, kind),
  );
  return connectionOf(page, hostedUsageNode);
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
