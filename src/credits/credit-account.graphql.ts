import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import type { UpdateAccountRequest } from '../account/account.service.ts';
import { hardwareNode, HardwareProfileType } from '../catalogue/catalogue.graphql.ts';
import type { SetHardwareRateRequest } from '../catalogue/rates.ts';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { NodeType } from '../graphql/node.ts';
import {
  CreditsScalar,
  DateTimeScalar,
  DecimalScalar,
  EmailAddressScalar,
  TimeZoneScalar,
} from '../graphql/scalars.ts';
import { stateLoader } from './balance.graphql.ts';
import type {
  CreditAccountService,
  OpenAccountRequest,
  ThresholdRef,
} from './credit-account.service.ts';
import type { PolicyRequest, ThresholdRequest } from './policy.ts';
import type { RatesService } from './rates.service.ts';
import type { AlertRule } from '../engine/alert-rules.ts';
import { type Threshold, thresholdRowsLoader } from './thresholds.loaders.ts';
import { type ThresholdMeasure, thresholdMeasures } from '../engine/alert-rules.ts';

registerEnumType(thresholdMeasures, {
  name: 'ThresholdMeasure',
  valuesConfig: {
    CREDITS_REMAINING: { description: 'Credits left, `credits.remaining`: at or below the value.' },
    CREDITS_USED_PERCENT: {
      description:
        'Percent of the running cycle, `credits.percentUsed`: at or above the value. Where nothing is allocated it is reached in debt.',
    },
    RUNS_USED_PERCENT: { description: 'The same of workflow runs.' },
    HOURS_TO_STOP: { description: 'Hours until `credits.stopsAt`: at or below the value.' },
  },
});

@ObjectType('CreditPolicy', {
  simpleResolvers: true,
  description: 'Levels of the balance, in credits: negativeLimit <= 0 <= lowCredit.',
})
class CreditPolicyType {
  @Field(() => CreditsScalar, {
    description: 'At or below it new deployments and scaling up are refused.',
  })
  readonly lowCredit!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'At or below it running and requested deployments are stopped, at that very instant.',
  })
  readonly negativeLimit!: bigint;
  @Field(() => CreditsScalar, {
    description: 'Fine-tuning may start only above it: `deploymentPolicy.canFineTune`.',
  })
  readonly fineTuningMinimum!: bigint;
}

@ObjectType('Threshold', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'Fires when the measure comes to reach `value` (used percents: at or above; the others: at or below), and again after it left it. One still reached when a cycle begins, after the grants of that instant, fires once more.',
})
export class ThresholdType extends NodeType {
  @Field(() => thresholdMeasures) readonly measure!: ThresholdMeasure;
  @Field(() => DecimalScalar, { description: 'In credits, percent or hours, as `measure` says.' })
  readonly value!: bigint;
  @Field(() => String, { nullable: true }) readonly label!: string | null;
  @Field(() => Boolean, {
    description: 'Not reached: it will fire when it is. False from then on until it no longer is.',
  })
  readonly armed!: boolean;
  @Field(() => DateTimeScalar, { nullable: true, description: 'When it last raised an alert.' })
  readonly lastFiredAt!: number | null;
}

/** A threshold as the API shows it. @param rule where it stands now */
function thresholdNode(threshold: Threshold, rule: AlertRule): ThresholdType {
  return {
    id: encodeId('Threshold', threshold.accountId, threshold.ruleId),
    measure: threshold.measure,
    value: threshold.valueMicro,
    label: threshold.label,
    armed: !rule.isReached,
    lastFiredAt: rule.lastFiredAtMs,
  };
}

/** The thresholds of accounts as they stand now, by account id. */
export const thresholdsLoader = loader<number, readonly ThresholdType[]>(
  async (_tx, accountIds, context) => {
    return Promise.all(
      accountIds.map(async (accountId) => {
        const thresholds = await thresholdRowsLoader(context).load(accountId);
        const { alertRules } = await stateLoader(context).load(accountId);
        return thresholds.flatMap((threshold) => {
          const rule = alertRules.find(({ ruleId }) => ruleId === threshold.ruleId);
          return rule === undefined ? [] : [thresholdNode(threshold, rule)];
        });
      }),
    );
  },
);

