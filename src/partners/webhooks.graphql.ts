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
  Query,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { type Connection, connectionType, Page25, pageOfRows, parsePage } from '../graphql/page.ts';
import { DateTimeScalar, UrlScalar } from '../graphql/scalars.ts';
import {
  type WebhookDelivery,
  type WebhookEndpoint,
  type WebhookEvent,
  webhookEvents,
} from './webhook.ts';
import { type DeliveryStatus, deliveryStatuses } from '../notifications/email.ts';
import {
  type CreateEndpointRequest,
  type EndpointWithSecret,
  type WebhookService,
} from './webhooks.service.ts';
import { deliveryCountLoader, deliveryPageLoader } from './webhooks.loaders.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(webhookEvents, {
  name: 'WebhookEvent',
  description:
    'DEPLOYMENT_STOPPED: a deployment was undeployed, deleted, failed, or stopped by the negative limit; the payload says which. WEBHOOK_TEST: sendTestWebhook was called; endpoints cannot subscribe to it.',
});

@ObjectType('WebhookDelivery', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'One message to one endpoint, and its delivery.',
})
export class WebhookDeliveryType extends NodeType {
  @Field(() => String, {
    description: 'The header `webhook-id`, the same for all attempts and all endpoints.',
  })
  readonly webhookId!: string;
  @Field(() => webhookEvents) readonly event!: WebhookEvent;
  @Field(() => deliveryStatuses) readonly status!: DeliveryStatus;
  @Field(() => String, { description: 'The body as sent.' }) readonly payload!: string;
  @Field(() => Int, {
    description:
      'Number of attempts since it was created, redelivered, or its endpoint was enabled.',
  })
  readonly attempts!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'Null when no attempt is scheduled, and while the endpoint is disabled.',
  })
  readonly nextAttemptAt!: number | null;
  @Field(() => Int, {
    nullable: true,
    description: 'The HTTP status of the last attempt; null when it had no answer.',
  })
  readonly lastResponseCode!: number | null;
  @Field(() => String, { nullable: true, description: 'The last error, in a sentence.' })
  readonly lastError!: string | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the endpoint answered with 2xx.',
  })
  readonly deliveredAt!: number | null;
  readonly delivery!: WebhookDelivery;
}

const WebhookDeliveryConnection = connectionType('WebhookDelivery', () => WebhookDeliveryType);

@ObjectType('WebhookEndpoint', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'An address that receives messages, signed as Standard Webhooks specifies.',
})
export class WebhookEndpointType extends NodeType {
  @Field(() => UrlScalar) readonly url!: string;
  @Field(() => [webhookEvents]) readonly events!: readonly WebhookEvent[];
  @Field(() => Boolean, {
    description:
      'False after updateWebhookEndpoint disabled it, an answer 410, or a message that failed ten times. While it is disabled, no new messages are created for it; pending ones are sent once it is enabled.',
  })
  readonly enabled!: boolean;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the endpoint was disabled; null while it is enabled.',
  })
  readonly disabledAt!: number | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  readonly endpoint!: WebhookEndpoint;
}

/** An endpoint as the API shows it: never its secrets. */
export function endpointNode(endpoint: WebhookEndpoint): WebhookEndpointType {
  return {
    id: encodeId('WebhookEndpoint', endpoint.accountId, endpoint.endpointId),
    url: endpoint.url,
    events: endpoint.events,
    enabled: endpoint.enabled,
    disabledAt: endpoint.disabledAtMs,
    createdAt: endpoint.createdAtMs,
    endpoint,
  };
}

/** A delivery as the API shows it. */
export function deliveryNode(delivery: WebhookDelivery): WebhookDeliveryType {
  return {
    id: encodeId('WebhookDelivery', delivery.accountId, delivery.deliveryId),
    webhookId: delivery.webhookId,
    event: delivery.event,
    status: delivery.status,
    payload: delivery.payload,
    attempts: delivery.attempts,
    nextAttemptAt: delivery.nextAttemptAtMs,
    lastResponseCode: delivery.lastResponseCode,
    lastError: delivery.lastError,
    createdAt: delivery.createdAtMs,
    deliveredAt: delivery.deliveredAtMs,
    delivery,
  };
}

@ObjectType('CreateWebhookEndpointPayload', {
  simpleResolvers: true,
  description: 'The secret is shown only once.',
})
class CreateWebhookEndpointPayload {
  @Field(() => WebhookEndpointType) readonly endpoint!: WebhookEndpointType;
  @Field(() => String) readonly secret!: string;
}

@InputType('CreateWebhookEndpointInput')
class CreateWebhookEndpointInput implements CreateEndpointRequest {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => UrlScalar, {
    description:
      'An https address on the public internet, at port 443 or from 1024 on, without a user name or password.',
  })
  readonly url!: string;
  @Field(() => [webhookEvents]) readonly events!: readonly WebhookEvent[];
}

