import {
  Ctx,
  Field,
  FieldResolver,
  Float,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { MICRO_PER_CREDIT, percentOf } from '../core/micro.ts';
import type { RequestContext } from '../graphql/context.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { type Balance, balanceAt } from './balance.service.ts';
import { allocatedOf } from '../engine/lots.ts';
import { type CreditState, creditStates } from '../engine/limits.ts';
import { stateLoader } from './balance.loaders.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(creditStates, {
  name: 'CreditState',
  description: 'The state that the credit policy assigns to the balance, best first.',
  valuesConfig: {
    OK: { description: 'Above lowCredit.' },
    LOW: {
      description:
        'At or below lowCredit and above zero. New deployments and scaling up are refused; running deployments continue.',
    },
    EXHAUSTED: {
      description:
        'At or below zero, or before the first allocation. As LOW; in addition workflows cannot be deployed, so imported projects stay drafts.',
    },
    STOPPED: {
      description:
        'At or below the negative limit. Running and requested deployments have been stopped, and none can become ready.',
    },
  },
});

@ObjectType('CreditBalance', {
  simpleResolvers: true,
  description:
    'Spendable credits, exact at `asOf`. Running deployments consume credits between two answers.',
})
export class CreditBalanceType {
  @Field(() => DateTimeScalar, {
    description: 'Now; for a test account, the instant of its test clock.',
  })
  readonly asOf!: number;
  @Field(() => CreditsScalar, {
    description:
      'What the current cycle has to spend: carriedOver + allocated - expired + adjusted.',
  })
  readonly allocated!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'Used in the current cycle, including running deployments up to `asOf`; equals allocated - remaining.',
  })
  readonly used!: bigint;
  @Field(() => CreditsScalar, { description: 'Negative in debt.' }) readonly remaining!: bigint;
  @Field(() => Float, {
    nullable: true,
    description:
      '100 × used / allocated, from exact values, rounded half up to four decimals. Null when `allocated` is not above zero.',
  })
  readonly percentUsed!: number | null;
  @Field(() => creditStates) readonly state!: CreditState;
  @Field(() => CreditsScalar, {
    description: 'Credits an hour: replicas × hardware rate, summed over running deployments.',
  })
  readonly burnRatePerHour!: bigint;
  @Cost(25)
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'The first instant after `asOf` at which the balance is zero or less. The forecast assumes that what runs now goes on, and knows every scheduled rate, grant, expiry and cycle. Null when the balance is zero or less already, stays above zero for ten years, or the account is closed.',
  })
  readonly exhaustsAt!: number | null;
  @Cost(25)
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'The instant at which the balance reaches the negative limit and running deployments are stopped, by the same forecast. Null when nothing runs, or when no stop comes within ten years.',
  })
  readonly stopsAt!: number | null;
}

/** A balance as the API shows it. Its forecast is made when it is asked for. */
class BalanceNode implements CreditBalanceType {
  readonly asOf: number;
  readonly allocated: bigint;
  readonly used: bigint;
  readonly remaining: bigint;
  readonly percentUsed: number | null;
  readonly state: CreditState;
  readonly burnRatePerHour: bigint;

  constructor(private readonly balance: Balance) {
    const { allocatedMicro, usedMicro, balanceMicro } = balance.position.credits;
    this.asOf = balance.position.atMs;
    this.allocated = allocatedMicro;
    this.used = usedMicro;
    this.remaining = balanceMicro;
    this.percentUsed = percentOf(usedMicro, allocatedMicro);
    this.state = balance.position.state;
    this.burnRatePerHour = balance.burnMicroPerHour;
  }

  get exhaustsAt(): number | null {
    return this.balance.forecast().exhaustsAtMs;
  }

  get stopsAt(): number | null {
    return this.balance.forecast().stopsAtMs;
  }
}

/** A balance as the API shows it. */
export function balanceNode(balance: Balance): CreditBalanceType {
  return new BalanceNode(balance);
}

@ObjectType('RunBalance', {
  simpleResolvers: true,
  description:
    'Workflow runs of the current cycle, in whole runs; the fields are those of CreditBalance. Runs have allocations, debt, expiry and recurring grants like credits, but no ledger, state or forecast. Runs are never refused.',
})
class RunBalanceType {
  @Field(() => DateTimeScalar) readonly asOf!: number;
  @Field(() => SafeIntScalar) readonly allocated!: number;
  @Field(() => SafeIntScalar) readonly used!: number;
  @Field(() => SafeIntScalar, { description: 'Negative in debt.' })
  readonly remaining!: number;
  @Field(() => Float, { nullable: true }) readonly percentUsed!: number | null;
}

@Resolver(() => AccountType)
export class AccountBalanceResolver {
  @Cost(5)
  @Needs('READ_USAGE')
  @FieldResolver(() => CreditBalanceType, {
    description: 'Live credit position at this instant.',
  })
  async credits(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<CreditBalanceType> {
    return balanceNode(balanceAt(await stateLoader(context).load(account.accountId)));
  }

  @Cost(5)
  @Needs('READ_USAGE')
  @FieldResolver(() => RunBalanceType, {
    description: 'Live workflow run position at this instant.',
  })
  async workflowRuns(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<RunBalanceType> {
    const { runs, atMs } = await stateLoader(context).load(account.accountId);
    const allocatedMicro = allocatedOf(runs);
    const { usedMicro } = runs.cycle;
    return {
      asOf: atMs,
      allocated: Number(allocatedMicro / MICRO_PER_CREDIT),
      used: Number(usedMicro / MICRO_PER_CREDIT),
      remaining: Number((allocatedMicro - usedMicro) / MICRO_PER_CREDIT),
      percentUsed: percentOf(usedMicro, allocatedMicro),
    };
  }
}