/** A threshold as it stands now; null when it was deleted. */
export async function findThreshold(
  context: RequestContext,
  ref: ThresholdRef,
): Promise<ThresholdType | null> {
  const id = encodeId('Threshold', ref.accountId, ref.ruleId);
  const ofAccount = await thresholdsLoader(context).load(ref.accountId);
  return ofAccount.find((threshold) => threshold.id === id) ?? null;
}

@InputType('CreateAccountInput')
class CreateAccountInput implements OpenAccountRequest {
  @Field(() => String) readonly name!: string;
  @Field(() => String, {
    nullable: true,
    description: 'Sent again with the same externalId and body: the first account.',
  })
  readonly externalId?: string | null;
  @Field(() => TimeZoneScalar, { nullable: true, defaultValue: 'UTC' })
  readonly timeZone?: string | null;
  @Field(() => [EmailAddressScalar], {
    nullable: true,
    defaultValue: [],
    description: 'At most 20.',
  })
  readonly notificationEmails?: readonly string[] | null;
  @Field(() => Int, {
    nullable: true,
    defaultValue: 1,
    description: 'First day of the billing cycle, 1 to 28.',
  })
  readonly cycleDay?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'In the past for an account whose history is imported.',
  })
  readonly createdAt?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Default: the creation; for an account created in the past, the start of its running cycle.',
  })
  readonly creditsFrom?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Makes a test account: its time stands at this instant and moves only by advanceTestClock.',
  })
  readonly testClock?: number | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'As CreditPolicy.lowCredit. Default: as configured, shipped as 10.',
  })
  readonly lowCredit?: string | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'As CreditPolicy.negativeLimit. Default: as configured, shipped as -10.',
  })
  readonly negativeLimit?: string | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'As CreditPolicy.fineTuningMinimum. Default: as configured, shipped as 0.',
  })
  readonly fineTuningMinimum?: string | null;
  @Field(() => [DecimalScalar], {
    nullable: true,
    description:
      'Percents of credits and of runs used at which the new account is warned. Default: as configured, shipped as 50, 70, 80, 90.',
  })
  readonly usageThresholds?: readonly string[] | null;
  @Field(() => [DecimalScalar], {
    nullable: true,
    description:
      'Hours before deployments will be stopped at which the new account is warned. Default: as configured, shipped as 24.',
  })
  readonly hoursToStop?: readonly string[] | null;
}

@InputType('UpdateAccountInput')
class UpdateAccountInput implements UpdateAccountRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String, { nullable: true }) readonly name?: string | null;
  @Field(() => TimeZoneScalar, {
    nullable: true,
    description: 'Days and months of views change at once, cycles from the next one on.',
  })
  readonly timeZone?: string | null;
  @Field(() => [EmailAddressScalar], {
    nullable: true,
    description: 'All of them, at most 20; an empty list: no emails.',
  })
  readonly notificationEmails?: readonly string[] | null;
}

@InputType('SetCreditPolicyInput', {
  description:
    'In credits, from -10^12 to 10^12; what is left out stays as it is. negativeLimit <= 0 <= lowCredit.',
})
class SetCreditPolicyInput implements PolicyRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => CreditsScalar, { nullable: true }) readonly lowCredit?: string | null;
  @Field(() => CreditsScalar, { nullable: true }) readonly negativeLimit?: string | null;
  @Field(() => CreditsScalar, { nullable: true }) readonly fineTuningMinimum?: string | null;
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
    description: 'Shown with the threshold and in its emails and webhooks; at most 200 characters.',
  })
  readonly label?: string | null;
}

