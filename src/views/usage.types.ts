// The object types of the usage views. Resolvers that load something are in usage.graphql.ts.

import { Field, Float, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { HardwareProfileType } from '../catalogue/catalogue.types.ts';
import { Cost } from '../graphql/field-extensions.ts';
import { connectionType } from '../graphql/page.ts';
import {
  CreditsScalar,
  DateTimeScalar,
  DurationScalar,
  SafeIntScalar,
  TimeZoneScalar,
} from '../graphql/scalars.ts';
import {
  type Model,
  type ModelType,
  modelTypes,
  type Resource,
  type ResourceStatus,
  resourceStatuses,
} from '../resources/resource.ts';
import {
  type BillableResourceType,
  HostedResourceType,
  ModelObject,
  WorkflowType,
} from '../resources/resources.types.ts';
import { orderDirections, type OrderDirection } from '../core/cursor.ts';
import {
  type DateRangePreset,
  dateRangePresets,
  granularities,
  type Granularity,
  type ResolvedRange,
} from '../account/range.ts';
import { usageDimensions, type ReportRow } from './report.ts';
import {
  usageOrderFields,
  type TabRow,
  type UsageFilterRequest,
  type UsageOrderField,
  type UsageOrderRequest,
} from './tabs.ts';
import {
  creditCategories,
  creditComponents,
  type CreditCategory,
  type CreditComponent,
  type Figures,
} from './sums.ts';
import type { HardwareFigures, View } from './view.ts';

registerEnumType(granularities, {
  name: 'Granularity',
  description:
    "Width of a trend bucket, in the range's time zone. Weeks are ISO weeks and start on Monday. AUTO chooses HOUR up to 48 elapsed hours, DAY up to 92 calendar days, WEEK up to 550 days, otherwise MONTH. An hour starts at each local hh:00. Where a time change is shorter than an hour, the adjacent bucket is longer or shorter; buckets without length are left out.",
});
registerEnumType(creditCategories, { name: 'CreditCategory' });
registerEnumType(creditComponents, { name: 'CreditComponent' });
registerEnumType(usageOrderFields, {
  name: 'UsageOrderField',
  description:
    'Default: RUNS for workflows, otherwise CREDITS. Rows with equal values are ordered by id. A field or filter that a tab does not have is BAD_USER_INPUT.',
});
registerEnumType(orderDirections, { name: 'OrderDirection' });
registerEnumType(usageDimensions, { name: 'UsageDimension' });

@InputType('UsageOrder')
export class UsageOrder implements UsageOrderRequest {
  @Field(() => usageOrderFields) readonly field!: UsageOrderField;
  @Field(() => orderDirections, { nullable: true, defaultValue: 'DESC' })
  readonly direction?: OrderDirection | null;
}

@InputType('UsageFilter', {
  description:
    'Conditions combine with AND; an empty list is no condition. `search` is a part of the name and ignores letter case. `hardware` selects rows on tabs, whose figures remain complete; in a report it restricts the charges. Each tab has some of the conditions: the models tab has `modelTypes`, the custom scripts tab `languages`, the report all.',
})
export class UsageFilter implements UsageFilterRequest {
  @Field(() => String, { nullable: true }) readonly search?: string | null;
  @Field(() => [resourceStatuses], { nullable: true })
  readonly statuses?: readonly ResourceStatus[] | null;
  @Field(() => [String], {
    nullable: 'itemsAndList',
    description: 'A null in the list selects resources without an owner.',
  })
  readonly owners?: readonly (string | null)[] | null;
  @Field(() => [String], { nullable: true, description: 'Names of hardware profiles.' })
  readonly hardware?: readonly string[] | null;
  @Field(() => [creditCategories], { nullable: true })
  readonly categories?: readonly CreditCategory[] | null;
  @Field(() => [modelTypes], {
    nullable: true,
    description: 'In a report: the charges of models of these types and of their deployments.',
  })
  readonly modelTypes?: readonly ModelType[] | null;
  @Field(() => [String], {
    nullable: true,
    description:
      'Languages of custom scripts, as they were registered; letter case does not matter.',
  })
  readonly languages?: readonly string[] | null;
}

@ObjectType('DateRange', {
  simpleResolvers: true,
  description: 'The range of an answer, resolved to instants.',
})
export class DateRangeType {
  @Field(() => dateRangePresets, { nullable: true }) readonly preset!: DateRangePreset | null;
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
  @Field(() => TimeZoneScalar) readonly timeZone!: string;
}

/** A range as the API shows it. */
export function rangeNode(range: ResolvedRange): DateRangeType {
  return { preset: range.preset, from: range.fromMs, to: range.toMs, timeZone: range.timeZone };
}

@ObjectType('AccountUsage', {
  simpleResolvers: true,
  description:
    'All usage views of one range. In every view, rows, buckets and totals add up exactly. Without `first` or `last`: the first 25. A cursor fixes the instant and the events of its page, so all pages that are reached by cursors show the same view, whatever happens meanwhile.',
})
export class AccountUsageType {
  @Field(() => DateRangeType) readonly range!: DateRangeType;
  readonly view!: View;
}

const PERCENT_USED =
  '100 × used / allocated, from exact values, rounded half up to four decimals. Null when `allocated` is not above zero.';
const ALLOCATIONS =
  'How many allocations `allocated` adds up. A grant of every cycle is one allocation in each cycle.';

@ObjectType('RunTotals', {
  simpleResolvers: true,
  description:
    '`used` is the usage within the range. `allocated` is the sum of the allocations whose time in effect, [effectiveAt, expiresAt or voidedAt), overlaps the range; a voided allocation counts with what was spent of it, and allocations made by reversals do not count.',
})
export class RunTotalsType {
  @Field(() => SafeIntScalar) readonly used!: number;
  @Field(() => SafeIntScalar) readonly allocated!: number;
  @Field(() => Int, { description: ALLOCATIONS }) readonly allocations!: number;
  @Field(() => Float, { nullable: true, description: PERCENT_USED })
  readonly percentUsed!: number | null;
}

@ObjectType('CategoryUsage', {
  simpleResolvers: true,
  description:
    '`percent` is the share of all credits used in the range, rounded half up to four decimals; 0 when none were used.',
})
export class CategoryUsageType {
  @Field(() => creditCategories) readonly category!: CreditCategory;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => Float) readonly percent!: number;
}

