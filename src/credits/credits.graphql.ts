import DataLoader from 'dataloader';
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
import { accountNode, AccountType } from '../account/account.graphql.ts';
import { encodeId } from '../core/identity.ts';
import { Key, type RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { connectionType, Page25, pageOfRows, parsePage, type Connection } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import {
  allocationSources,
  allocationUnits,
  type AllocateRequest,
  type CreditAllocation,
  type AllocationSource,
  type AllocationUnit,
} from './allocation.ts';
import {
  countAllocationLists,
  readAllocationPages,
  type AllocationList,
  type AllocationOfAccount,
  type AllocationPage,
  type CreditsService,
} from './credits.service.ts';

registerEnumType(allocationUnits, { name: 'AllocationUnit' });
registerEnumType(allocationSources, { name: 'AllocationSource' });

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
  @Field(() => Int) readonly priority!: number;
  @Field(() => DateTimeScalar) readonly effectiveAt!: number;
  @Field(() => DateTimeScalar, { nullable: true }) readonly expiresAt!: number | null;
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
  @Field(() => CreditsScalar, { description: 'Above 0; a whole number of runs.' })
  readonly amount!: string;
  @Field(() => allocationSources, { nullable: true, defaultValue: 'TOP_UP' })
  readonly source?: AllocationSource | null;
  @Field(() => Int, { nullable: true, defaultValue: 100 }) readonly priority?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Default: now. Earlier: booked and spendable now, in usage views from effectiveAt on; with an expiresAt not after creditsFrom it is history, in views only. Any other expiresAt must be after now.',
  })
  readonly effectiveAt?: number | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly expiresAt?: number | null;
  @Field(() => String, { nullable: true }) readonly note?: string | null;
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

const PAGE_LOADER = new Key<DataLoader<AllocationPage, readonly CreditAllocation[]>>(
  'allocation pages',
);
const COUNT_LOADER = new Key<DataLoader<AllocationList, number>>('allocation counts');

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
    const allocations = await pageLoader(context).load({
      ...list,
      beforeId: page.after?.id ?? null,
      limit: page.first + 1,
    });
    const nodes = allocations.map((allocation) => allocationNode({ allocation, account }));
    return pageOfRows(nodes, page, {
      keyOf: ({ allocation }) => ({ value: null, id: allocation.allocationId }),
      countAll: () => countLoader(context).load(list),
    });
  }
}

@Resolver(() => CreditAllocationType)
export class CreditsResolver {
  constructor(private readonly credits: CreditsService) {}

  @Mutation(() => CreditAllocationType)
  async allocate(
    @Ctx() context: RequestContext,
    @Arg('input', () => AllocateInput) input: AllocateInput,
  ): Promise<CreditAllocationType> {
    return allocationNode(await this.credits.allocate(context.actor, input));
  }

  @Mutation(() => CreditAllocationType, {
    description: 'Ends it now. One that was voided before is answered unchanged.',
  })
  async voidAllocation(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('reason', () => String) reason: string,
  ): Promise<CreditAllocationType> {
    return allocationNode(await this.credits.void(context.actor, { id, reason }));
  }
}

// The pages of all accounts of an answer are one statement, and so are their counts.
function pageLoader(
  context: RequestContext,
): DataLoader<AllocationPage, readonly CreditAllocation[]> {
  return context.once(
    PAGE_LOADER,
    () => new DataLoader(async (pages) => readAllocationPages(await context.reader(), pages)),
  );
}

function countLoader(context: RequestContext): DataLoader<AllocationList, number> {
  return context.once(
    COUNT_LOADER,
    () => new DataLoader(async (lists) => countAllocationLists(await context.reader(), lists)),
  );
}