@ArgsType()
class UpdateWebhookEndpointArgs {
  @Field(() => ID) readonly id!: string;
  @Field(() => UrlScalar, { nullable: true }) readonly url?: string | null;
  @Field(() => [webhookEvents], { nullable: true }) readonly events?:
    readonly WebhookEvent[] | null;
  @Field(() => Boolean, { nullable: true }) readonly enabled?: boolean | null;
}

@Resolver(() => WebhookEndpointType)
export class WebhookEndpointResolver {
  @Cost(10)
  @Needs('MANAGE')
  @FieldResolver(() => WebhookDeliveryConnection, { description: 'Newest first.' })
  async deliveries(
    @Root() { endpoint }: WebhookEndpointType,
    @Ctx() context: RequestContext,
    @Args(() => Page25) args: Page25,
  ): Promise<Connection<WebhookDeliveryType>> {
    const page = parsePage(args, 25);
    const { accountId, endpointId } = endpoint;
    const deliveries = await deliveryPageLoader(context).load({
      accountId,
      endpointId,
      beforeId: page.after?.id ?? null,
      limit: page.first + 1,
    });
    return pageOfRows(deliveries.map(deliveryNode), page, {
      keyOf: ({ delivery }) => ({ value: null, id: delivery.deliveryId }),
      countAll: () => deliveryCountLoader(context).load({ accountId, endpointId }),
    });
  }
}

@Resolver()
export class WebhooksResolver {
  constructor(private readonly webhooks: WebhookService) {}

  @Cost(5)
  @Query(() => [WebhookEndpointType], { nullable: true, description: 'Oldest first.' })
  async webhookEndpoints(
    @Ctx() context: RequestContext,
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<readonly WebhookEndpointType[]> {
    const named = { accountId: accountId ?? null };
    const endpoints = await this.webhooks.list(context.actor, await context.reader(), named);
    return endpoints.map(endpointNode);
  }

  @Cost(20)
  @Mutation(() => CreateWebhookEndpointPayload)
  async createWebhookEndpoint(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateWebhookEndpointInput) input: CreateWebhookEndpointInput,
  ): Promise<CreateWebhookEndpointPayload> {
    return payloadNode(await this.webhooks.create(context.actor, input));
  }

  @Cost(20)
  @Mutation(() => WebhookEndpointType, {
    description:
      'Fields that are left out stay unchanged. Enabling a disabled endpoint sends its pending messages, each with ten new attempts.',
  })
  async updateWebhookEndpoint(
    @Ctx() context: RequestContext,
    @Args(() => UpdateWebhookEndpointArgs) args: UpdateWebhookEndpointArgs,
  ): Promise<WebhookEndpointType> {
    const { id, url = null, events = null, enabled = null } = args;
    return endpointNode(await this.webhooks.update(context.actor, { id, url, events, enabled }));
  }

  @Cost(20)
  @Mutation(() => CreateWebhookEndpointPayload, {
    description:
      'Messages are signed with both secrets until the old one ends, after `keepOldSeconds`; at most 30 days.',
  })
  async rotateWebhookSecret(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('keepOldSeconds', () => Int, { nullable: true, defaultValue: 86_400 })
    keepOldSeconds?: number | null,
  ): Promise<CreateWebhookEndpointPayload> {
    const request = { id, keepOldSeconds: keepOldSeconds ?? null };
    return payloadNode(await this.webhooks.rotate(context.actor, request));
  }

  @Cost(20)
  @Mutation(() => ID, { description: 'Pending messages to it are not sent.' })
  async deleteWebhookEndpoint(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
  ): Promise<string> {
    return this.webhooks.delete(context.actor, id);
  }

  @Cost(20)
  @Mutation(() => WebhookDeliveryType, {
    description:
      'Sends a message of the type WEBHOOK_TEST to an endpoint, whatever events it has. The delivery that is returned is PENDING: read it by `node` until it is DELIVERED or FAILED. There is one attempt, and a failed one does not disable the endpoint. CONFLICT while the endpoint is disabled.',
  })
  async sendTestWebhook(
    @Ctx() context: RequestContext,
    @Arg('endpointId', () => ID) endpointId: string,
  ): Promise<WebhookDeliveryType> {
    return deliveryNode(await this.webhooks.sendTest(context.actor, endpointId));
  }

  @Cost(20)
  @Mutation(() => WebhookDeliveryType, {
    description:
      'Sends a message again now, whatever its status, with the same `webhook-id` and ten new attempts.',
  })
  async redeliverWebhook(
    @Ctx() context: RequestContext,
    @Arg('deliveryId', () => ID) deliveryId: string,
  ): Promise<WebhookDeliveryType> {
    return deliveryNode(await this.webhooks.redeliver(context.actor, deliveryId));
  }
}

function payloadNode({ endpoint, secret }: EndpointWithSecret): CreateWebhookEndpointPayload {
  return { endpoint: endpointNode(endpoint), secret };
}
