import {
  Arg,
  Args,
  ArgsType,
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
import { accountLoader } from '../account/account.loaders.ts';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { connectionType, Page25, pageOfRows, parsePage, type Connection } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import {
  allocationSources,
  type AllocateRequest,
  type CreditAllocation,
  type AllocationSource,
} from '../settlement/allocation.ts';
import { type AllocationUnit, allocationUnits } from '../engine/lots.ts';
import { stateLoader } from './balance.loaders.ts';
import { remainingOf } from './balance.service.ts';
import {
  allocationCountLoader,
  allocationLoader,
  allocationPageLoader,
} from './allocations.loaders.ts';
import {
  type AdjustCreditsRequest,
  type AllocationOfAccount,
  type AllocationsService,
} from './allocations.service.ts';
import { ledgerEntryNode, LedgerEntryType } from './ledger.graphql.ts';
import { readEntry } from './ledger.service.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(allocationUnits, { name: 'AllocationUnit' });
registerEnumType(allocationSources, {
  name: 'AllocationSource',
  description:
    'The origin of an allocation. It is a label and does not change how the allocation is spent.',
});

@ObjectType('CreditAllocation', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'A grant of credits or workflow runs, spendable in [effectiveAt, expiresAt). Allocations are spent by priority (lowest first), then by expiry (earliest first, none last), then by creation, then by id.',
})
export class CreditAllocationType extends NodeType {
  @Field(() => AccountType) readonly account!: AccountType;
  @Field(() => allocationUnits) readonly unit!: AllocationUnit;
  @Field(() => allocationSources) readonly source!: AllocationSource;
  @Field(() => CreditsScalar, { description: 'Credits, or a whole number of runs.' })
  readonly amount!: bigint;
  @Field(() => Int, { description: 'Lower priorities are spent first.' })
  readonly priority!: number;
  @Field(() => DateTimeScalar, {
    description:
      'Usage views count the allocation from this instant on. It can be spent as soon as it is booked.',
  })
  readonly effectiveAt!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Exclusive: the allocation can be spent until just before. Null: it does not expire.',
  })
  readonly expiresAt!: number | null;
  @Field(() => Boolean, {
    description:
      'Whether it belongs to a recurring grant, which makes one allocation for each billing cycle, valid in that cycle only. Voiding any of them ends the recurrence.',
  })
  readonly everyCycle!: boolean;
  @Field(() => DateTimeScalar, { nullable: true }) readonly voidedAt!: number | null;
  @Field(() => String, { nullable: true }) readonly note!: string | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  /** For the fields that other folders add to an allocation. */
  readonly allocation!: CreditAllocation;
}

/** An allocation as the API shows it. */
export function allocationNode({ allocation, account }: AllocationOfAccount): CreditAllocationType {
  return {
    id: encodeId('CreditAllocation', allocation.accountId, allocation.allocationId),
    account: accountNode(account),
    unit: allocation.unit,
    source: allocation.source,
    amount: allocation.amountMicro,
    priority: allocation.priority,
    effectiveAt: allocation.effectiveAtMs,
    expiresAt: allocation.expiresAtMs,
    everyCycle: allocation.seriesId !== null,
    voidedAt: allocation.voidedAtMs,
    note: allocation.note,
    createdAt: allocation.createdAtMs,
    allocation,
  };
}

export const CreditAllocationConnection = connectionType(
  'CreditAllocation',
  () => CreditAllocationType,
);

@InputType('AllocateInput')
class AllocateInput implements AllocateRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => allocationUnits, { nullable: true, defaultValue: 'CREDITS' })
  readonly unit?: AllocationUnit | null;
  @Field(() => CreditsScalar, {
    description:
      'Credits, or a whole number of runs; above 0. An account can hold at most 10^12 of one-time allocations together, and at most 10^9 of recurring grants in one cycle.',
  })
  readonly amount!: string;
  @Field(() => allocationSources, { nullable: true, defaultValue: 'TOP_UP' })
  readonly source?: AllocationSource | null;
  @Field(() => Int, {
    nullable: true,
    defaultValue: 100,
    description: 'Lower priorities are spent first.',
  })
  readonly priority?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Default: now. A past instant: the allocation is booked and spendable now, and usage views count it from effectiveAt on. With an expiresAt at or before creditsFrom it is history and appears in views only. Any other expiresAt must be in the future.',
  })
  readonly effectiveAt?: number | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'Default: no expiry.' })
  readonly expiresAt?: number | null;
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'A recurring grant: each billing cycle receives the amount anew, for that cycle only. The first grant covers the current cycle; leave out expiresAt.',
  })
  readonly everyCycle?: boolean | null;
  @Field(() => String, { nullable: true, description: 'At most 1,000 characters.' })
  readonly note?: string | null;
  @Field(() => String, {
    description:
      'Sending the same key again returns the first result. The same key with another body is IDEMPOTENCY_CONFLICT.',
  })
  readonly idempotencyKey!: string;
}

