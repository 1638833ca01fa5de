// A test account whose credits run out on command, so that what webhooks tell of happens through the API.

import {
  allocate,
  ask,
  createAccount,
  createKey,
  deploy,
  moveClock,
  recordUsage,
  registerGuardrail,
  undeploy,
} from './account.ts';
import type { TestGateway } from './gateway.ts';
import {
  CreateHardwareProfileDocument,
  CreateWebhookEndpointDocument,
  type CreateWebhookEndpointMutation,
  ScaleDocument,
  type WebhookDeliveryPartsFragment,
  WebhookEndpointsDocument,
  type WebhookEndpointsQuery,
  type WebhookEvent,
} from '@billing-gateway/client/operations';

export const TEST_CLOCK = '2026-03-10T12:00:00.000Z';

export type Delivery = WebhookDeliveryPartsFragment;
export type Endpoint = NonNullable<WebhookEndpointsQuery['webhookEndpoints']>[number];

let made = 0;

export class AccountOfHooks {
  private constructor(
    readonly gateway: TestGateway,
    readonly id: string,
    readonly guardrailId: string,
    /** A key of the account's own with the scope MANAGE. */
    readonly key: string,
  ) {}

  /**
   * An account with 100 credits, warned at 50 and 90 percent and stopped at -10, with a guardrail that may be deployed at
   * 2 credits an hour.
   */
  static async open(gateway: TestGateway, externalId?: string): Promise<AccountOfHooks> {
    made += 1;
    // The second account finds it there.
    await gateway.query(CreateHardwareProfileDocument, {
      input: {
        name: 'gpu-a100',
        kind: 'GPU',
        model: 'A100 80GB',
        vcpus: 12,
        gpus: 1,
        memoryGb: 144,
        creditsPerHour: '2',
      },
    });
    const id = await createAccount(gateway, {
      name: 'Acme',
      externalId: externalId ?? `hooked-${made}`,
      testClock: TEST_CLOCK,
      usageThresholds: ['50', '90'],
      hoursToStop: [],
      negativeLimit: '-10',
    });
    const guardrailId = await registerGuardrail(gateway, id, 'pii', {
      name: 'PII filter',
      owner: 'asha',
    });
    const { secret } = await createKey(gateway, id, ['MANAGE'], { name: 'partner' });
    const account = new AccountOfHooks(gateway, id, guardrailId, secret);
    await account.allocate('100');
    return account;
  }

  async allocate(amount: string): Promise<void> {
    await allocate(this.gateway, this.id, amount);
  }

  /** Charges credits to the guardrail, now. */
  async useCredits(credits: string): Promise<void> {
    await recordUsage(this.gateway, this.id, {
      source: 'test',
      occurredAt: TEST_CLOCK,
      resourceId: this.guardrailId,
      credits,
    });
  }

  /** Raises one alert: the half is used, or given back. */
  async raise(): Promise<void> {
    await this.useCredits('50');
  }

  async deploy(replicas: number): Promise<void> {
    await deploy(this.gateway, this.guardrailId, 'gpu-a100', { replicas });
  }

  async scale(replicas: number): Promise<void> {
    await ask(this.gateway, ScaleDocument, { input: { id: this.guardrailId, replicas } });
  }

  async undeploy(): Promise<void> {
    await undeploy(this.gateway, this.guardrailId);
  }

  async advanceTo(to: string): Promise<void> {
    await moveClock(this.gateway, this.id, to);
  }

  async endpoint(
    url: string,
    events: readonly WebhookEvent[] = ['ALERT_RAISED'],
  ): Promise<CreateWebhookEndpointMutation['createWebhookEndpoint']> {
    const variables = { input: { url, events } };
    const data = await ask(this.gateway, CreateWebhookEndpointDocument, variables, this.key);
    return data.createWebhookEndpoint;
  }

  async endpoints(): Promise<readonly Endpoint[]> {
    const variables = { first: 100 };
    const data = await ask(this.gateway, WebhookEndpointsDocument, variables, this.key);
    return data.webhookEndpoints ?? [];
  }

  /** The deliveries of the account's first endpoint, oldest first. */
  async deliveries(): Promise<readonly Delivery[]> {
    const [endpoint] = await this.endpoints();
    return [...(endpoint?.deliveries.nodes ?? [])].reverse();
  }

  /** The only delivery of the account's first endpoint. */
  async delivery(): Promise<Delivery> {
    const [delivery, ...others] = await this.deliveries();
    if (delivery !== undefined && others.length === 0) return delivery;
    throw new Error(`1 delivery was expected, not ${others.length + (delivery ? 1 : 0)}`);
  }
}
