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
import { Cost, Needs } from '../graphql/field-extensions.ts';

@ObjectType('CreditPolicy', {
  simpleResolvers: true,
  description: 'Levels of the balance, in credits, with negativeLimit <= 0 <= lowCredit.',
})
class CreditPolicyType {
  @Field(() => CreditsScalar, {
    description: 'At or below this balance, new deployments and scaling up are refused.',
  })
  readonly lowCredit!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'When the balance reaches this level, running and requested deployments are stopped at that instant.',
  })
  readonly negativeLimit!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'Fine-tuning may start only above this balance; see `deploymentPolicy.canFineTune`.',
  })
  readonly fineTuningMinimum!: bigint;
}

@InputType('SetCreditPolicyInput', {
  description:
    'In credits, from -10^12 to 10^12, with negativeLimit <= 0 <= lowCredit. Fields that are left out stay unchanged.',
})
class SetCreditPolicyInput implements PolicyRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => CreditsScalar, { nullable: true }) readonly lowCredit?: string | null;
  @Field(() => CreditsScalar, { nullable: true }) readonly negativeLimit?: string | null;
  @Field(() => CreditsScalar, { nullable: true }) readonly fineTuningMinimum?: string | null;
}

@Resolver(() => AccountType)
export class AccountPolicyResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => CreditPolicyType, {
    description: 'The balances at which deployments are refused and stopped.',
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

  @Cost(20)
  @Mutation(() => AccountType, {
    description:
      'Takes effect at once. A balance at or below a new level raises its alert; at or below the new negative limit, deployments are stopped.',
  })
  async setCreditPolicy(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetCreditPolicyInput) input: SetCreditPolicyInput,
  ): Promise<AccountType> {
    return accountNode(await this.creditAccounts.setPolicy(context.actor, input));
  }
}