@InputType('SetHardwareRateInput')
class SetHardwareRateInput implements SetHardwareRateRequest {
  @Field(() => String, { description: "The profile's name." }) readonly hardware!: string;
  @Field(() => CreditsScalar, {
    description: 'Credits an hour for one replica; from 0 to 1,000,000.',
  })
  readonly creditsPerHour!: string;
  @Field(() => DateTimeScalar, { nullable: true }) readonly effectiveFrom?: number | null;
}

@Resolver(() => AccountType)
export class AccountPolicyResolver {
  @FieldResolver(() => CreditPolicyType, {
    description: 'At which balances deployments are refused and stopped.',
  })
  async creditPolicy(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<CreditPolicyType> {
    const { policy } = await stateLoader(context).load(account.accountId);
    return {
      lowCredit: policy.lowCreditMicro,
      negativeLimit: policy.negativeLimitMicro,
      fineTuningMinimum: policy.fineTuningMinimumMicro,
    };
  }

  @FieldResolver(() => [ThresholdType], { description: 'In the order of their creation.' })
  async thresholds(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<readonly ThresholdType[]> {
    return thresholdsLoader(context).load(account.accountId);
  }
}

@Resolver()
export class CreditAccountResolver {
  constructor(
    private readonly creditAccounts: CreditAccountService,
    private readonly rates: RatesService,
  ) {}

  @Mutation(() => AccountType, {
    description:
      'Operators only. Its credit policy and first thresholds are those of the input; what that leaves out is as the gateway is configured (DEFAULT_LOW_CREDIT, DEFAULT_NEGATIVE_LIMIT and others). As shipped, new deployments are refused at 10 credits, what runs goes on into debt, and is stopped at -10. Accounts that exist keep theirs when the configuration changes.',
  })
  async createAccount(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateAccountInput) input: CreateAccountInput,
  ): Promise<AccountType> {
    return accountNode(await this.creditAccounts.create(context.actor, input));
  }

  @Mutation(() => AccountType)
  async updateAccount(
    @Ctx() context: RequestContext,
    @Arg('input', () => UpdateAccountInput) input: UpdateAccountInput,
  ): Promise<AccountType> {
    return accountNode(await this.creditAccounts.update(context.actor, input));
  }

  @Mutation(() => AccountType, {
    description:
      "Moves a test account's time forward, by two years at most; everything that was due on the way happens, at its own instants.",
  })
  async advanceTestClock(
    @Ctx() context: RequestContext,
    @Arg('to', () => DateTimeScalar) toMs: number,
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<AccountType> {
    const request = { accountId: accountId ?? null, toMs };
    return accountNode(await this.creditAccounts.advanceTestClock(context.actor, request));
  }

  @Mutation(() => AccountType, {
    description:
      'Takes effect at once: a balance that is at or below a new level is told of, and deployments are stopped where it is the negative limit.',
  })
  async setCreditPolicy(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetCreditPolicyInput) input: SetCreditPolicyInput,
  ): Promise<AccountType> {
    return accountNode(await this.creditAccounts.setPolicy(context.actor, input));
  }

  @Mutation(() => ThresholdType, {
    description:
      'One that is reached already fires at once. The same measure, value and label again is the first one. An account has at most 100.',
  })
  async createThreshold(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateThresholdInput) input: CreateThresholdInput,
  ): Promise<ThresholdType | null> {
    const ref = await this.creditAccounts.createThreshold(context.actor, input);
    return findThreshold(context, ref);
  }

  @Mutation(() => ID, { description: 'Alerts that it raised stay.' })
  async deleteThreshold(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
  ): Promise<string> {
    return this.creditAccounts.deleteThreshold(context.actor, id);
  }

  @Mutation(() => HardwareProfileType, {
    description:
      'Takes effect at `effectiveFrom` (default a minute from now, at least ten seconds ahead); running deployments change rate at that instant. A second one for the same instant replaces the first.',
  })
  async setHardwareRate(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetHardwareRateInput) input: SetHardwareRateInput,
  ): Promise<HardwareProfileType> {
    const { profile, rates } = await this.rates.setRate(context.actor, input);
    return hardwareNode(profile, rates, context.nowMs);
  }
}