@ObjectType('ComponentUsage', { simpleResolvers: true })
export class ComponentUsageType {
  @Field(() => creditComponents) readonly component!: CreditComponent;
  @Field(() => CreditsScalar) readonly credits!: bigint;
}

@ObjectType('CreditTotals', { simpleResolvers: true })
export class CreditTotalsType {
  @Field(() => CreditsScalar) readonly used!: bigint;
  @Field(() => CreditsScalar) readonly allocated!: bigint;
  @Field(() => Int, { description: ALLOCATIONS }) readonly allocations!: number;
  @Field(() => Float, { nullable: true, description: PERCENT_USED })
  readonly percentUsed!: number | null;
  @Field(() => [CategoryUsageType], {
    description:
      'One entry for each category, also where it is zero, in the order of the enum. For a pie chart.',
  })
  readonly byCategory!: readonly CategoryUsageType[];
  @Field(() => [ComponentUsageType]) readonly byComponent!: readonly ComponentUsageType[];
}

@ObjectType('HardwareUsage', {
  simpleResolvers: true,
  description:
    '`time` is hosting time summed over resources. `replicaTime` is that time multiplied by replicas, which is what is charged. `peakReplicas` is the largest number of replicas that ran at one instant of the range, over all resources of the view. All hardware adds up to the component HOSTING. Most credits first, then by name.',
})
export class HardwareUsageType {
  @Field(() => HardwareProfileType) readonly hardware!: HardwareProfileType;
  @Field(() => DurationScalar) readonly time!: number;
  @Field(() => DurationScalar) readonly replicaTime!: number;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  readonly of!: HardwareFigures;
}

