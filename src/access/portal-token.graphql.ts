import { Arg, Ctx, Field, ID, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import type { RequestContext } from '../graphql/context.ts';
import { Cost } from '../graphql/field-extensions.ts';
import { DateTimeScalar, UrlScalar } from '../graphql/scalars.ts';
import { TOKEN_SECONDS_MAX } from './portal-token.ts';
import type { PortalTokenService } from './portal-tokens.service.ts';

@ObjectType('PortalToken', {
  simpleResolvers: true,
  description:
    'A key for a page: requests that carry it as `Authorization: Bearer <token>` may read the usage of one account. It is shown only once.',
})
class PortalTokenType {
  @Field(() => String) readonly token!: string;
  @Field(() => DateTimeScalar) readonly expiresAt!: number;
}

@Resolver()
export class PortalTokenResolver {
  constructor(private readonly tokens: PortalTokenService) {}

  @Cost(20)
  @Mutation(() => PortalTokenType, {
    description:
      'Makes a token of scope READ_USAGE for pages that show an account. It ends after `expiresInSeconds` (1 to 3,600), or with the key that made it.',
  })
  async createPortalToken(
    @Ctx() context: RequestContext,
    @Arg('accountId', () => ID, { nullable: true }) accountId: string | null | undefined,
    @Arg('expiresInSeconds', () => Int, { nullable: true, defaultValue: TOKEN_SECONDS_MAX })
    expiresInSeconds: number | null,
    @Arg('origins', () => [UrlScalar], {
      nullable: true,
      defaultValue: [],
      description: 'Web origins that may use it and embed the Usage page.',
    })
    origins: readonly string[] | null,
  ): Promise<PortalTokenType> {
    const { token, expiresAtMs } = await this.tokens.create(context.actor, {
      accountId: accountId ?? null,
      expiresInSeconds: expiresInSeconds ?? TOKEN_SECONDS_MAX,
      origins: origins ?? [],
    });
    return { token, expiresAt: expiresAtMs };
  }
}
