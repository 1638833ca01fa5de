import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';
import { DateTimeScalar } from '../graphql/scalars.ts';
import { readFirstUse } from './first-use.loaders.ts';

@Resolver(() => AccountType)
export class AccountFirstUseResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the account first used something: its earliest workflow run, charged event or hosting that is not voided. Null while it has used nothing.',
  })
  async firstUsedAt(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<number | null> {
    return readFirstUse(context, account.accountId);
  }
}