@ObjectType('HostingSegment', {
  simpleResolvers: true,
  description:
    'A period of hosting on one hardware profile, with one number of replicas and one rate. It explains the charge: credits = C(to) - C(from), where C(t) = replicas × creditsPerHour × (t - hostingFrom), rounded down to a millionth of a credit.',
})
export class HostingSegmentType {
  @Field(() => DateTimeScalar) readonly hostingFrom!: number;
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
  @Field(() => Boolean) readonly running!: boolean;
  @Field(() => Int) readonly replicas!: number;
  @Field(() => CreditsScalar, { description: 'Credits an hour for one replica.' })
  readonly creditsPerHour!: bigint;
  @Field(() => DurationScalar) readonly time!: number;
  @Field(() => DurationScalar) readonly replicaTime!: number;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  readonly address!: { readonly accountId: number; readonly resourceId: number };
  readonly segmentId!: number;
  readonly eventSeq!: number | null;
}
export const HostingSegmentConnection = connectionType('HostingSegment', () => HostingSegmentType);

@ObjectType('UsageBucket', {
  simpleResolvers: true,
  description:
    'Buckets without usage are included, with zeros. `from` and `to` are the part of the bucket inside the range; `isPartial` says that the range cuts the bucket.',
})
export class UsageBucketType {
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
  @Field(() => Boolean) readonly isPartial!: boolean;
  @Field(() => SafeIntScalar) readonly workflowRuns!: number;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => CreditsScalar) readonly models!: bigint;
  @Field(() => CreditsScalar) readonly guardrails!: bigint;
  @Field(() => CreditsScalar) readonly customScripts!: bigint;
  @Field(() => CreditsScalar) readonly ocr!: bigint;
  @Field(() => CreditsScalar) readonly browserAutomation!: bigint;
}

@ObjectType('UsageTrend', { simpleResolvers: true })
export class UsageTrendType {
  @Field(() => granularities) readonly granularity!: Granularity;
  @Field(() => [UsageBucketType]) readonly buckets!: readonly UsageBucketType[];
}

@ObjectType('RunBucket', { simpleResolvers: true })
export class RunBucketType {
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
  @Field(() => Boolean) readonly isPartial!: boolean;
  @Field(() => SafeIntScalar) readonly runs!: number;
}

@ObjectType('RunTrend', { simpleResolvers: true })
export class RunTrendType {
  @Field(() => granularities) readonly granularity!: Granularity;
  @Field(() => [RunBucketType]) readonly buckets!: readonly RunBucketType[];
}

@ObjectType('CreditBucket', { simpleResolvers: true })
export class CreditBucketType {
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
  @Field(() => Boolean) readonly isPartial!: boolean;
  @Field(() => CreditsScalar) readonly credits!: bigint;
}

@ObjectType('CreditTrend', { simpleResolvers: true })
export class CreditTrendType {
  @Field(() => granularities) readonly granularity!: Granularity;
  @Field(() => [CreditBucketType]) readonly buckets!: readonly CreditBucketType[];
}

@ObjectType('UsageTotals', {
  simpleResolvers: true,
  description: 'Totals over all rows that the filter matches, not only those of the page.',
})
export class UsageTotalsType {
  @Field(() => Int) readonly count!: number;
  @Field(() => SafeIntScalar) readonly runs!: number;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => DurationScalar) readonly hostingTime!: number;
  @Field(() => CreditsScalar) readonly fineTuningCredits!: bigint;
  @Field(() => CreditsScalar) readonly hostingCredits!: bigint;
  @Field(() => CreditsScalar) readonly storageCredits!: bigint;
  @Field(() => CreditsScalar) readonly processingCredits!: bigint;
}

/** The figures of all rows, as the API shows them. */
export function totalsNode(count: number, figures: Figures): UsageTotalsType {
  return {
    count,
    runs: Number(figures.runs),
    credits: figures.creditsMicro,
    hostingTime: Number(figures.hostingMs),
    fineTuningCredits: figures.components.FINE_TUNING,
    hostingCredits: figures.components.HOSTING,
    storageCredits: figures.components.STORAGE,
    processingCredits: figures.components.PROCESSING,
  };
}