@ArgsType()
class AllocationsArgs extends Page25 {
  @Field(() => allocationUnits, { nullable: true }) readonly unit?: AllocationUnit | null;
}

@Resolver(() => AccountType)
export class AccountAllocationsResolver {
  @Cost(10)
  @Needs('READ_USAGE')
  @FieldResolver(() => CreditAllocationConnection, {
    description: 'All allocations, including expired and voided ones; the newest created first.',
  })
  async allocations(
    @Root() node: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => AllocationsArgs) args: AllocationsArgs,
  ): Promise<Connection<CreditAllocationType>> {
    const { account } = node;
    const page = parsePage(args, 25);
    const list = { accountId: account.accountId, unit: args.unit ?? null };
    const allocations = await allocationPageLoader(context).load({
      ...list,
      beforeId: page.after?.id ?? null,
      limit: page.first + 1,
    });
    const nodes = allocations.map((allocation) => allocationNode({ allocation, account }));
    return pageOfRows(nodes, page, {
      keyOf: ({ allocation }) => ({ value: null, id: allocation.allocationId }),
      countAll: () => allocationCountLoader(context).load(list),
    });
  }
}

@InputType('AdjustCreditsInput')
class AdjustCreditsInput implements AdjustCreditsRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => CreditsScalar, {
    description:
      'In credits. A positive amount becomes a lot of its own, without expiry. A negative amount is taken like usage and may lead into debt, down to a balance of -10^12.',
  })
  readonly amount!: string;
  @Field(() => String, {
    description: 'The description of the ledger entry; at most 1,000 characters.',
  })
  readonly reason!: string;
  @Field(() => String, { description: 'As for `allocate`. Both mutations share one key space.' })
  readonly idempotencyKey!: string;
}

@Resolver(() => CreditAllocationType)
export class AllocationResolver {
  @Cost(5)
  @FieldResolver(() => CreditsScalar, {
    description:
      'What is left now, after what running deployments have accrued. Before the allocation takes effect: its amount. Expired or voided: 0.',
  })
  async remaining(
    @Root() { allocation }: CreditAllocationType,
    @Ctx() context: RequestContext,
  ): Promise<bigint> {
    const state = await stateLoader(context).load(allocation.accountId);
    return remainingOf(state, allocation);
  }
}

@Resolver(() => LedgerEntryType)
export class LedgerEntryResolver {
  @Cost(1)
  @FieldResolver(() => CreditAllocationType, {
    nullable: true,
    description: 'The allocation that was granted, expired, voided or added.',
  })
  async allocation(
    @Root() { entry }: LedgerEntryType,
    @Ctx() context: RequestContext,
  ): Promise<CreditAllocationType | null> {
    const { accountId, allocationId } = entry;
    if (allocationId === null) return null;
    const allocation = await allocationLoader(context).load({ accountId, allocationId });
    const account = await accountLoader(context).load(accountId);
    return allocation === null ? null : allocationNode({ allocation, account });
  }
}

@Resolver(() => CreditAllocationType)
export class AllocationsResolver {
  constructor(private readonly credits: AllocationsService) {}

  @Cost(20)
  @Mutation(() => CreditAllocationType, {
    description:
      'Grants an account credits or workflow runs. Debt is repaid first; alerts whose condition no longer holds are resolved.',
  })
  async allocate(
    @Ctx() context: RequestContext,
    @Arg('input', () => AllocateInput) input: AllocateInput,
  ): Promise<CreditAllocationType> {
    const made = await this.credits.allocate(context.actor, input);
    return allocationNode(await this.credits.read(await context.reader(), made));
  }

  @Cost(20)
  @Mutation(() => LedgerEntryType, {
    description: 'Corrects the balance by one ledger entry.',
  })
  async adjustCredits(
    @Ctx() context: RequestContext,
    @Arg('input', () => AdjustCreditsInput) input: AdjustCreditsInput,
  ): Promise<LedgerEntryType> {
    const ref = await this.credits.adjust(context.actor, input);
    return ledgerEntryNode(await readEntry(await context.reader(), ref));
  }

  @Cost(20)
  @Mutation(() => CreditAllocationType, {
    description:
      'Ends an allocation now and takes back what is left of it. Voiding any allocation of a recurring grant ends the recurrence and voids the pending or active one; those of past cycles remain. A voided allocation is returned unchanged.',
  })
  async voidAllocation(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('reason', () => String) reason: string,
  ): Promise<CreditAllocationType> {
    const voided = await this.credits.void(context.actor, { id, reason });
    return allocationNode(await this.credits.read(await context.reader(), voided));
  }
}
