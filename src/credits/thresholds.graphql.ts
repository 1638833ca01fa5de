import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { encodeId, unknownId } from '../core/identity.ts';
import { type ThresholdMeasure, thresholdMeasures } from '../engine/alert-rules.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { DateTimeScalar, DecimalScalar } from '../graphql/scalars.ts';
import { type ThresholdNow, thresholdsLoader } from './thresholds.loaders.ts';
import type { ThresholdRef, ThresholdsService } from './thresholds.service.ts';
import type { ThresholdRequest } from './thresholds.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(thresholdMeasures, {
  name: 'ThresholdMeasure',
  valuesConfig: {
    CREDITS_REMAINING: {
      description: 'Credits left (`credits.remaining`): reached at or below the value.',
    },
    CREDITS_USED_PERCENT: {
      description:
        'Percentage used in the current cycle (`credits.percentUsed`): reached at or above the value. Where nothing is allocated, it is reached in debt.',
    },
    RUNS_USED_PERCENT: {
      description:
        'Percentage of workflow runs used in the current cycle (`workflowRuns.percentUsed`): reached at or above the value.',
    },
    HOURS_TO_STOP: { description: 'Hours until `credits.stopsAt`: reached at or below the value.' },
  },
});

@ObjectType('Threshold', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'Raises an alert when the measure reaches `value`: percentages used at or above it, other measures at or below it. It raises another one when the value is reached again after it was left. A threshold that is still reached when a cycle starts, after the grants of that instant, raises one more alert.',
})
export class ThresholdType extends NodeType {
  @Field(() => thresholdMeasures) readonly measure!: ThresholdMeasure;
  @Field(() => DecimalScalar, {
    description: 'In credits, percent or hours, depending on `measure`.',
  })
  readonly value!: bigint;
  @Field(() => String, { nullable: true }) readonly label!: string | null;
  @Field(() => Boolean, {
    description:
      'True while the value is not reached: an alert will be raised when it is. False while it is reached.',
  })
  readonly armed!: boolean;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the threshold last raised an alert.',
  })
  readonly lastFiredAt!: number | null;
}

/** A threshold as the API shows it. */
function thresholdNode({ threshold, rule }: ThresholdNow): ThresholdType {
  return {
    id: encodeId('Threshold', threshold.accountId, threshold.ruleId),
    measure: threshold.measure,
    value: threshold.valueMicro,
    label: threshold.label,
    armed: !rule.isReached,
    lastFiredAt: rule.lastFiredAtMs,
  };
}

/** A threshold at present; null when it was deleted. */
export async function findThreshold(
  context: RequestContext,
  { accountId, ruleId }: ThresholdRef,
): Promise<ThresholdType | null> {
  const ofAccount = await thresholdsLoader(context).load(accountId);
  const found = ofAccount.find(({ threshold }) => threshold.ruleId === ruleId);
  return found === undefined ? null : thresholdNode(found);
}

@InputType('CreateThresholdInput')
class CreateThresholdInput implements ThresholdRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => thresholdMeasures) readonly measure!: ThresholdMeasure;
  @Field(() => DecimalScalar, {
    description:
      'Credits (may be negative), percent (above 0, at most 1,000) or hours (above 0, at most 8,784).',
  })
  readonly value!: string;
  @Field(() => String, {
    nullable: true,
    description:
      'Shown with the threshold, in its emails and in its webhooks; at most 200 characters.',
  })
  readonly label?: string | null;
}

@Resolver(() => AccountType)
export class AccountThresholdsResolver {
  @Cost(3)
  @Needs('READ_USAGE')
  @FieldResolver(() => [ThresholdType], { description: 'Ordered by creation.' })
  async thresholds(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<readonly ThresholdType[]> {
    return (await thresholdsLoader(context).load(account.accountId)).map(thresholdNode);
  }
}

@Resolver()
export class ThresholdsResolver {
  constructor(private readonly thresholds: ThresholdsService) {}

  @Cost(20)
  @Mutation(() => ThresholdType, {
    description:
      'A threshold that is reached already raises its alert at once. The same measure, value and label again returns the first threshold. An account can have at most 100 thresholds.',
  })
  async createThreshold(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateThresholdInput) input: CreateThresholdInput,
  ): Promise<ThresholdType> {
    const ref = await this.thresholds.create(context.actor, input);
    // It may have been deleted meanwhile.
    const threshold = await findThreshold(context, ref);
    if (threshold === null) throw unknownId(encodeId('Threshold', ref.accountId, ref.ruleId));
    return threshold;
  }

  @Cost(20)
  @Mutation(() => ID, { description: 'Alerts that it raised remain.' })
  async deleteThreshold(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
  ): Promise<string> {
    return this.thresholds.delete(context.actor, id);
  }
}