/** The fields of connections whose rows add up. */
@ObjectType()
export class WithTotals {
  @Cost(1)
  @Field(() => UsageTotalsType)
  readonly totals!: UsageTotalsType;
}

@ObjectType('WorkflowUsage', { simpleResolvers: true })
export class WorkflowUsageType {
  @Field(() => WorkflowType) readonly workflow!: WorkflowType;
  @Field(() => DateRangeType) readonly range!: DateRangeType;
  @Field(() => SafeIntScalar) readonly runs!: number;
  @Field(() => DateTimeScalar, { nullable: true }) readonly lastActiveOn!: number | null;
  readonly view!: View;
  readonly row!: TabRow<Resource>;
}

@ObjectType('ModelUsage', { simpleResolvers: true })
export class ModelUsageType {
  @Field(() => ModelObject) readonly model!: ModelObject;
  @Field(() => DateRangeType) readonly range!: DateRangeType;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => DurationScalar) readonly time!: number;
  @Field(() => CreditsScalar) readonly fineTuningCredits!: bigint;
  @Field(() => CreditsScalar) readonly hostingCredits!: bigint;
  @Field(() => CreditsScalar) readonly storageCredits!: bigint;
  @Field(() => CreditsScalar) readonly processingCredits!: bigint;
  @Field(() => DateTimeScalar, { nullable: true }) readonly lastDeployedOn!: number | null;
  readonly view!: View;
  readonly row!: TabRow<Model>;
}

@ObjectType('UnitQuantity', {
  simpleResolvers: true,
  description: 'How much was processed in one unit; null: recorded without a unit.',
})
export class UnitQuantityType {
  @Field(() => String, { nullable: true }) readonly unit!: string | null;
  @Field(() => SafeIntScalar) readonly quantity!: number;
  @Field(() => CreditsScalar) readonly credits!: bigint;
}

@ObjectType('HostedUsage', {
  simpleResolvers: true,
  description:
    'One hosted resource in one range: a row of its tab, and the details behind the row. A tab lists resources that were deployed at least once or ever charged; the custom scripts tab lists all that are registered.',
})
export class HostedUsageType {
  @Field(() => HostedResourceType) readonly resource!: BillableResourceType;
  @Field(() => DateRangeType) readonly range!: DateRangeType;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => [ComponentUsageType]) readonly components!: readonly ComponentUsageType[];
  @Field(() => DurationScalar, { description: 'Hosting time in the range.' })
  readonly time!: number;
  @Field(() => DateTimeScalar, { nullable: true }) readonly lastDeployedOn!: number | null;
  readonly view!: View;
  readonly row!: TabRow<Resource>;
}

@ObjectType('UsageReportRow', {
  simpleResolvers: true,
  description:
    "Usage that a dimension does not apply to has null there: runs have no category, a model's own charges no resource. Buckets without usage are included only in reports without dimensions. Ordered by `from`, then credits (most first), then the dimensions.",
})
export class UsageReportRowType {
  @Field(() => DateTimeScalar, { nullable: true }) readonly from!: number | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly to!: number | null;
  @Field(() => creditCategories, { nullable: true }) readonly category!: CreditCategory | null;
  @Field(() => creditComponents, { nullable: true }) readonly component!: CreditComponent | null;
  @Field(() => String, { nullable: true }) readonly owner!: string | null;
  @Field(() => String, {
    nullable: true,
    description:
      'What `quantity` counts, in a report by UNIT; null for usage without a unit, such as hosting.',
  })
  readonly unit!: string | null;
  @Field(() => SafeIntScalar) readonly runs!: number;
  @Field(() => SafeIntScalar, {
    description:
      "Sum of the events' quantities, such as pages or tokens; without runs. A row by UNIT counts in one unit.",
  })
  readonly quantity!: number;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => DurationScalar) readonly time!: number;
  @Field(() => DurationScalar) readonly replicaTime!: number;
  readonly accountId!: number;
  readonly row!: ReportRow;
}

export const UsageReportConnection = connectionType('UsageReport', () => UsageReportRowType, {
  base: WithTotals,
});
