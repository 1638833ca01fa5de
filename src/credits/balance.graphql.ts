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

registerEnumType(creditStates, {
  name: 'CreditState',
  description: 'What the balance means by the credit policy, from well to worst.',
  valuesConfig: {
    OK: { description: 'Above lowCredit.' },
    LOW: {
      description:
        'At or below lowCredit and above zero: new deployments and scaling up are refused, running ones continue.',
    },
    EXHAUSTED: {
      description:
        'At or below zero, and before the first allocation: as LOW, and workflows cannot be deployed, so imported projects stay drafts.',
    },
    STOPPED: {
      description:
        'At or below the negative limit: running and requested deployments were stopped, and none becomes ready.',
    },
  },
});

@ObjectType('CreditBalance', {
  simpleResolvers: true,
  description: 'Spendable credits, exact at `asOf`; running deployments burn between two answers.',
})
export class CreditBalanceType {
  @Field(() => DateTimeScalar, { description: "The account's now; of a test account its own." })
  readonly asOf!: number;
  @Field(() => CreditsScalar, {
    description:
      'What the running cycle has to spend: its carriedOver + allocated - expired + adjusted.',
  })
  readonly allocated!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'Used in the running cycle, running deployments included up to `asOf`; allocated - remaining.',
  })
  readonly used!: bigint;
  @Field(() => CreditsScalar, { description: 'Negative in debt.' }) readonly remaining!: bigint;
  @Field(() => Float, {
    nullable: true,
    description:
      '100 x used / allocated from the exact values, half up, four decimals; null when `allocated` is not above zero.',
  })
  readonly percentUsed!: number | null;
  @Field(() => creditStates) readonly state!: CreditState;
  @Field(() => CreditsScalar, {
    description: 'Credits an hour: the sum over running deployments of replicas x hardware rate.',
  })
  readonly burnRatePerHour!: bigint;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'The first instant after `asOf` at which the balance is zero or less, given what runs now and every scheduled rate, grant, expiry and cycle; null when it already is, or when that is not within ten years.',
  })
  readonly exhaustsAt!: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Likewise, the instant at which the negative limit stops the running deployments; null when none runs.',
  })
  readonly stopsAt!: number | null;
}

/** A balance as the API shows it. */
export function balanceNode(balance: Balance): CreditBalanceType {
  const { allocatedMicro, usedMicro, balanceMicro } = balance.position.credits;
  return {
    asOf: balance.position.atMs,
    allocated: allocatedMicro,
    used: usedMicro,
    remaining: balanceMicro,
    percentUsed: percentOf(usedMicro, allocatedMicro),
    state: balance.position.state,
    burnRatePerHour: balance.burnMicroPerHour,
    exhaustsAt: balance.exhaustsAtMs,
    stopsAt: balance.stopsAtMs,
  };
}

@ObjectType('RunBalance', {
  simpleResolvers: true,
  description:
    'Whole workflow runs of the running cycle; the fields are those of CreditBalance. Runs have lots, debt, expiry and everyCycle like credits, but no ledger, state or forecast; they are never refused.',
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
  @FieldResolver(() => CreditBalanceType, {
    description: 'Live credit position at this instant.',
  })
  async credits(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<CreditBalanceType> {
    return balanceNode(balanceAt(await stateLoader(context).load(account.accountId)));
  }

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
