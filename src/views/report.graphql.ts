import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, Resolver, Root } from 'type-graphql';
import { hardwareLoader } from '../catalogue/catalogue.loaders.ts';
import { HardwareProfileType } from '../catalogue/catalogue.types.ts';
import type { RequestContext } from '../graphql/context.ts';
import {
  Connection,
  Page100,
  pageOfList,
  type ConnectionParts,
  wrongCursor,
} from '../graphql/page.ts';
import { modelLoader, resourceLoader } from '../resources/resources.loaders.ts';
import { BillableResourceType, ModelObject } from '../resources/resources.types.ts';
import { granularities, type BucketSeries, type Granularity } from '../account/range.ts';
import {
  compareReportKeys,
  isReportKey,
  reportKey,
  usageDimensions,
  type ReportRow,
  type UsageDimension,
} from './report.ts';
import { openViewPage } from './pages.graphql.ts';
import { usageViews } from './rows.graphql.ts';
import { UsageReports } from './report.service.ts';
import { filterKey } from './tabs.ts';
import {
  AccountUsageType,
  totalsNode,
  UsageFilter,
  UsageReportConnection,
  UsageReportRowType,
  type UsageTotalsType,
} from './usage.types.ts';
import { addFigures } from './sums.ts';
import { Cost, costOfBuckets } from '../graphql/field-extensions.ts';

@ArgsType()
class ReportArgs extends Page100 {
  @Field(() => granularities, { nullable: true }) readonly granularity?: Granularity | null;
  @Field(() => UsageFilter, { nullable: true }) readonly filter?: UsageFilter | null;
}

class ReportConnection extends Connection<UsageReportRowType> {
  constructor(
    parts: ConnectionParts<UsageReportRowType>,
    private readonly rows: readonly ReportRow[],
  ) {
    super(parts);
  }

  get totals(): UsageTotalsType {
    return totalsNode(this.rows.length, addFigures(this.rows.map((row) => row.figures)));
  }
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 1;
}

@Resolver(() => AccountUsageType)
export class ReportResolver {
  @Cost(50, {
    ofArguments: (valueOf) => costOfBuckets(valueOf) + 25 * lengthOf(valueOf('groupBy')),
  })
  @FieldResolver(() => UsageReportConnection, {
    description:
      'A report by any dimensions and any bucket width. Without a granularity the rows have no bucket: `from` and `to` are null.',
  })
  async report(
    @Root() { view }: AccountUsageType,
    @Ctx() context: RequestContext,
    @Arg('groupBy', () => [usageDimensions]) groupBy: readonly UsageDimension[],
    @Args(() => ReportArgs) args: ReportArgs,
  ): Promise<Connection<UsageReportRowType>> {
    const dimensions = new Set(groupBy);
    const filter = args.filter ?? {};
    const granularity = args.granularity ?? null;
    const page = openViewPage({
      view,
      list: ['report', [...dimensions].sort(), granularity, filterKey(filter)],
      args,
      defaultFirst: 100,
    });
    const { request, view: of } = page;
    if (request.after !== null && !isReportKey(request.after)) throw wrongCursor(['after']);
    const views = usageViews(context);
    const [{ rows, series }, asOf] = await Promise.all([
      new UsageReports(context, views).report(of, { groupBy: dimensions, granularity, filter }),
      views.asOf(of),
    ]);
    const parts = pageOfList(rows, request, { keyOf: reportKey, compare: compareReportKeys });
    const { accountId } = view.account;
    return new ReportConnection(
      {
        ...parts,
        nodes: parts.nodes.map((row) => reportNode(row, accountId, series)),
        keyOf: (node) => reportKey(node.row),
        mark: page.markAt(asOf),
      },
      rows,
    );
  }
}

@Resolver(() => UsageReportRowType)
export class ReportRowResolver {
  @Cost(1)
  @FieldResolver(() => BillableResourceType, { nullable: true })
  async resource(
    @Root() { accountId, row }: UsageReportRowType,
    @Ctx() context: RequestContext,
  ): Promise<BillableResourceType | null> {
    const { resourceId } = row;
    return resourceId === null ? null : resourceLoader(context).load({ accountId, resourceId });
  }

  @Cost(1)
  @FieldResolver(() => ModelObject, { nullable: true })
  async model(
    @Root() { accountId, row }: UsageReportRowType,
    @Ctx() context: RequestContext,
  ): Promise<ModelObject | null> {
    const { modelId } = row;
    return modelId === null ? null : modelLoader(context).load({ accountId, modelId });
  }

  @Cost(1)
  @FieldResolver(() => HardwareProfileType, { nullable: true })
  async hardware(
    @Root() { row }: UsageReportRowType,
    @Ctx() context: RequestContext,
  ): Promise<HardwareProfileType | null> {
    return row.hardwareId === null ? null : hardwareLoader(context).load(row.hardwareId);
  }
}

function reportNode(
  row: ReportRow,
  accountId: number,
  series: BucketSeries | null,
): UsageReportRowType {
  const bucket = series?.buckets[row.cell];
  return {
    from: bucket?.fromMs ?? null,
    to: bucket?.toMs ?? null,
    category: row.category,
    component: row.component,
    owner: row.owner,
    unit: row.unit,
    runs: Number(row.figures.runs),
    quantity: Number(row.figures.quantity),
    credits: row.figures.creditsMicro,
    time: Number(row.figures.hostingMs),
    replicaTime: Number(row.figures.replicaMs),
    accountId,
    row,
  };
}
