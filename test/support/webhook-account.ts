// A test account whose credits run out on command, so that what webhooks tell of happens through the API.

import type { Answer, TestGateway } from './gateway.ts';
import {
  AllocateDocument,
  CreateAccountDocument,
  CreateApiKeyDocument,
  CreateHardwareProfileDocument,
  CreateWebhookEndpointDocument,
  type CreateWebhookEndpointMutation,
  DeployDocument,
  RecordUsageDocument,
  RegisterGuardrailDocument,
  ScaleDocument,
  UndeployDocument,
  type WebhookDeliveryPartsFragment,
  WebhookEndpointsDocument,
  type WebhookEndpointsQuery,
  type WebhookEvent,
} from './operations.ts';

const ADVANCE = `mutation ($accountId: ID, $to: DateTime!) {
  advanceTestClock(accountId: $accountId, to: $to) { id }
}`;

export const TEST_CLOCK = '2026-03-10T12:00:00.000Z';

export type Delivery = WebhookDeliveryPartsFragment;
export type Endpoint = NonNullable<WebhookEndpointsQuery['webhookEndpoints']>[number];

let made = 0;

export class AccountOfHooks {
  private calls = 0;

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
    const opened = await gateway.query(CreateAccountDocument, {
      input: {
        name: 'Acme',
        externalId: externalId ?? `hooked-${made}`,
        testClock: TEST_CLOCK,
        usageThresholds: ['50', '90'],
        hoursToStop: [],
        negativeLimit: '-10',
      },
    });
    const { id } = dataOf(opened).createAccount;
    const guardrail = await gateway.query(RegisterGuardrailDocument, {
      input: { accountId: id, externalId: 'pii', name: 'PII filter', owner: 'asha' },
    });
    const key = await gateway.query(CreateApiKeyDocument, {
      input: { accountId: id, name: 'partner', scopes: ['MANAGE'] },
    });
    const { secret } = dataOf(key).createApiKey;
    const guardrailId = dataOf(guardrail).registerGuardrail.id;
    const account = new AccountOfHooks(gateway, id, guardrailId, secret);
    await account.allocate('100');
    return account;
  }

  async allocate(amount: string): Promise<void> {
    this.calls += 1;
    const idempotencyKey = `allocation ${this.calls}`;
    const input = { accountId: this.id, amount, idempotencyKey };
    dataOf(await this.gateway.query(AllocateDocument, { input }));
  }

  /** Charges credits to the guardrail, now. */
  async useCredits(credits: string): Promise<void> {
    this.calls += 1;
    const event = {
      source: 'test',
      eventId: `event ${this.calls}`,
      type: 'PROCESSING',
      occurredAt: TEST_CLOCK,
      resourceId: this.guardrailId,
      credits,
    } as const;
    const answer = await this.gateway.query(RecordUsageDocument, {
      accountId: this.id,
      events: [event],
    });
    if (dataOf(answer).recordUsage.accepted !== 1) throw new Error(JSON.stringify(answer));
  }

  /** Raises one alert: the half is used, or given back. */
  async raise(): Promise<void> {
    await this.useCredits('50');
  }

  async deploy(replicas: number): Promise<void> {
    const input = { id: this.guardrailId, hardware: 'gpu-a100', replicas };
    dataOf(await this.gateway.query(DeployDocument, { input }));
  }

  async scale(replicas: number): Promise<void> {
    const input = { id: this.guardrailId, replicas };
    dataOf(await this.gateway.query(ScaleDocument, { input }));
  }

  async undeploy(): Promise<void> {
    dataOf(await this.gateway.query(UndeployDocument, { id: this.guardrailId }));
  }

  async advanceTo(to: string): Promise<void> {
    const variables = { accountId: this.id, to };
    dataOf(await this.gateway.query(ADVANCE, variables));
  }

  async endpoint(
    url: string,
    events: readonly WebhookEvent[] = ['ALERT_RAISED'],
  ): Promise<CreateWebhookEndpointMutation['createWebhookEndpoint']> {
    const variables = { input: { url, events } };
    const answer = await this.gateway.query(CreateWebhookEndpointDocument, variables, this.key);
    return dataOf(answer).createWebhookEndpoint;
  }

  async endpoints(): Promise<readonly Endpoint[]> {
    const variables = { first: 100 };
    const answer = await this.gateway.query(WebhookEndpointsDocument, variables, this.key);
    return dataOf(answer).webhookEndpoints ?? [];
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

/** The data of an answer without errors. */
export function dataOf<T>(answer: Answer<T>): T {
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}
