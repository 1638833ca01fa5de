import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import type { RequestContext } from '../graphql/context.ts';
import { CreditsScalar } from '../graphql/scalars.ts';
import { stateLoader } from './balance.loaders.ts';
import type { CreditAccountService } from './credit-account.service.ts';
import type { PolicyRequest } from './policy.ts';

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
}

@Resolver()
export class CreditPolicyResolver {
  constructor(private readonly creditAccounts: CreditAccountService) {}

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
}
