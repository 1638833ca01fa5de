// The object types of the usage views, in the contract's words. Resolvers that need loading are in usage.graphql.ts.

import { Field, Float, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { HardwareProfileType } from '../catalogue/catalogue.types.ts';
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
} from './views.ts';
import type { HardwareFigures, View } from './views.service.ts';

registerEnumType(granularities, {
  name: 'Granularity',
  description:
    "Width of a trend bucket, in the range's time zone. Weeks are ISO weeks (Monday). AUTO: HOUR up to 48 elapsed hours, DAY up to 92 calendar days, WEEK up to 550, else MONTH. An hour begins at each local hh:00; where the clock shifts by less than an hour the adjoining bucket is longer or shorter; what has no length is left out.",
});
registerEnumType(creditCategories, { name: 'CreditCategory' });
registerEnumType(creditComponents, { name: 'CreditComponent' });
registerEnumType(usageOrderFields, {
  name: 'UsageOrderField',
  description:
    'Default: RUNS for workflows, else CREDITS; ties by id. A field or filter that a tab lacks is BAD_USER_INPUT.',
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
    'All given conditions hold; an empty list is no condition. search: part of the name, whatever its letter case. hardware: on tabs it selects rows, whose figures stay whole; in a report it restricts the charges.',
})
export class UsageFilter implements UsageFilterRequest {
  @Field(() => String, { nullable: true }) readonly search?: string | null;
  @Field(() => [resourceStatuses], { nullable: true })
  readonly statuses?: readonly ResourceStatus[] | null;
  @Field(() => [String], {
    nullable: 'itemsAndList',
    description: 'null among them stands for resources without an owner.',
  })
  readonly owners?: readonly (string | null)[] | null;
  @Field(() => [String], { nullable: true, description: 'Names of hardware profiles.' })
  readonly hardware?: readonly string[] | null;
  @Field(() => [creditCategories], { nullable: true })
  readonly categories?: readonly CreditCategory[] | null;
}

@ObjectType('DateRange', {
  simpleResolvers: true,
  description: 'The range that an answer covers, resolved to instants.',
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
    'Every usage view of one range. In all of them the rows, the buckets and the totals add up exactly. With neither first nor last: the first 25. A cursor holds the instant and the events as of which its page was computed: the pages after and before it are of that same view.',
})
export class AccountUsageType {
  @Field(() => DateRangeType) readonly range!: DateRangeType;
  readonly view!: View;
}

const PERCENT_USED =
  '100 x used / allocated from the exact values, half up, four decimals; null when `allocated` is not above zero.';

@ObjectType('RunTotals', {
  simpleResolvers: true,
  description:
    'used: within the range. allocated: amounts of the allocations (of a voided one: what was spent of it; those that a reversal made: left out) whose time in effect, [effectiveAt, expiresAt or voidedAt), meets the range. percentUsed: as in CreditBalance.',
})
export class RunTotalsType {
  @Field(() => SafeIntScalar) readonly used!: number;
  @Field(() => SafeIntScalar) readonly allocated!: number;
  @Field(() => Float, { nullable: true, description: PERCENT_USED })
  readonly percentUsed!: number | null;
}

@ObjectType('CategoryUsage', {
  simpleResolvers: true,
  description:
    'percent: share of all credits used in the range, half up, four decimals; 0 when none were.',
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
  @Field(() => Float, { nullable: true, description: PERCENT_USED })
  readonly percentUsed!: number | null;
  @Field(() => [CategoryUsageType], {
    description: 'One entry per category, zero included, in enum order: the slices of the pie.',
  })
  readonly byCategory!: readonly CategoryUsageType[];
  @Field(() => [ComponentUsageType]) readonly byComponent!: readonly ComponentUsageType[];
}

@ObjectType('HardwareUsage', {
  simpleResolvers: true,
  description:
    'time: hosting time summed over resources. replicaTime: the same times replicas, what is charged. peakReplicas: the most replicas running at one instant of the range, over all resources of this view. Hardware adds up to the HOSTING component; largest credits first, then by name.',
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
    'A stretch of hosting at one hardware, replica count and rate: the charge, explained. credits = C(to) - C(from), where C(t) is replicas x creditsPerHour x (t - hostingFrom), rounded down to the micro-credit.',
})
export class HostingSegmentType {
  @Field(() => DateTimeScalar) readonly hostingFrom!: number;
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
  @Field(() => Boolean) readonly running!: boolean;
  @Field(() => Int) readonly replicas!: number;
  @Field(() => CreditsScalar, { description: 'Of one replica.' }) readonly creditsPerHour!: bigint;
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
    'Zero-filled. from, to: the part of the bucket inside the range; isPartial when the range cuts it.',
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
  description: 'Of all rows that the filter matches, not of the page.',
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

/** Figures of all rows, as the API shows them. */
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

/** What connections have whose rows add up. */
@ObjectType()
export class WithTotals {
  @Field(() => UsageTotalsType) readonly totals!: UsageTotalsType;
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

@ObjectType('HostedUsage', {
  simpleResolvers: true,
  description:
    'One hosted resource in one range: the row of its tab, and the panel behind the row. Listed: what was deployed at least once or ever charged; custom scripts: all that were registered.',
})
export class HostedUsageType {
  @Field(() => HostedResourceType) readonly resource!: BillableResourceType;
  @Field(() => DateRangeType) readonly range!: DateRangeType;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => [ComponentUsageType]) readonly components!: readonly ComponentUsageType[];
  @Field(() => DurationScalar, { description: 'Wall-clock hosting time in the range.' })
  readonly time!: number;
  @Field(() => DateTimeScalar, { nullable: true }) readonly lastDeployedOn!: number | null;
  readonly view!: View;
  readonly row!: TabRow<Resource>;
}

@ObjectType('UsageReportRow', {
  simpleResolvers: true,
  description:
    'What a dimension does not apply to stands under null (runs: category; charges of a model: resource). Zero-filled only without dimensions. Order: from, credits descending, then the key.',
})
export class UsageReportRowType {
  @Field(() => DateTimeScalar, { nullable: true }) readonly from!: number | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly to!: number | null;
  @Field(() => creditCategories, { nullable: true }) readonly category!: CreditCategory | null;
  @Field(() => creditComponents, { nullable: true }) readonly component!: CreditComponent | null;
  @Field(() => String, { nullable: true }) readonly owner!: string | null;
  @Field(() => SafeIntScalar) readonly runs!: number;
  @Field(() => SafeIntScalar, {
    description: "Sum of the events' quantities (pages, tokens), runs left out.",
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
