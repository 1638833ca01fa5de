import DataLoader from 'dataloader';
import {
  Arg,
  Args,
  ArgsType,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import { encodeId, unknownId } from '../core/identity.ts';
import { Key, type RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import {
  connectionType,
  Page25,
  pageOfRows,
  parsePage,
  wrongCursor,
  type Connection,
} from '../graphql/page.ts';
import { DateTimeScalar, EmailAddressScalar, TimeZoneScalar } from '../graphql/scalars.ts';
import type { Account, CreateAccountRequest } from './account.ts';
import { loadAccounts, type AccountService, type UpdateAccountRequest } from './account.service.ts';

@ObjectType('Account', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'Whose usage it is: a customer of the platform.',
})
export class AccountType extends NodeType {
  @Field(() => String, {
    nullable: true,
    description: "The platform's own identifier of the account, unique.",
  })
  readonly externalId!: string | null;
  @Field(() => String) readonly name!: string;
  @Field(() => TimeZoneScalar) readonly timeZone!: string;
  @Field(() => [EmailAddressScalar]) readonly notificationEmails!: readonly string[];
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, {
    description:
      'Credits and runs are kept from here on. What happened before is history: in every usage view, but it moves no balance, cycle total or alert.',
  })
  readonly creditsFrom!: number;
  /** What other domains' fields of an account start from. */
  readonly account!: Account;
}

/** An account as the API shows it. */
export function accountNode(account: Account): AccountType {
  return {
    id: encodeId('Account', account.accountId, account.accountId),
    externalId: account.externalId,
    name: account.name,
    timeZone: account.timeZone,
    notificationEmails: account.notificationEmails,
    createdAt: account.createdAtMs,
    creditsFrom: account.creditsFromMs,
    account,
  };
}

const ACCOUNT_ID_MAX = 2 ** 31 - 1;
const ACCOUNT_LOADER = new Key<DataLoader<number, Account>>('account');

/** Accounts by id; an unknown id is NOT_FOUND. */
export function accountLoader(context: RequestContext): DataLoader<number, Account> {
  return context.once(
    ACCOUNT_LOADER,
    () =>
      new DataLoader<number, Account>(async (accountIds: readonly number[]) => {
        const accounts = await loadAccounts(await context.reader(), accountIds);
        const byId = new Map(accounts.map((account) => [account.accountId, account]));
        return accountIds.map((id) => byId.get(id) ?? unknownId(encodeId('Account', id, id)));
      }),
  );
}

export const AccountConnection = connectionType('Account', () => AccountType);

@InputType('CreateAccountInput')
class CreateAccountInput implements CreateAccountRequest {
  @Field(() => String) readonly name!: string;
  @Field(() => String, {
    nullable: true,
    description: 'Sent again with the same externalId and body: the first account.',
  })
  readonly externalId?: string | null;
  @Field(() => TimeZoneScalar, { nullable: true, defaultValue: 'UTC' })
  readonly timeZone?: string | null;
  @Field(() => [EmailAddressScalar], { nullable: true, defaultValue: [] })
  readonly notificationEmails?: readonly string[] | null;
  @Field(() => Int, {
    nullable: true,
    defaultValue: 1,
    description: 'First day of the billing cycle, 1 to 28.',
  })
  readonly cycleDay?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'In the past for an account whose history is imported.',
  })
  readonly createdAt?: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Default: the creation; for an account created in the past, the start of its running cycle.',
  })
  readonly creditsFrom?: number | null;
}

@InputType('UpdateAccountInput')
class UpdateAccountInput implements UpdateAccountRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String, { nullable: true }) readonly name?: string | null;
  @Field(() => TimeZoneScalar, {
    nullable: true,
    description: 'Days and months of views change at once.',
  })
  readonly timeZone?: string | null;
  @Field(() => [EmailAddressScalar], { nullable: true })
  readonly notificationEmails?: readonly string[] | null;
}

@ArgsType()
class AccountsArgs extends Page25 {
  @Field(() => String, {
    nullable: true,
    description: 'Case-insensitive part of the name or the externalId.',
  })
  readonly search?: string | null;
}

@Resolver(() => AccountType)
export class AccountResolver {
  constructor(private readonly accounts: AccountService) {}

  @Query(() => AccountType, {
    nullable: true,
    description: "The caller's own account; an operator names one.",
  })
  async account(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { nullable: true }) id?: string | null,
    @Arg('externalId', () => String, { nullable: true }) externalId?: string | null,
  ): Promise<AccountType> {
    const account = await this.accounts.find(context.actor, await context.reader(), {
      id: id ?? null,
      externalId: externalId ?? null,
    });
    return accountNode(account);
  }

  @Query(() => AccountConnection, {
    nullable: true,
    name: 'accounts',
    description: 'Operators only.',
  })
  async listAccounts(
    @Ctx() context: RequestContext,
    @Args(() => AccountsArgs) args: AccountsArgs,
  ): Promise<Connection<AccountType>> {
    const page = parsePage(args, 25);
    if (page.after !== null && (page.after.value !== null || page.after.id > ACCOUNT_ID_MAX)) {
      throw wrongCursor(['after']);
    }
    const search = args.search ?? null;
    const tx = await context.reader();
    const rows = await this.accounts.list(context.actor, tx, {
      afterId: page.after?.id ?? 0,
      limit: page.first + 1,
      search,
    });
    return pageOfRows(rows.map(accountNode), page, {
      keyOf: (node) => ({ value: null, id: node.account.accountId }),
      countAll: () => this.accounts.count(tx, search),
    });
  }

  @Mutation(() => AccountType)
  async createAccount(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateAccountInput) input: CreateAccountInput,
  ): Promise<AccountType> {
    return accountNode(await this.accounts.create(context.actor, input));
  }

  @Mutation(() => AccountType)
  async updateAccount(
    @Ctx() context: RequestContext,
    @Arg('input', () => UpdateAccountInput) input: UpdateAccountInput,
  ): Promise<AccountType> {
    return accountNode(await this.accounts.update(context.actor, input));
  }
}
