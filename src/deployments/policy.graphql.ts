import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { stateLoader } from '../credits/balance.loaders.ts';
import { balanceAt } from '../credits/balance.service.ts';
import { type CreditState, creditStates } from '../engine/limits.ts';
import type { RequestContext } from '../graphql/context.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import { allowanceOf } from './policy.ts';
import type { QuoteRequest, QuoteService } from './quote.service.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

const projectImportModes = { DEPLOYABLE: 'DEPLOYABLE', DRAFT_ONLY: 'DRAFT_ONLY' } as const;
registerEnumType(projectImportModes, { name: 'ProjectImportMode' });

@ObjectType('DeploymentPolicy', {
  simpleResolvers: true,
  description:
    'What the credit policy allows at the current balance. A closed account may do nothing.',
})
class DeploymentPolicyType {
  @Field(() => Boolean, {
    description: 'Whether deploying and scaling up are allowed; true only in state OK.',
  })
  readonly canDeploy!: boolean;
  @Field(() => Boolean, {
    description:
      'Whether the account has had an allocation and its balance is above fineTuningMinimum.',
  })
  readonly canFineTune!: boolean;
  @Field(() => projectImportModes, {
    description:
      'DRAFT_ONLY when no credits are left (states EXHAUSTED and STOPPED) or the account is closed, otherwise DEPLOYABLE.',
  })
  readonly projectImport!: keyof typeof projectImportModes;
  @Field(() => creditStates) readonly state!: CreditState;
  @Field(() => String, {
    nullable: true,
    description: 'Why deployments are refused: a sentence to show. Null when they are allowed.',
  })
  readonly message!: string | null;
}

@ObjectType('DeploymentQuote', {
  simpleResolvers: true,
  description: 'What a deployment would cost and change if it were made now. Nothing is reserved.',
})
class DeploymentQuoteType {
  @Field(() => CreditsScalar, {
    description: 'Credits an hour for all replicas, at current rates.',
  })
  readonly creditsPerHour!: bigint;
  @Field(() => Boolean, { description: 'Whether the deployment would be allowed now.' })
  readonly allowed!: boolean;
  @Field(() => String, {
    nullable: true,
    description: 'Why the deployment would be refused; null when it would be allowed.',
  })
  readonly message!: string | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When running deployments are stopped without this deployment; see CreditBalance.stopsAt.',
  })
  readonly currentStopsAt!: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When running deployments would be stopped with this deployment. Null when it would be refused.',
  })
  readonly projectedStopsAt!: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the credits would be used up with this deployment; see CreditBalance.exhaustsAt. Null when it would be refused.',
  })
  readonly projectedExhaustsAt!: number | null;
}

@InputType('DeploymentQuoteInput', {
  description: '`resourceId` names the running deployment that would be replaced (scaling).',
})
class DeploymentQuoteInput implements QuoteRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String, { description: "The profile's name." })
  readonly hardware!: string;
  @Field(() => Int, { nullable: true, defaultValue: 1, description: '1 to 1,000.' })
  readonly replicas?: number | null;
  @Field(() => ID, { nullable: true }) readonly resourceId?: string | null;
}

@Resolver(() => AccountType)
export class AccountDeploymentsResolver {
  @Cost(5)
  @Needs('READ_USAGE')
  @FieldResolver(() => DeploymentPolicyType, {
    description: 'What the account may do now; where something is refused, why.',
  })
  async deploymentPolicy(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<DeploymentPolicyType> {
    const { position } = balanceAt(await stateLoader(context).load(account.accountId));
    const { canDeploy, canFineTune, canImport, state, message } = allowanceOf(
      position,
      account.closedAtMs !== null,
    );
    const projectImport = canImport ? 'DEPLOYABLE' : 'DRAFT_ONLY';
    return { canDeploy, canFineTune, projectImport, state, message };
  }
}

@Resolver()
export class QuoteResolver {
  constructor(private readonly quotes: QuoteService) {}

  @Cost(100)
  @Query(() => DeploymentQuoteType, {
    nullable: true,
    description: 'What a deployment would cost, and whether it would be allowed now.',
  })
  async deploymentQuote(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeploymentQuoteInput) input: DeploymentQuoteInput,
  ): Promise<DeploymentQuoteType> {
    const quote = await this.quotes.quote(
      context.actor,
      await context.reader(),
      input,
      context.nowMs,
    );
    return {
      creditsPerHour: quote.costMicroPerHour,
      allowed: quote.refusal === null,
      message: quote.refusal,
      currentStopsAt: quote.currentStopsAtMs,
      projectedStopsAt: quote.projected?.stopsAtMs ?? null,
      projectedExhaustsAt: quote.projected?.exhaustsAtMs ?? null,
    };
  }
}
