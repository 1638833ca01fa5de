import {
  Ctx,
  Field,
  FieldResolver,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { type Projection, readProjection } from './projection.loaders.ts';
import type { ProjectedDay, UnitProjection } from './projection.ts';

const projectionGaps = { TOO_LITTLE_HISTORY: 'TOO_LITTLE_HISTORY' } as const;
type ProjectionGap = keyof typeof projectionGaps;

registerEnumType(projectionGaps, {
  name: 'ProjectionGap',
  description: 'Why a projection lacks what it expects of events.',
  valuesConfig: {
    TOO_LITTLE_HISTORY: {
      description:
        'Events began less than 28 whole days ago. They count from the day of the first workflow run or charged event; while there is none, from the day on which the account was created.',
    },
  },
});

@ObjectType('CreditProjection', {
  simpleResolvers: true,
  description:
    'Credits used by the end of the running cycle: used + hosting + events, where each event day to come is expected as the same weekday of the last four weeks.',
})
class CreditProjectionType {
  @Field(() => CreditsScalar, { description: 'So far: the `used` of Account.credits.' })
  readonly used!: bigint;
  @Field(() => CreditsScalar, {
    description: 'What events use from now on: the mean of the last four weeks.',
  })
  readonly events!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'used + hosting + events, rounded half up to six decimals, once. It equals `used` and the credits of all days.',
  })
  readonly expected!: bigint;
  @Field(() => CreditsScalar, {
    description: 'As `expected`, if the events to come are those of the week that gives the least.',
  })
  readonly low!: bigint;
  @Field(() => CreditsScalar, {
    description: 'As `expected`, if the events to come are those of the week that gives the most.',
  })
  readonly high!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'What the cycle will have had to spend: the `allocated` of Account.credits with every scheduled grant and expiry before the end. What expires with the cycle is still in it.',
  })
  readonly allocated!: bigint;
  @Field(() => CreditsScalar, {
    description: 'allocated - expected: what is left as the cycle ends. Negative in debt.',
  })
  readonly remaining!: bigint;
}

@ObjectType('RunProjection', {
  simpleResolvers: true,
  description:
    'Workflow runs by the end of the running cycle, in whole runs; the fields are those of CreditProjection.',
})
class RunProjectionType {
  @Field(() => SafeIntScalar, { description: 'So far: the `used` of Account.workflowRuns.' })
  readonly used!: number;
  @Field(() => SafeIntScalar, {
    description: 'The mean of the last four weeks is rounded half up, once.',
  })
  readonly expected!: number;
  @Field(() => SafeIntScalar) readonly low!: number;
  @Field(() => SafeIntScalar) readonly high!: number;
  @Field(() => SafeIntScalar) readonly allocated!: number;
  @Field(() => SafeIntScalar, { description: 'Negative in debt.' })
  readonly remaining!: number;
}

@ObjectType('ProjectionDay', {
  simpleResolvers: true,
  description:
    "A local day to come, in the account's zone; the first is what remains of today. With `used`, the days add up to `expected`.",
})
class ProjectionDayType {
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar, { description: 'Exclusive.' }) readonly to!: number;
  @Field(() => CreditsScalar, { description: 'Of hosting and events.' })
  readonly credits!: bigint;
  @Field(() => CreditsScalar, { description: 'The part of hosting in `credits`.' })
  readonly hosting!: bigint;
  @Field(() => SafeIntScalar) readonly workflowRuns!: number;
}

@ObjectType('CycleProjection', {
  simpleResolvers: true,
  description:
    'What the running billing cycle will have used when it ends. Hosting is exact, if what runs now goes on: the forecast of `stopsAt`, with every scheduled rate, the stop and the grants that move it. Events are expected as in the last four weeks; they do not bring the stop forward.',
})
class CycleProjectionType {
  @Field(() => DateTimeScalar, {
    description: 'Now; for a test account, the instant of its test clock.',
  })
  readonly asOf!: number;
  @Field(() => DateTimeScalar, { description: 'The end of the running cycle, exclusive.' })
  readonly endsAt!: number;
  @Field(() => CreditsScalar, {
    description: 'What running deployments will cost from `asOf` to `endsAt`, exact.',
  })
  readonly hosting!: bigint;
  @Field(() => projectionGaps, {
    nullable: true,
    description:
      'Why `expectedCredits` and `workflowRuns` are null and `days` is empty; null when they are not.',
  })
  readonly gap!: ProjectionGap | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When there will be enough history; null when there is.',
  })
  readonly availableFrom!: number | null;
  @Field(() => CreditProjectionType, { nullable: true })
  readonly expectedCredits!: CreditProjectionType | null;
  @Field(() => RunProjectionType, { nullable: true })
  readonly workflowRuns!: RunProjectionType | null;
  @Field(() => [ProjectionDayType], { description: 'From `asOf` to `endsAt`, without gaps.' })
  readonly days!: readonly ProjectionDayType[];
}

@Resolver(() => AccountType)
export class AccountProjectionResolver {
  @Cost(50)
  @Needs('READ_USAGE')
  @FieldResolver(() => CycleProjectionType, {
    description: 'What the running billing cycle will have used when it ends, as expected.',
  })
  async projection(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<CycleProjectionType> {
    return projectionNode(await readProjection(context, account));
  }
}

function projectionNode({
  state,
  ahead,
  availableFromMs,
  events,
}: Projection): CycleProjectionType {
  return {
    asOf: state.atMs,
    endsAt: state.cycle.endMs,
    hosting: ahead.hostingMicro,
    gap: events === null ? 'TOO_LITTLE_HISTORY' : null,
    availableFrom: events === null ? availableFromMs : null,
    expectedCredits: events === null ? null : events.credits,
    workflowRuns: events === null ? null : runsNode(events.runs),
    days: events === null ? [] : events.days.map(dayNode),
  };
}

function runsNode(runs: UnitProjection): RunProjectionType {
  return {
    used: Number(runs.used),
    expected: Number(runs.expected),
    low: Number(runs.low),
    high: Number(runs.high),
    allocated: Number(runs.allocated),
    remaining: Number(runs.remaining),
  };
}

function dayNode({
  fromMs,
  toMs,
  creditsMicro,
  hostingMicro,
  runs,
}: ProjectedDay): ProjectionDayType {
  return {
    from: fromMs,
    to: toMs,
    credits: creditsMicro,
    hosting: hostingMicro,
    workflowRuns: Number(runs),
  };
}
