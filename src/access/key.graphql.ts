import {
  Arg,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { encodeId, scopes, type Scope } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { DateTimeScalar } from '../graphql/scalars.ts';
import type { ApiKey, CreateApiKeyRequest } from './key.ts';
import type { KeyService } from './key.service.ts';
import { Cost } from '../graphql/field-extensions.ts';

registerEnumType(scopes, {
  name: 'Scope',
  description: `READ_USAGE: account, node, resource, hardwareProfiles, deploymentQuote, subscriptions. INGEST: usage, registering, lifecycle. MANAGE: READ_USAGE,
and thresholds, webhooks, keys, portal tokens, emails, audit, the account's name, zone and addresses. OPERATOR: all of it on any account, and
allocations, adjustments, policy, prices, accounts, test clocks. A key grants only scopes that it has; \`node\` asks for the scope of what it finds.`,
});

@ObjectType('ApiKey', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'A key: requests that carry its secret as `Authorization: Bearer <secret>` may do what its scopes allow.',
})
export class ApiKeyType extends NodeType {
  @Field(() => String) readonly name!: string;
  @Field(() => String, {
    description: 'The first characters of the secret, to recognize the key by.',
  })
  readonly prefix!: string;
  @Field(() => [scopes]) readonly scopes!: readonly Scope[];
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, { nullable: true }) readonly expiresAt!: number | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'Precise to the minute.' })
  readonly lastUsedAt!: number | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly revokedAt!: number | null;
}

/** A key as the API shows it: never its secret. */
export function apiKeyNode(key: ApiKey): ApiKeyType {
  return {
    id: encodeId('ApiKey', key.accountId, key.keyId),
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    createdAt: key.createdAtMs,
    expiresAt: key.expiresAtMs,
    lastUsedAt: key.lastUsedAtMs,
    revokedAt: key.revokedAtMs,
  };
}

@ObjectType('CreateApiKeyPayload', {
  simpleResolvers: true,
  description: 'The secret is shown only once.',
})
class CreateApiKeyPayload {
  @Field(() => ApiKeyType) readonly apiKey!: ApiKeyType;
  @Field(() => String) readonly secret!: string;
}

@InputType('CreateApiKeyInput')
class CreateApiKeyInput implements CreateApiKeyRequest {
  @Field(() => ID, {
    nullable: true,
    description:
      'The account of the key. An operator names an account; without one the key is an operator key (scope OPERATOR).',
  })
  readonly accountId?: string | null;
  @Field(() => String) readonly name!: string;
  @Field(() => [scopes]) readonly scopes!: readonly Scope[];
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'A future instant. Default: no expiry.',
  })
  readonly expiresAt?: number | null;
}

@Resolver(() => ApiKeyType)
export class ApiKeyResolver {
  constructor(private readonly keys: KeyService) {}

  @Cost(5)
  @Query(() => [ApiKeyType], {
    nullable: true,
    description:
      "The account's keys, including revoked and expired ones, newest first. An operator who names no account gets the operators' keys.",
  })
  async apiKeys(
    @Ctx() context: RequestContext,
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<readonly ApiKeyType[]> {
    const keys = await this.keys.list(context.actor, await context.reader(), {
      accountId: accountId ?? null,
    });
    return keys.map(apiKeyNode);
  }

  @Cost(20)
  @Mutation(() => CreateApiKeyPayload)
  async createApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateApiKeyInput) input: CreateApiKeyInput,
  ): Promise<CreateApiKeyPayload> {
    const { apiKey, secret } = await this.keys.create(context.actor, input);
    return { apiKey: apiKeyNode(apiKey), secret };
  }

  @Cost(20)
  @Mutation(() => ApiKeyType, {
    description: 'The key stops working, within five seconds on every gateway.',
  })
  async revokeApiKey(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
  ): Promise<ApiKeyType> {
    return apiKeyNode(await this.keys.revoke(context.actor, id));
  }
}
