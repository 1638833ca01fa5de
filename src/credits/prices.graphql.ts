import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';
import { DateTimeScalar, DecimalScalar } from '../graphql/scalars.ts';
import type { SetCreditPriceRequest } from './prices.ts';
import { pricesLoader } from './prices.loaders.ts';
import type { PricesService } from './prices.service.ts';

@ObjectType('CreditPrice', {
  simpleResolvers: true,
  description:
    'What a credit costs in money. A price never changes once it has taken effect. It moves no balance: the FOCUS export gives costs by it.',
})
class CreditPriceType {
  @Field(() => String, { description: 'A national currency, as its code of ISO 4217: "EUR".' })
  readonly currency!: string;
  @Field(() => DecimalScalar, { description: 'For one credit, before discounts.' })
  readonly listPerCredit!: bigint;
  @Field(() => DecimalScalar, { description: 'For one credit, as agreed with the account.' })
  readonly contractedPerCredit!: bigint;
  @Field(() => DateTimeScalar) readonly effectiveFrom!: number;
}

@InputType('SetCreditPriceInput')
class SetCreditPriceInput implements SetCreditPriceRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String, {
    description:
      'The code of a national currency in ISO 4217: "EUR". Codes of metals, funds and tests are refused.',
  })
  readonly currency!: string;
  @Field(() => DecimalScalar, {
    description: 'Money for one credit before discounts; from 0 to 1,000,000.',
  })
  readonly listPerCredit!: string;
  @Field(() => DecimalScalar, {
    description: 'Money for one credit as agreed; from 0 to 1,000,000.',
  })
  readonly contractedPerCredit!: string;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      "Default: the account's now. Now or later; or any instant before the first price, where none holds yet.",
  })
  readonly effectiveFrom?: number | null;
}

@Resolver(() => AccountType)
export class AccountPricesResolver {
  @Cost(3)
  @Needs('READ_USAGE')
  @FieldResolver(() => [CreditPriceType], {
    description: 'All prices of a credit, earliest first, including scheduled ones.',
  })
  async creditPrices(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
  ): Promise<readonly CreditPriceType[]> {
    const prices = await pricesLoader(context).load(account.accountId);
    return prices.map(({ currency, listMicro, contractedMicro, fromMs }) => ({
      currency,
      listPerCredit: listMicro,
      contractedPerCredit: contractedMicro,
      effectiveFrom: fromMs,
    }));
  }
}

@Resolver()
export class PricesResolver {
  constructor(private readonly prices: PricesService) {}

  @Cost(20)
  @Mutation(() => AccountType, {
    description:
      'Sets what a credit costs the account in money from an instant on, for the FOCUS export. A second price for the same instant in the future replaces the first. The currency may change from one price to the next. An account has at most 1,000 prices.',
  })
  async setCreditPrice(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetCreditPriceInput) input: SetCreditPriceInput,
  ): Promise<AccountType> {
    return accountNode(await this.prices.setPrice(context.actor, input));
  }
}
