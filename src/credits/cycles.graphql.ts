import {
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { After, connectionType, type Connection, pageOfRows, parsePage } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import { balanceAt, type Standing } from './balance.service.ts';
import { standingLoader, stateLoader } from './balance.loaders.ts';
import {
  cycleLoader,
  type CycleRecord,
  type CycleRef,
  readCycleCount,
  readCycles,
} from './cycles.loaders.ts';
import type { CycleSums } from '../engine/lots.ts';
import type { AccountState } from '../engine/state.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

@ObjectType('BillingCycle', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'The credits of one billing cycle, [startsAt, endsAt); the current cycle counts up to now. Amounts count by the `bookedAt` of ledger entries, so a usage view of the same time may differ by usage that was reported late.',
})
export class BillingCycleType extends NodeType {
  @Field(() => DateTimeScalar) readonly startsAt!: number;
  @Field(() => DateTimeScalar, { description: 'Exclusive: the start of the next cycle.' })
  readonly endsAt!: number;
  @Field(() => CreditsScalar, {
    description:
      'The balance brought over from the previous cycle: unexpired credits, or debt (negative).',
  })
  readonly carriedOver!: bigint;
  @Field(() => CreditsScalar, { description: 'Allocations that took effect in the cycle.' })
  readonly allocated!: bigint;
  @Field(() => CreditsScalar, {
    description:
      'USAGE less REVERSAL. In the current cycle it includes what running deployments cost up to now.',
  })
  readonly used!: bigint;
  @Field(() => CreditsScalar, {
    description: 'What was left of allocations when they expired in the cycle.',
  })
  readonly expired!: bigint;
  @Field(() => CreditsScalar, {
    description: 'Adjustments and voided allocations; positive adds to the balance.',
  })
  readonly adjusted!: bigint;
  @Field(() => CreditsScalar, {
    description:
      "carriedOver + allocated - used - expired + adjusted, at the end of the cycle or now. It is the next cycle's carriedOver.",
  })
  readonly closing!: bigint;
  readonly cycleId!: number;
}

/** A cycle as the API shows it. @param usedMicro includes what has accrued, for the running cycle */
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

/** The running cycle of an account at present. */
function runningCycleNode(state: AccountState): BillingCycleType {
  const { usedMicro } = balanceAt(state).position.credits;
  const { accountId, cycle, credits } = state;
  return cycleNode({ accountId, ...cycle, credits: credits.cycle }, usedMicro);
}

function endedCycleNode(cycle: CycleRecord): BillingCycleType {
  return cycleNode(cycle, cycle.credits.usedMicro);
}

/** The running cycle and those that ended since the last settlement: newest first. */
function cyclesSince({ state, closed }: Standing): readonly BillingCycleType[] {
  return [runningCycleNode(state), ...[...closed].reverse().map(endedCycleNode)];
}

/** A cycle of an account, or null. */
export async function findCycle(
  context: RequestContext,
  { accountId, cycleId }: CycleRef,
): Promise<BillingCycleType | null> {
  const standing = await standingLoader(context).load(accountId);
  const fresh = cyclesSince(standing).find((cycle) => cycle.cycleId === cycleId);
  if (fresh !== undefined) return fresh;
  const cycle = await cycleLoader(context).load({ accountId, cycleId });
  return cycle === null ? null : endedCycleNode(cycle);
}

const BillingCycleConnection = connectionType('BillingCycle', () => BillingCycleType);

@ArgsType()
class CyclesArgs extends After {
  @Field(() => Int, { nullable: true, defaultValue: 12 }) readonly first?: number | null;
}

@Resolver(() => AccountType)
export class AccountCyclesResolver {
  @Cost(5)
  @Needs('READ_USAGE')
  @FieldResolver(() => BillingCycleType, { description: 'The current billing cycle.' })
  async billingCycle(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<BillingCycleType> {
    return runningCycleNode(await stateLoader(context).load(account.accountId));
  }

  @Cost(10)
  @Needs('READ_USAGE')
  @FieldResolver(() => BillingCycleConnection, {
    description: 'All billing cycles, including the current one; newest first.',
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
    const stored = await readCycles(context, {
      accountId,
      beforeId: Math.min(beforeId, ...all.map(({ cycleId }) => cycleId)),
      limit: page.first + 1,
    });
    const fresh = all.filter(({ cycleId }) => cycleId < beforeId);
    return pageOfRows([...fresh, ...stored.map(endedCycleNode)], page, {
      keyOf: ({ cycleId }) => ({ value: null, id: cycleId }),
      // The running cycle has a row. Each cycle that ended since the last settlement adds one.
      countAll: async () => (await readCycleCount(context, accountId)) + standing.closed.length,
    });
  }
}
