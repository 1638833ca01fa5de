// The free-form report of a view.

import type { BucketSeries, Granularity } from '../account/range.ts';
import type { RequestContext } from '../graphql/context.ts';
import { type Model, resourceKinds } from '../resources/resource.ts';
import { modelsLoader, resourcesLoader } from './listed.loaders.ts';
import {
  chargeOf,
  meetsFilter,
  reportRows,
  type Charge,
  type ReportRow,
  type UsageDimension,
} from './report.ts';
import { byUnit } from './sums.ts';
import type { UsageFilterRequest } from './tabs.ts';
import { unitSumsLoader } from './units.loaders.ts';
import { accountOf, edgesOf, type View } from './view.ts';
import type { UsageViews } from './views.service.ts';

export class UsageReports {
  constructor(
    private readonly context: RequestContext,
    private readonly views: UsageViews,
  ) {}

  /** The rows of a report and the buckets that their cells number; null buckets without a granularity. */
  async report(
    view: View,
    request: {
      readonly groupBy: ReadonlySet<UsageDimension>;
      readonly granularity: Granularity | null;
      readonly filter: UsageFilterRequest;
    },
  ): Promise<{ readonly rows: readonly ReportRow[]; readonly series: BucketSeries | null }> {
    const { groupBy, granularity, filter } = request;
    const series = granularity === null ? null : this.views.buckets(view.range, granularity);
    const edgesMs = edgesOf(view.range, series);
    const charges = await this.charges(view, edgesMs, groupBy);
    const hardwareIds = await this.views.hardwareIds(filter);
    const met = charges.filter((charge) => meetsFilter(charge, filter, hardwareIds));
    return { rows: reportRows(met, groupBy, edgesMs.length - 1), series };
  }

  private async charges(
    view: View,
    edgesMs: readonly number[],
    groupBy: ReadonlySet<UsageDimension>,
  ): Promise<readonly Charge[]> {
    const of = accountOf(view);
    const [sums, inUnits, models, ...resources] = await Promise.all([
      this.views.resourceSums(view, edgesMs, null),
      groupBy.has('UNIT') ? unitSumsLoader(this.context).load({ ...of, edgesMs }) : [],
      modelsLoader(this.context).load(of),
      ...Object.values(resourceKinds).map((kind) =>
        resourcesLoader(this.context).load({ ...of, kind }),
      ),
    ]);
    const resourceOf = new Map(resources.flat().map((one) => [one.resourceId, one]));
    const modelOf = new Map<number | null, Model>(models.map((model) => [model.modelId, model]));
    return byUnit(sums, inUnits).map((sum) => {
      const resource = resourceOf.get(sum.subjectId) ?? null;
      const modelId = resource === null ? sum.subjectId : resource.modelId;
      return chargeOf(sum, { resource, model: modelOf.get(modelId) ?? null });
    });
  }
}
