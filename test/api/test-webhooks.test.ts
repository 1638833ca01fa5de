// The message that a partner asks for to try an endpoint: sent like all others, once, and without consequences.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ask } from '../support/account.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { dueTimes, runDueJobs } from '../support/jobs.ts';
import {
  CreateWebhookEndpointDocument,
  RedeliverWebhookDocument,
  SendTestWebhookDocument,
  UpdateWebhookEndpointDocument,
} from '@billing-gateway/client/operations';
import { Receiver, verified } from '../support/receiver.ts';
import { AccountOfHooks, type Delivery } from '../support/webhook-account.ts';

let gateway: TestGateway;
let receiver: Receiver;
let account: AccountOfHooks;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(() => gateway.close());

beforeEach(async () => {
  receiver = await Receiver.listen();
  account = await AccountOfHooks.open(gateway);
});

afterEach(async () => {
  await receiver.close();
  await asOwner(gateway.databaseUrl, 'delete from graphile_worker._private_jobs');
  const faults = gateway.takeFaults();
  if (faults.length > 0) throw new Error('background work failed', { cause: faults });
});

async function sendTest(endpointId: string): Promise<Delivery> {
  return (await ask(gateway, SendTestWebhookDocument, { endpointId }, account.key)).sendTestWebhook;
}

describe('a test message', () => {
  it('goes to the endpoint that it is for alone, signed, whatever that subscribes to', async () => {
    const other = await Receiver.listen();
    const { endpoint, secret } = await account.endpoint(receiver.url(), ['CYCLE_CLOSED']);
    await account.endpoint(other.url());
    const sent = await sendTest(endpoint.id);
    await runDueJobs(gateway);
    const delivered = await account.delivery();
    await other.close();

    expect(sent).toMatchObject({ event: 'WEBHOOK_TEST', status: 'PENDING', attempts: 0 });
    expect(delivered).toMatchObject({ id: sent.id, status: 'DELIVERED', attempts: 1 });
    expect(verified(receiver.received[0], secret, gateway.clock.nowMs())).toEqual({
      type: 'WEBHOOK_TEST',
      timestamp: new Date(gateway.clock.nowMs()).toISOString(),
      data: {
        account: { id: account.id, externalId: expect.any(String) },
        endpoint: { id: endpoint.id, events: ['CYCLE_CLOSED'] },
      },
    });
    expect(receiver.received[0]?.headers['webhook-id']).toBe(sent.webhookId);
    expect(other.received).toEqual([]);
  });

  it.each([
    ['503 with a wish to wait', { status: 503, headers: { 'retry-after': '600' } }, 503],
    ['410', 410, 410],
  ])('that is answered %s fails once, and holds up nothing', async (_what, reply, code) => {
    const { endpoint } = await account.endpoint(receiver.url());
    receiver.replies.push(reply);
    await sendTest(endpoint.id);
    await runDueJobs(gateway);
    const failed = await account.delivery();
    const due = await dueTimes(gateway);
    await account.raise();
    await runDueJobs(gateway);
    const statuses = (await account.deliveries()).map(({ status }) => status);

    expect(failed).toMatchObject({
      status: 'FAILED',
      attempts: 1,
      nextAttemptAt: null,
      lastResponseCode: code,
      lastError: `Answered ${code}.`,
    });
    expect(due).toEqual([]);
    expect(gateway.disabled).toEqual([]);
    expect(statuses).toEqual(['FAILED', 'DELIVERED']);
  });

  it('is tried once more when it is sent again', async () => {
    const { endpoint } = await account.endpoint(receiver.url());
    receiver.otherwise = 500;
    const { id } = await sendTest(endpoint.id);
    await runDueJobs(gateway);
    await ask(gateway, RedeliverWebhookDocument, { deliveryId: id }, account.key);
    await runDueJobs(gateway);

    expect(receiver.received).toHaveLength(2);
    expect(await account.delivery()).toMatchObject({ status: 'FAILED', attempts: 1 });
    expect(await dueTimes(gateway)).toEqual([]);
  });

  it('is refused for a disabled endpoint, and for one that is not there', async () => {
    const { endpoint } = await account.endpoint(receiver.url());
    const variables = { id: endpoint.id, enabled: false };
    await ask(gateway, UpdateWebhookEndpointDocument, variables, account.key);
    const codeOf = async (endpointId: string): Promise<unknown> =>
      (await gateway.query(SendTestWebhookDocument, { endpointId }, account.key)).errors?.[0]
        ?.extensions;

    expect(await codeOf(endpoint.id)).toEqual({ code: 'CONFLICT', path: ['endpointId'] });
    expect(await codeOf('nothing')).toEqual({ code: 'NOT_FOUND', path: ['endpointId'] });
    expect(await account.deliveries()).toEqual([]);
  });

  it('cannot be subscribed to', async () => {
    const input = { url: receiver.url(), events: ['ALERT_RAISED', 'WEBHOOK_TEST'] as const };
    const { errors } = await gateway.query(CreateWebhookEndpointDocument, { input }, account.key);

    expect(errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', path: ['input', 'events'] });
  });
});
