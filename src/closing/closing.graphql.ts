import { Arg, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost } from '../graphql/field-extensions.ts';
import type { ClosingService } from './closing.service.ts';

@Resolver()
export class ClosingResolver {
  constructor(private readonly closing: ClosingService) {}

  @Cost(20)
  @Mutation(() => AccountType, {
    description:
      'Operators only. Closes an account for good, at its now. Running deployments stop at that instant and are charged up to it. From then on its time stands still, every write is refused with ACCOUNT_CLOSED, also one that is sent again and was recorded before, and no webhook or email is sent. Its keys and portal tokens end as with `revokeApiKey`; JWTs of the account are no longer taken. Operators can still read all of it: views, ledger, statements and exports. A closed account is returned unchanged.',
  })
  async closeAccount(
    @Ctx() context: RequestContext,
    @Arg('accountId', () => ID) accountId: string,
  ): Promise<AccountType> {
    return accountNode(await this.closing.close(context.actor, accountId));
  }

  @Cost(20)
  @Mutation(() => AccountType, {
    description:
      'Operators only. Erases the personal data of a closed account, for good: its name and addresses, the owners, endpoint URLs and failure messages of its resources, the texts and addresses of its emails, the URLs and secrets of its webhooks and what was sent there, the names of its keys, and what its audit entries say beyond who did what, to what and when. Ids, amounts, the ledger and signed statements stay as they were written. CONFLICT while the account is open, or a billing cycle that has ended has no statement yet. An account whose data was erased is returned unchanged.',
  })
  async erasePersonalData(
    @Ctx() context: RequestContext,
    @Arg('accountId', () => ID) accountId: string,
  ): Promise<AccountType> {
    return accountNode(await this.closing.erase(context.actor, accountId));
  }
}
