import { Arg, Ctx, Field, ID, InputType, Int, Mutation, Resolver } from 'type-graphql';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import type { UpdateAccountRequest } from '../account/account.service.ts';
import type { RequestContext } from '../graphql/context.ts';
import {
  CreditsScalar,
  DateTimeScalar,
  DecimalScalar,
  EmailAddressScalar,
  TimeZoneScalar,
} from '../graphql/scalars.ts';
import type { CreditAccountService, OpenAccountRequest } from './credit-account.service.ts';
import { Cost } from '../graphql/field-extensions.ts';

@InputType('CreateAccountInput')
class CreateAccountInput implements OpenAccountRequest {
  @Field(() => String) readonly name!: string;
  @Field(() => String, {
    nullable: true,
    description: 'The same externalId and body again returns the first account.',
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
    description: 'The day of the month on which billing cycles start, 1 to 28.',
  })
  readonly cycleDay?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'Default: now. Give a past instant for an account whose history is imported.',
  })
  readonly createdAt?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Default: the creation. For an account created in the past: the start of its current cycle.',
  })
  readonly creditsFrom?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Makes a test account, whose time starts at this instant and moves only by advanceTestClock.',
  })
  readonly testClock?: number | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description: 'See CreditPolicy.lowCredit. Default: DEFAULT_LOW_CREDIT, 10 unless configured.',
  })
  readonly lowCredit?: string | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description:
      'See CreditPolicy.negativeLimit. Default: DEFAULT_NEGATIVE_LIMIT, -10 unless configured.',
  })
  readonly negativeLimit?: string | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description:
      'See CreditPolicy.fineTuningMinimum. Default: DEFAULT_FINE_TUNING_MINIMUM, 0 unless configured.',
  })
  readonly fineTuningMinimum?: string | null;
  @Field(() => [DecimalScalar], {
    nullable: true,
    description:
      'Creates CREDITS_USED_PERCENT and RUNS_USED_PERCENT thresholds with these values. Default: DEFAULT_USAGE_THRESHOLDS, 50, 70, 80 and 90 unless configured.',
  })
  readonly usageThresholds?: readonly string[] | null;
  @Field(() => [DecimalScalar], {
    nullable: true,
    description:
      'Creates HOURS_TO_STOP thresholds with these values. Default: DEFAULT_HOURS_TO_STOP, 24 unless configured.',
  })
  readonly hoursToStop?: readonly string[] | null;
}

@InputType('UpdateAccountInput')
class UpdateAccountInput implements UpdateAccountRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String, { nullable: true }) readonly name?: string | null;
  @Field(() => TimeZoneScalar, {
    nullable: true,
    description:
      'The days and months of views change at once; billing cycles change from the next one on.',
  })
  readonly timeZone?: string | null;
  @Field(() => [EmailAddressScalar], {
    nullable: true,
    description: 'Replaces all addresses; at most 20. An empty list: no emails.',
  })
  readonly notificationEmails?: readonly string[] | null;
}

@Resolver()
export class CreditAccountResolver {
  constructor(private readonly creditAccounts: CreditAccountService) {}

  @Cost(20)
  @Mutation(() => AccountType, {
    description:
      "Operators only. The gateway's configuration supplies the credit policy and thresholds that the input leaves out. Unless configured otherwise, new deployments are refused at 10 credits, running deployments continue into debt, and are stopped at -10. A later change of the configuration does not affect existing accounts.",
  })
  async createAccount(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateAccountInput) input: CreateAccountInput,
  ): Promise<AccountType> {
    return accountNode(await this.creditAccounts.create(context.actor, input));
  }

  @Cost(20)
  @Mutation(() => AccountType)
  async updateAccount(
    @Ctx() context: RequestContext,
    @Arg('input', () => UpdateAccountInput) input: UpdateAccountInput,
  ): Promise<AccountType> {
    return accountNode(await this.creditAccounts.update(context.actor, input));
  }

  @Cost(100)
  @Mutation(() => AccountType, {
    description:
      "Moves a test account's time forward, by at most two years. Everything that is due on the way happens at its exact instant.",
  })
  async advanceTestClock(
    @Ctx() context: RequestContext,
    @Arg('to', () => DateTimeScalar) toMs: number,
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<AccountType> {
    const request = { accountId: accountId ?? null, toMs };
    return accountNode(await this.creditAccounts.advanceTestClock(context.actor, request));
  }
}
