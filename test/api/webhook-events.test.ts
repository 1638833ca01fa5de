// What each event tells, compared with the examples that partners read in docs/webhooks.md.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { AccountOfHooks, type Delivery } from '../support/webhook-account.ts';
import { SendTestWebhookDocument, type WebhookEvent } from '@billing-gateway/client/operations';

const EVERY_EVENT = [
  'ALERT_RAISED',
  'DEPLOYMENT_STARTED',
  'DEPLOYMENT_CHANGED',
  'DEPLOYMENT_STOPPED',
  'CYCLE_CLOSED',
] as const satisfies readonly WebhookEvent[];

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

/** The JSON under the heading of each event, in the order of the document. */
function examples(): ReadonlyMap<string, unknown> {
  const parts = readFileSync('docs/webhooks.md', 'utf8').split(/^### /m).slice(1);
  return new Map(
    parts.map((part) => [
      part.split('\n')[0] ?? '',
      JSON.parse(/```json\n([^`]*)```/.exec(part)?.[1] ?? 'null') as unknown,
    ]),
  );
}

function messageOf({ payload }: Delivery): Message {
  return JSON.parse(payload) as Message;
}

/** A payload with its ids as the docs show them: of an account that no database has, 2147483647. */
function asInDocs(message: unknown): unknown {
  const inDocs = (word: string): string =>
    Buffer.from(word, 'base64url')
      .toString()
      .replace(/^Account\.\d+\.\d+$/, 'Account.2147483647.2147483647')
      .replace(/^([A-Z][A-Za-z]+)\.\d+\.(\d+)$/, '$1.2147483647.$2');
  return JSON.parse(
    JSON.stringify(message).replace(
      /"id":"([\w-]+)"/g,
      (_id, word: string) => `"id":"${Buffer.from(inDocs(word)).toString('base64url')}"`,
    ),
  );
}

describe('the events', () => {
  it('tell what docs/webhooks.md shows', async () => {
    const account = await AccountOfHooks.open(gateway, 'acme');
    const { endpoint } = await account.endpoint('https://example.com/hooks', EVERY_EVENT);

    // 2 replicas x 2 credits an hour: 4 an hour; from 13:00 on 3 replicas: 6 an hour.
    await account.deploy(2);
    await account.advanceTo('2026-03-10T13:00:00.000Z');
    await account.scale(3);
    // 4 + 46 = 50 of 100 credits at 7 h 40 min later.
    await account.advanceTo('2026-03-10T20:40:00.000Z');
    await account.undeploy();
    await account.advanceTo('2026-04-01T00:00:00.000Z');

    await ask(gateway, SendTestWebhookDocument, { endpointId: endpoint.id }, account.key);

    const messages = (await account.deliveries()).map(messageOf);
    const told = (event: string): unknown => messages.find(({ type }) => type === event);
    expect(messages.map(({ type }) => type)).toEqual([
      'DEPLOYMENT_STARTED',
      'DEPLOYMENT_CHANGED',
      'ALERT_RAISED',
      'DEPLOYMENT_STOPPED',
      'CYCLE_CLOSED',
      // With a new cycle nothing of it is used yet: the alert is resolved.
      'ALERT_RAISED',
      'WEBHOOK_TEST',
    ]);
    expect([...examples().keys()]).toEqual([...EVERY_EVENT, 'WEBHOOK_TEST']);
    for (const [event, example] of examples()) {
      expect(asInDocs(told(event))).toEqual(example);
    }
  });

  it('give ids and cursors that the API takes', async () => {
    const account = await AccountOfHooks.open(gateway);
    await account.endpoint('https://example.com/hooks', EVERY_EVENT);
    await account.deploy(1);
    await account.raise();

    const [started, alert] = (await account.deliveries()).map(messageOf);
    const deployment = started?.data['deployment'] as { readonly id: string };
    const node = await gateway.query<{ node: unknown }>(
      'query ($id: ID!) { node(id: $id) { __typename id } }',
      { id: deployment.id },
      account.key,
    );
    const read = await gateway.query<{ account: { id: string; thresholds: { id: string }[] } }>(
      '{ account { id thresholds { id } } }',
      {},
      account.key,
    );
    expect(node.data.node).toEqual({ __typename: 'Guardrail', id: account.guardrailId });
    expect(started?.data['account']).toMatchObject({ id: read.data.account.id });
    expect(alert?.data['alert']).toMatchObject({
      threshold: { id: read.data.account.thresholds[0]?.id },
      cursor: Buffer.from('[null,1]').toString('base64url'),
    });
  });

  it.each([
    ['UNDEPLOYED', 'undeploy(id: $id) { id }', 'UNDEPLOYED'],
    ['DELETED', 'deleteResource(id: $id) { id }', 'DELETED'],
    ['FAILED', 'deploymentFailed(id: $id, message: "The node was lost.") { id }', 'FAILED'],
  ])('say that a deployment was stopped because it was %s', async (cause, call, status) => {
    const account = await AccountOfHooks.open(gateway);
    await account.endpoint('https://example.com/hooks', ['DEPLOYMENT_STOPPED']);
    await account.deploy(1);

    await gateway.query(`mutation ($id: ID!) { ${call} }`, { id: account.guardrailId });

    const [message] = (await account.deliveries()).map(messageOf);
    expect(message?.data).toMatchObject({
      cause,
      hosting: null,
      deployment: {
        id: account.guardrailId,
        status,
        failureMessage: cause === 'FAILED' ? 'The node was lost.' : null,
      },
    });
  });

  it('say that the negative limit stopped a deployment, and the alert says which', async () => {
    const account = await AccountOfHooks.open(gateway);
    await account.endpoint('https://example.com/hooks', ['DEPLOYMENT_STOPPED', 'ALERT_RAISED']);
    await account.deploy(5);

    // 110 credits at 10 an hour: 11 hours.
    await account.advanceTo('2026-03-12T00:00:00.000Z');

    const messages = (await account.deliveries()).map(messageOf);
    const stopped = messages.find(({ type }) => type === 'DEPLOYMENT_STOPPED');
    const alert = messages.find(
      ({ data }) =>
        (data['alert'] as { kind?: string } | undefined)?.kind === 'NEGATIVE_LIMIT_REACHED',
    );
    expect(stopped).toMatchObject({
      timestamp: '2026-03-10T23:00:00.000Z',
      data: {
        cause: 'NEGATIVE_LIMIT',
        deployment: {
          status: 'UNDEPLOYED',
          failureMessage:
            "You've used all your available credits. Please add more credits to your account to continue.",
        },
      },
    });
    expect(alert).toMatchObject({
      timestamp: '2026-03-10T23:00:00.000Z',
      data: {
        alert: {
          remaining: '-10',
          threshold: null,
          stoppedCount: 1,
          stopped: [
            { id: account.guardrailId, kind: 'GUARDRAIL', externalId: 'pii', name: 'PII filter' },
          ],
        },
      },
    });
  });

  it('say of what an alert no longer holds', async () => {
    const account = await AccountOfHooks.open(gateway);
    await account.endpoint('https://example.com/hooks');
    await account.raise();
    await account.allocate('100');

    const [first, second] = (await account.deliveries()).map(messageOf);
    const raised = first?.data['alert'] as { readonly id: string };
    expect(second?.data['alert']).toMatchObject({
      kind: 'RESOLVED',
      resolves: { id: raised.id, sequence: 1 },
    });
  });
});
