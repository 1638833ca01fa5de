import { Arg, Ctx, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { DateTimeScalar, EmailAddressScalar, TimeZoneScalar } from '../graphql/scalars.ts';
import type { Account } from './account.ts';
import type { AccountService } from './account.service.ts';
import { Cost } from '../graphql/field-extensions.ts';

@ObjectType('Account', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'A customer of the platform: the owner of resources, usage and credits.',
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
      'Balances are kept from this instant on. Usage before it is history: it appears in every usage view, but changes no balance, cycle total or alert.',
  })
  readonly creditsFrom!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'The current instant of a test account; null for a real account.',
  })
  readonly testClock!: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the account was closed, in its own time, which stands still from then on. Null while it is open.',
  })
  readonly closedAt!: number | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the personal data of the closed account was erased; null: it was not.',
  })
  readonly erasedAt!: number | null;
  /** For the fields that other folders add to an account. */
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
    testClock: account.isTest ? account.settledAtMs : null,
    closedAt: account.closedAtMs,
    erasedAt: account.erasedAtMs,
    account,
  };
}

@Resolver(() => AccountType)
export class AccountResolver {
  constructor(private readonly accounts: AccountService) {}

  @Cost(2)
  @Query(() => AccountType, {
    nullable: true,
    description: "The caller's own account. An operator names one.",
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
}
