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
} from './credits.loaders.ts';
import {
  type AdjustCreditsRequest,
  type AllocationOfAccount,
  type CreditsService,
} from './credits.service.ts';
import { ledgerEntryNode, LedgerEntryType } from './ledger.graphql.ts';
import { readEntry } from './ledger.service.ts';

registerEnumType(allocationUnits, { name: 'AllocationUnit' });
registerEnumType(allocationSources, {
  name: 'AllocationSource',
  description: 'Where an allocation comes from. It is a label: all are spent alike.',
});

@ObjectType('CreditAllocation', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'A grant of credits or workflow runs, spendable in [effectiveAt, expiresAt). Spent by priority (lowest first), then earliest expiry (none last), then earliest creation, then id.',
})
export class CreditAllocationType extends NodeType {
  @Field(() => AccountType) readonly account!: AccountType;
  @Field(() => allocationUnits) readonly unit!: AllocationUnit;
  @Field(() => allocationSources) readonly source!: AllocationSource;
  @Field(() => CreditsScalar, { description: 'Credits, or a whole number of runs.' })
  readonly amount!: bigint;
  @Field(() => Int, { description: 'The lower, the earlier it is spent.' })
  readonly priority!: number;
  @Field(() => DateTimeScalar, {
    description: 'From when on usage views count it; it can be spent once it is booked.',
  })
  readonly effectiveAt!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'It can be spent until just before; null: it does not expire.',
  })
  readonly expiresAt!: number | null;
  @Field(() => Boolean, {
    description:
      'One of a row of grants, one for each billing cycle, each an allocation of its own for that cycle only. Voiding one ends the row.',
  })
  readonly everyCycle!: boolean;
  @Field(() => DateTimeScalar, { nullable: true }) readonly voidedAt!: number | null;
  @Field(() => String, { nullable: true }) readonly note!: string | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  /** What other domains' fields start from. */
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
    everyCycle: allocation.isEveryCycle,
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
      'Credits, or a whole number of runs; above 0. All that an account is given once may be at most 10^12 together, all grants of one cycle at most 10^9.',
  })
  readonly amount!: string;
  @Field(() => allocationSources, { nullable: true, defaultValue: 'TOP_UP' })
  readonly source?: AllocationSource | null;
  @Field(() => Int, {
    nullable: true,
    defaultValue: 100,
    description: 'The lower, the earlier it is spent.',
  })
  readonly priority?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Default: now. Earlier: booked and spendable now, in usage views from effectiveAt on; with an expiresAt not after creditsFrom it is history, in views only. Any other expiresAt must be after now.',
  })
  readonly effectiveAt?: number | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'Default: it does not expire.' })
  readonly expiresAt?: number | null;
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Grants the amount anew in each billing cycle, for that cycle. The first grant covers the running one; expiresAt must be left out.',
  })
  readonly everyCycle?: boolean | null;
  @Field(() => String, { nullable: true, description: 'At most 1,000 characters.' })
  readonly note?: string | null;
  @Field(() => String, {
    description:
      'Sending the same key again returns the first result; with another body it is IDEMPOTENCY_CONFLICT.',
  })
  readonly idempotencyKey!: string;
}

@ArgsType()
class AllocationsArgs extends Page25 {
  @Field(() => allocationUnits, { nullable: true }) readonly unit?: AllocationUnit | null;
}

@Resolver(() => AccountType)
export class AccountAllocationsResolver {
  @FieldResolver(() => CreditAllocationConnection, {
    description: 'Newest first, by creation; those that ended too.',
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
      'In credits. Above 0: a lot of its own, without expiry. Below: taken like usage, into debt if need be, down to a balance of -10^12.',
  })
  readonly amount!: string;
  @Field(() => String, { description: 'The description of its entry; at most 1,000 characters.' })
  readonly reason!: string;
  @Field(() => String, { description: 'As for `allocate`; both share one space of keys.' })
  readonly idempotencyKey!: string;
}

@Resolver(() => CreditAllocationType)
export class AllocationResolver {
  @FieldResolver(() => CreditsScalar, {
    description:
      'Now, running hosting taken off; before it takes effect the amount; 0 once expired or voided.',
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
  @FieldResolver(() => CreditAllocationType, {
    nullable: true,
    description: 'What was granted, expired, voided or added.',
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
export class CreditsResolver {
  constructor(private readonly credits: CreditsService) {}

  @Mutation(() => CreditAllocationType, {
    description:
      'Gives an account credits or workflow runs. They pay its debt first; what warnings no longer hold is told (RESOLVED).',
  })
  async allocate(
    @Ctx() context: RequestContext,
    @Arg('input', () => AllocateInput) input: AllocateInput,
  ): Promise<CreditAllocationType> {
    const made = await this.credits.allocate(context.actor, input);
    return allocationNode(await this.credits.read(await context.reader(), made));
  }

  @Mutation(() => LedgerEntryType, {
    description: 'Corrects the balance. Answers with the entry that it made.',
  })
  async adjustCredits(
    @Ctx() context: RequestContext,
    @Arg('input', () => AdjustCreditsInput) input: AdjustCreditsInput,
  ): Promise<LedgerEntryType> {
    const ref = await this.credits.adjust(context.actor, input);
    return ledgerEntryNode(await readEntry(await context.reader(), ref));
  }

  @Mutation(() => CreditAllocationType, {
    description:
      'Ends it now: what is left of it is taken back. Any of a row of grants ends the row, with the grant that waits or is in effect; those of cycles that ended stay as they were. One that was voided before is answered unchanged.',
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
