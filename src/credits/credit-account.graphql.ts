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

@Resolver()
export class CreditAccountResolver {
  constructor(private readonly creditAccounts: CreditAccountService) {}

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
}
