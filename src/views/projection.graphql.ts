import { Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { isoInstant } from '../core/range.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { type Projection, readProjection } from './projection.loaders.ts';
import { type Ahead, type EventProjection, HISTORY_DAYS, type ProjectedDay } from './projection.ts';

@ObjectType('ProjectionDay', {
  simpleResolvers: true,
  description:
    "A local day to come, in the account's zone; the first is what remains of today. With the `used` of Account.credits, the days add up to `credits`.",
})
class ProjectionDayType {
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar, { description: 'Exclusive.' }) readonly to!: number;
  @Field(() => CreditsScalar, { description: 'Of hosting and events.' })
  readonly credits!: bigint;
  @Field(() => CreditsScalar, { description: 'The part of hosting in `credits`.' })
  readonly hosting!: bigint;
  @Field(() => SafeIntScalar) readonly runs!: number;
}

@ObjectType('CycleProjection', {
  simpleResolvers: true,
  description:
    'What the running billing cycle will have used when it ends. Hosting is exact, if what runs now goes on: the forecast of `stopsAt`, with every scheduled rate, the stop and the grants that move it. Events are expected as on the same weekdays of the last 28 days; they do not bring the stop forward. Where there is too little history, what is expected is null, with a reason.',
})
class CycleProjectionType {
  @Field(() => DateTimeScalar, {
    description: 'Now; for a test account, the instant of its test clock.',
  })
  readonly asOf!: number;
  @Field(() => DateTimeScalar, { description: 'The end of the running cycle, exclusive.' })
  readonly endsAt!: number;
  @Field(() => CreditsScalar, {
    nullable: true,
    description:
      'The `used` of Account.credits + hosting + what events are expected to use: the mean of the last four weeks. Rounded half up to six decimals, once.',
  })
  readonly credits!: bigint | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'As `credits`, if the events to come are those of the week that gives the least.',
  })
  readonly lowCredits!: bigint | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'As `credits`, if the events to come are those of the week that gives the most.',
  })
  readonly highCredits!: bigint | null;
  @Field(() => CreditsScalar, {
    description:
      'What the cycle will have had to spend: the `allocated` of Account.credits with every scheduled grant and expiry before the end. What expires with the cycle is still in it.',
  })
  readonly allocatedCredits!: bigint;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'allocatedCredits - credits: what is left as the cycle ends. Negative in debt.',
  })
  readonly remainingCredits!: bigint | null;
  @Field(() => CreditsScalar, {
    description: 'What running deployments will cost from `asOf` to `endsAt`, exact.',
  })
  readonly hosting!: bigint;
  @Field(() => SafeIntScalar, {
    nullable: true,
    description:
      'Workflow runs: the `used` of Account.workflowRuns and the mean of the last four weeks, which is rounded half up, once.',
  })
  readonly runs!: number | null;
  @Field(() => SafeIntScalar, { nullable: true, description: 'As `lowCredits`.' })
  readonly lowRuns!: number | null;
  @Field(() => SafeIntScalar, { nullable: true, description: 'As `highCredits`.' })
  readonly highRuns!: number | null;
  @Field(() => SafeIntScalar, { description: 'As `allocatedCredits`.' })
  readonly allocatedRuns!: number;
  @Field(() => SafeIntScalar, {
    nullable: true,
    description: 'allocatedRuns - runs. Negative in debt.',
  })
  readonly remainingRuns!: number | null;
  @Field(() => [ProjectionDayType], {
    description:
      'From `asOf` to `endsAt`, without gaps; empty where `credits` is null, and of a closed account.',
  })
  readonly days!: readonly ProjectionDayType[];
  @Field(() => String, {
    nullable: true,
    description: 'Why `credits` and `runs` are null, in English; null when they are not.',
  })
  readonly reason!: string | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When there will be enough history: after 28 whole days since the day of the first workflow run or charged event; while there is none, since the day on which the account was created. Null when there is.',
  })
  readonly availableFrom!: number | null;
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

function projectionNode(projection: Projection): CycleProjectionType {
  const { state, ahead, availableFromMs, events } = projection;
  const history =
    events === null
      ? { ...NOTHING_EXPECTED, reason: reasonOf(availableFromMs), availableFrom: availableFromMs }
      : { ...expectedOf(events, ahead), reason: null, availableFrom: null };
  return {
    asOf: state.atMs,
    endsAt: state.cycle.endMs,
    allocatedCredits: ahead.allocatedMicro,
    hosting: ahead.hostingMicro,
    allocatedRuns: Number(ahead.allocatedRuns),
    ...history,
  };
}

const NOTHING_EXPECTED = {
  credits: null,
  lowCredits: null,
  highCredits: null,
  remainingCredits: null,
  runs: null,
  lowRuns: null,
  highRuns: null,
  remainingRuns: null,
  days: [],
};

function expectedOf(
  { credits, runs, days }: EventProjection,
  { allocatedMicro, allocatedRuns }: Ahead,
): Pick<CycleProjectionType, keyof typeof NOTHING_EXPECTED> {
  return {
    credits: credits.expected,
    lowCredits: credits.low,
    highCredits: credits.high,
    remainingCredits: allocatedMicro - credits.expected,
    runs: Number(runs.expected),
    lowRuns: Number(runs.low),
    highRuns: Number(runs.high),
    remainingRuns: Number(allocatedRuns - runs.expected),
    days: days.map(dayNode),
  };
}

function reasonOf(availableFromMs: number): string {
  const days = String(HISTORY_DAYS);
  return `Too little history: events are expected after ${days} whole days of them, from ${isoInstant(availableFromMs)} on.`;
}

function dayNode(day: ProjectedDay): ProjectionDayType {
  return {
    from: day.fromMs,
    to: day.toMs,
    credits: day.creditsMicro,
    hosting: day.hostingMicro,
    runs: Number(day.runs),
  };
}
