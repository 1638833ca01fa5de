import {
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  Float,
  Int,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { encodeId } from '../core/identity.ts';
import { MICRO_PER_CREDIT, percentOf } from '../core/micro.ts';
import type { RequestContext } from '../graphql/context.ts';
import { loader, rowLoader } from '../graphql/loader.ts';
import { NodeType } from '../graphql/node.ts';
import { After, connectionType, type Connection, pageOfRows, parsePage } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import {
  type Balance,
  balanceAt,
  countCycles,
  listCycles,
  loadCycles,
  type CycleRecord,
  type CycleRef,
  readStandings,
  type Standing,
} from './balance.service.ts';
import { allocatedOf, type CycleSums } from '../engine/lots.ts';
import { type CreditState, creditStates } from '../engine/limits.ts';
import { type AccountState } from '../engine/state.ts';

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

@ObjectType('BillingCycle', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'What happened to the credits in one billing cycle, [startsAt, endsAt); of the running one, up to now. It goes by `bookedAt` of the ledger, so a usage view of the same time may differ by what was reported late.',
})
export class BillingCycleType extends NodeType {
  @Field(() => DateTimeScalar) readonly startsAt!: number;
  @Field(() => DateTimeScalar, { description: 'Not itself: where the next cycle begins.' })
  readonly endsAt!: number;
  @Field(() => CreditsScalar, {
    description: 'Balance brought in from the cycle before: unexpired credits, or debt (negative).',
  })
  readonly carriedOver!: bigint;
  @Field(() => CreditsScalar, { description: 'Allocations that took effect in it.' })
  readonly allocated!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'USAGE less REVERSAL; of the running cycle, with what running deployments cost up to now.',
  })
  readonly used!: bigint;
  @Field(() => CreditsScalar, {
    description: 'What was left of the allocations that expired in it.',
  })
  readonly expired!: bigint;
  @Field(() => CreditsScalar, { description: 'Adjustments and voided allocations, signed.' })
  readonly adjusted!: bigint;
  @Field(() => CreditsScalar, {
    description:
      "carriedOver + allocated - used - expired + adjusted, at the end of the cycle or now; the next cycle's carriedOver.",
  })
  readonly closing!: bigint;
  readonly cycleId!: number;
}

/** A cycle as the API shows it. @param usedMicro with what has accrued, for the running one */
function cycleNode(
  cycle: Pick<CycleRecord, 'accountId' | 'cycleId' | 'startMs' | 'endMs'> & {
    readonly credits: CycleSums;
  },
  usedMicro: bigint,
): BillingCycleType {
  const { credits } = cycle;
  return {
    id: encodeId('BillingCycle', cycle.accountId, cycle.cycleId),
    startsAt: cycle.startMs,
    endsAt: cycle.endMs,
    carriedOver: credits.carriedOverMicro,
    allocated: credits.allocatedMicro,
    used: usedMicro,
    expired: credits.expiredMicro,
    adjusted: credits.adjustedMicro,
    closing:
      credits.carriedOverMicro +
      credits.allocatedMicro -
      credits.expiredMicro +
      credits.adjustedMicro -
      usedMicro,
    cycleId: cycle.cycleId,
  };
}

/** The running cycle of an account, as it stands now. */
function runningCycleNode(state: AccountState): BillingCycleType {
  const { usedMicro } = balanceAt(state).position.credits;
  const { accountId, cycle, credits } = state;
  return cycleNode({ accountId, ...cycle, credits: credits.cycle }, usedMicro);
}

function endedCycleNode(cycle: CycleRecord): BillingCycleType {
  return cycleNode(cycle, cycle.credits.usedMicro);
}

/** The running cycle and those that ended since the account was settled last: newest first. */
function cyclesSince({ state, closed }: Standing): readonly BillingCycleType[] {
  return [runningCycleNode(state), ...[...closed].reverse().map(endedCycleNode)];
}

/** A cycle of an account, or null. */
export async function findCycle(
  context: RequestContext,
  { accountId, cycleId }: { readonly accountId: number; readonly cycleId: number },
): Promise<BillingCycleType | null> {
  const standing = await standingLoader(context).load(accountId);
  const fresh = cyclesSince(standing).find((cycle) => cycle.cycleId === cycleId);
  if (fresh !== undefined) return fresh;
  const cycle = await cycleLoader(context).load({ accountId, cycleId });
  return cycle === null ? null : endedCycleNode(cycle);
}

const BillingCycleConnection = connectionType('BillingCycle', () => BillingCycleType);

const standingLoader = loader<number, Standing>((tx, accountIds, { nowMs }) =>
  readStandings(tx, accountIds, nowMs),
);

const cycleLoader = rowLoader<CycleRef, CycleRecord>(
  loadCycles,
  ({ accountId, cycleId }) => `${accountId}.${cycleId}`,
);

/** The credits of accounts at their now, by account id. */
export function stateLoader(context: RequestContext): {
  readonly load: (accountId: number) => Promise<AccountState>;
} {
  return { load: async (accountId) => (await standingLoader(context).load(accountId)).state };
}

@ArgsType()
class CyclesArgs extends After {
  @Field(() => Int, { nullable: true, defaultValue: 12 }) readonly first?: number | null;
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

  @FieldResolver(() => BillingCycleType, { description: 'The running cycle.' })
  async billingCycle(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<BillingCycleType> {
    return runningCycleNode(await stateLoader(context).load(account.accountId));
  }

  @FieldResolver(() => BillingCycleConnection, {
    description: 'Newest first, the running one too.',
  })
  async billingCycles(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => CyclesArgs) args: CyclesArgs,
  ): Promise<Connection<BillingCycleType>> {
    const { accountId } = account;
    const page = parsePage(args, 12);
    const standing = await standingLoader(context).load(accountId);
    const beforeId = page.after?.id ?? Infinity;
    const all = cyclesSince(standing);
    const tx = await context.reader();
    const stored = await listCycles(tx, {
      accountId,
      beforeId: Math.min(beforeId, ...all.map(({ cycleId }) => cycleId)),
      limit: page.first + 1,
    });
    const fresh = all.filter(({ cycleId }) => cycleId < beforeId);
    return pageOfRows([...fresh, ...stored.map(endedCycleNode)], page, {
      keyOf: ({ cycleId }) => ({ value: null, id: cycleId }),
      // The row of the running cycle is there; each that ended since makes one more.
      countAll: async () => (await countCycles(tx, accountId)) + standing.closed.length,
    });
  }
}
