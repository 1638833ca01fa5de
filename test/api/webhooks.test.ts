import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CLAIM_MS, IN_FLIGHT_MAX } from '../../src/partners/delivery.service.ts';
import { ATTEMPT_DELAYS_MS } from '../../src/partners/webhook.ts';
import { ask, createKey, dataOf, numberOf } from '../support/account.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { dueTimes, runDueJobs } from '../support/jobs.ts';
import {
  CloseAccountDocument,
  CreateWebhookEndpointDocument,
  DeleteWebhookEndpointDocument,
  RedeliverWebhookDocument,
  RotateWebhookSecretDocument,
  UpdateWebhookEndpointDocument,
  WebhookDeliveryDocument,
} from '@billing-gateway/client/operations';
import { until } from '../support/eventually.ts';
import { Receiver, verified } from '../support/receiver.ts';
import { AccountOfHooks } from '../support/webhook-account.ts';
import { statementsOf } from '../support/statements.ts';

interface Pages {
  webhookEndpoints: {
    deliveries: { nodes: { id: string }[]; pageInfo: { endCursor: string } };
  }[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

let gateway: TestGateway;
let receiver: Receiver;
let account: AccountOfHooks;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

beforeEach(async () => {
  gateway.disabled.length = 0;
  receiver = await Receiver.listen();
  account = await AccountOfHooks.open(gateway);
});

afterEach(async () => {
  await receiver.close();
  await asOwner(gateway.databaseUrl, 'delete from graphile_worker._private_jobs');
  const faults = gateway.takeFaults();
  if (faults.length > 0) throw new Error('background work failed', { cause: faults });
});

/** What a receiver finds in a message now. */
function verifiedNow(index: number, secret: string): Record<string, unknown> {
  return verified(receiver.received[index], secret, gateway.clock.nowMs());
}

/** The ids of the messages received, in order. */
function ids(of = receiver): readonly (string | undefined)[] {
  return of.received.map(({ headers }) => headers['webhook-id']);
}

/** Moves the clock to where the next job is due, and runs it. @returns how long that was, ms */
async function runNext(): Promise<number> {
  const [dueMs] = await dueTimes(gateway);
  if (dueMs === undefined) throw new Error('no job waits');
  const waitedMs = dueMs - gateway.clock.nowMs();
  gateway.clock.moveTo(dueMs);
  await runDueJobs(gateway);
  return waitedMs;
}

describe('a delivery', () => {
  it('is signed over its raw bytes, and told of as it was sent', async () => {
    const { secret } = await account.endpoint(receiver.url('/in?from=billing'));

    await account.raise();
    const waiting = await account.delivery();
    await runDueJobs(gateway);

    const [message] = receiver.received;
    const delivered = await account.delivery();
    expect(waiting).toMatchObject({ status: 'PENDING', attempts: 0, deliveredAt: null });
    expect(verifiedNow(0, secret)).toMatchObject({ type: 'ALERT_RAISED' });
    expect(message).toMatchObject({ method: 'POST', path: '/in?from=billing' });
    expect(message?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': delivered.webhookId,
      'webhook-timestamp': String(Math.floor(gateway.clock.nowMs() / 1_000)),
    });
    expect(message?.body.toString()).toBe(delivered.payload);
    expect(delivered).toMatchObject({
      event: 'ALERT_RAISED',
      status: 'DELIVERED',
      attempts: 1,
      nextAttemptAt: null,
      lastResponseCode: 204,
      lastError: null,
      deliveredAt: new Date(gateway.clock.nowMs()).toISOString(),
    });
    expect(receiver.received).toHaveLength(1);
  });

  it('is made for what an endpoint listens to, and for each endpoint that does', async () => {
    const other = await Receiver.listen();
    await account.endpoint(receiver.url(), ['DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED']);
    await account.endpoint(other.url(), ['ALERT_RAISED', 'DEPLOYMENT_STARTED']);

    await account.deploy(1);
    await account.raise();
    await account.undeploy();
    await runDueJobs(gateway);

    const types = (of: Receiver): unknown[] =>
      of.received.map(({ body }) => (JSON.parse(body.toString()) as { type: string }).type).sort();
    await other.close();
    expect(types(receiver)).toEqual(['DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED']);
    expect(types(other)).toEqual(['ALERT_RAISED', 'DEPLOYMENT_STARTED']);
    // The same message is the same for all.
    expect(new Set([...ids(receiver), ...ids(other)]).size).toBe(3);
  });

  it('is not made for what else happened at once', async () => {
    const other = await Receiver.listen();
    await account.endpoint(receiver.url(), ['DEPLOYMENT_STOPPED']);
    await account.endpoint(other.url(), ['ALERT_RAISED']);
    await account.deploy(5);

    // At the negative limit: alerts, and the stop.
    await account.advanceTo('2026-03-12T00:00:00.000Z');
    await runDueJobs(gateway);

    const typesOf = (of: Receiver): ReadonlySet<unknown> =>
      new Set(
        of.received.map(({ body }) => (JSON.parse(body.toString()) as { type: string }).type),
      );
    await other.close();
    expect([...typesOf(receiver)]).toEqual(['DEPLOYMENT_STOPPED']);
    expect([...typesOf(other)]).toEqual(['ALERT_RAISED']);
  });

  it('is written with what it tells of, or not at all', async () => {
    await account.endpoint(receiver.url());
    const jobs = 'alter table graphile_worker._private_jobs';
    await asOwner(gateway.databaseUrl, `${jobs} add constraint none check (false) not valid`);
    const failed = await account.raise().catch((error: unknown) => String(error));
    const without = await account.deliveries();
    await asOwner(gateway.databaseUrl, `${jobs} drop constraint none`);

    const balance = await gateway.query<{ account: { credits: { remaining: string } } }>(
      'query ($id: ID) { account(id: $id) { credits { remaining } } }',
      { id: account.id },
    );
    expect(failed).toContain('INTERNAL_SERVER_ERROR');
    expect(without).toEqual([]);
    expect(balance.data.account.credits.remaining).toBe('100');
  });

  it('that failed comes again under the same id, with a new time', async () => {
    receiver.replies.push(500, (response) => response.socket?.destroy());
    const { secret } = await account.endpoint(receiver.url());
    await account.raise();

    await runDueJobs(gateway);
    const afterOne = await account.delivery();
    const early = await runDueJobs(gateway);
    await runNext();
    const afterTwo = await account.delivery();
    await runNext();
    const said = verifiedNow(2, secret);

    expect(early).toBe(0);
    expect(afterOne).toMatchObject({
      status: 'PENDING',
      attempts: 1,
      lastResponseCode: 500,
      lastError: 'Answered 500.',
    });
    expect(afterTwo).toMatchObject({
      attempts: 2,
      lastResponseCode: null,
      lastError: 'The message could not be sent (ECONNRESET).',
    });
    expect(await account.delivery()).toMatchObject({
      status: 'DELIVERED',
      attempts: 3,
      lastError: null,
    });
    expect(said).toEqual(JSON.parse(afterOne.payload));
    expect(new Set(ids()).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(
      3,
    );
    expect(await dueTimes(gateway)).toEqual([]);
  });

  it('is no success when it is redirected, and does not follow', async () => {
    const elsewhere = await Receiver.listen();
    receiver.replies.push({ status: 307, headers: { location: elsewhere.url() } });
    await account.endpoint(receiver.url());
    await account.raise();

    await runDueJobs(gateway);
    const { connections } = elsewhere;
    await elsewhere.close();

    expect(connections).toBe(0);
    expect(await account.delivery()).toMatchObject({
      status: 'PENDING',
      lastResponseCode: 307,
      lastError: 'Answered 307: redirects are not followed.',
    });
  });

  it('waits as long as Retry-After asks, and all that follows it waits too', async () => {
    receiver.replies.push({ status: 429, headers: { 'retry-after': '600' } });
    await account.endpoint(receiver.url());
    await account.raise();
    await runDueJobs(gateway);
    const askedAtMs = gateway.clock.nowMs();

    await account.useCredits('45');
    gateway.clock.moveBy(10 * MINUTE_MS - 1);
    await runDueJobs(gateway);
    const before = receiver.received.length;
    gateway.clock.moveBy(1);
    await runDueJobs(gateway);

    expect(before).toBe(1);
    expect(receiver.received).toHaveLength(3);
    expect(gateway.clock.nowMs() - askedAtMs).toBe(10 * MINUTE_MS);
    expect((await account.deliveries()).map(({ status }) => status)).toEqual([
      'DELIVERED',
      'DELIVERED',
    ]);
  });

  it('keeps its message whole, whatever characters it has', async () => {
    const { secret, endpoint } = await account.endpoint(receiver.url(), ['DEPLOYMENT_STARTED']);
    const name = 'Schutz „Größe“ 🛡️ \u0001 \u2028 </script>';
    await gateway.query(
      'mutation ($input: RegisterResourceInput!) { registerGuardrail(input: $input) { id } }',
      { input: { accountId: account.id, externalId: 'pii', name } },
    );

    await account.deploy(1);
    await runDueJobs(gateway);

    const said = verifiedNow(0, secret);
    expect(said).toMatchObject({ data: { deployment: { name } } });
    expect(endpoint.events).toEqual(['DEPLOYMENT_STARTED']);
  });
});

describe('a delivery that fails to the end', () => {
  it('is tried ten times on the schedule of Standard Webhooks, then disables its endpoint', async () => {
    receiver.otherwise = 503;
    await account.endpoint(receiver.url());
    await account.raise();
    const waits = [await runNext()];

    while ((await dueTimes(gateway)).length > 0) waits.push(await runNext());

    const [endpoint] = await account.endpoints();
    expect(waits).toHaveLength(10);
    for (const [index, waitedMs] of waits.entries()) {
      const delayMs = ATTEMPT_DELAYS_MS[index] ?? 0;
      expect(waitedMs).toBeGreaterThanOrEqual(delayMs);
      expect(waitedMs).toBeLessThanOrEqual(delayMs * 1.1);
    }
    expect(new Set(ids()).size).toBe(1);
    expect(receiver.received).toHaveLength(10);
    expect(await account.delivery()).toMatchObject({
      status: 'FAILED',
      attempts: 10,
      nextAttemptAt: null,
      lastResponseCode: 503,
      lastError: 'Answered 503.',
    });
    expect(endpoint).toMatchObject({
      enabled: false,
      disabledAt: new Date(gateway.clock.nowMs()).toISOString(),
    });
    expect(gateway.disabled).toMatchObject([{ url: receiver.url(), enabled: false }]);
  });

  it('tells once that its endpoint was disabled, whatever else fails there', async () => {
    receiver.otherwise = 410;
    await account.endpoint(receiver.url());
    await account.raise();
    await account.useCredits('45');

    await runDueJobs(gateway);

    expect(receiver.received).toHaveLength(2);
    expect(gateway.disabled).toMatchObject([{ url: receiver.url(), enabled: false }]);
    expect((await account.deliveries()).map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
  });

  it('can be sent again once the endpoint is enabled, under the same id', async () => {
    receiver.replies.push(410);
    const { endpoint, secret } = await account.endpoint(receiver.url());
    await account.raise();
    await runDueJobs(gateway);
    const failed = await account.delivery();
    const deliveryId = failed.id;

    const refused = await gateway.query(RedeliverWebhookDocument, { deliveryId }, account.key);
    await gateway.query(
      UpdateWebhookEndpointDocument,
      { id: endpoint.id, enabled: true },
      account.key,
    );
    const again = await gateway.query(RedeliverWebhookDocument, { deliveryId }, account.key);
    await runDueJobs(gateway);

    expect(refused.errors?.[0]?.extensions.code).toBe('CONFLICT');
    expect(dataOf(again).redeliverWebhook).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect(await account.delivery()).toMatchObject({ status: 'DELIVERED', attempts: 1 });
    expect(verifiedNow(1, secret)).toEqual(JSON.parse(failed.payload));
    expect(new Set(ids()).size).toBe(1);
  });

  it('begins anew when it is sent again during its last attempt, which then fails', async () => {
    let fail = (): void => undefined;
    receiver.replies.push((response) => {
      fail = () => response.writeHead(500).end();
    });
    await account.endpoint(receiver.url());
    await account.raise();
    const { id: deliveryId } = await account.delivery();
    await asOwner(gateway.databaseUrl, 'update webhook_delivery set attempts = 9');

    const sending = runDueJobs(gateway);
    await receiver.count(1);
    const again = await gateway.query(RedeliverWebhookDocument, { deliveryId }, account.key);
    fail();
    await sending;
    await runDueJobs(gateway);

    expect(dataOf(again).redeliverWebhook).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect(gateway.disabled).toEqual([]);
    expect(receiver.received).toHaveLength(2);
    expect(await account.delivery()).toMatchObject({ status: 'DELIVERED', attempts: 1 });
  });

  it('is in flight once, however often it is sent again meanwhile', async () => {
    let answer = (): void => undefined;
    receiver.replies.push((response) => {
      answer = () => response.writeHead(500).end();
    });
    await account.endpoint(receiver.url());
    await account.raise();
    const { id: deliveryId } = await account.delivery();
    await asOwner(gateway.databaseUrl, 'update webhook_delivery set attempts = 3');
    const sending = runDueJobs(gateway);
    await receiver.count(1);

    for (let times = 0; times < 3; times += 1) {
      await gateway.query(RedeliverWebhookDocument, { deliveryId }, account.key);
      await runDueJobs(gateway);
    }
    expect(receiver.received).toHaveLength(1);
    answer();
    await sending;
    await runDueJobs(gateway);

    expect(receiver.received).toHaveLength(2);
    expect(await account.delivery()).toMatchObject({ status: 'DELIVERED', attempts: 1 });
  });
});

describe('an endpoint that is gone', () => {
  it('is disabled by its first 410, and hears nothing more', async () => {
    receiver.replies.push(410);
    await account.endpoint(receiver.url());
    await account.raise();

    await runDueJobs(gateway);
    await account.useCredits('45');
    gateway.clock.moveBy(100 * HOUR_MS);
    await runDueJobs(gateway);

    const [endpoint] = await account.endpoints();
    expect(endpoint?.enabled).toBe(false);
    expect(receiver.received).toHaveLength(1);
    expect(await account.delivery()).toMatchObject({ status: 'FAILED', lastResponseCode: 410 });
  });
});

describe('an endpoint of an account that is closed while a message is sent', () => {
  it('is not told of as a fault when it says that it is gone', async () => {
    let answer: (() => void) | null = null;
    receiver.replies.push((response) => {
      answer = () => {
        response.writeHead(410).end();
      };
    });
    await account.endpoint(receiver.url());
    await account.raise();
    const sending = runDueJobs(gateway);
    await until(() => answer !== null, 'the message');
    await ask(gateway, CloseAccountDocument, { accountId: account.id });
    (answer as (() => void) | null)?.();
    await sending;

    // afterEach: nothing was reported.
    expect(
      await asOwner(
        gateway.databaseUrl,
        `select status::text, last_error from webhook_delivery where account_id = ${numberOf(account.id)}`,
      ),
    ).toEqual([{ status: 'FAILED', last_error: 'The account was closed.' }]);
  });
});

describe('an endpoint that is disabled by hand', () => {
  it('gets what had waited once it is enabled, but not what came meanwhile', async () => {
    receiver.replies.push(500);
    const { endpoint } = await account.endpoint(receiver.url());
    const enable = (enabled: boolean): Promise<unknown> =>
      gateway.query(UpdateWebhookEndpointDocument, { id: endpoint.id, enabled }, account.key);
    await account.raise();
    await runDueJobs(gateway);

    await enable(false);
    const disabled = await account.delivery();
    await account.useCredits('45');
    gateway.clock.moveBy(HOUR_MS);
    await runDueJobs(gateway);
    const whileDisabled = receiver.received.length;
    await enable(true);
    await runDueJobs(gateway);

    expect(disabled).toMatchObject({ status: 'PENDING', nextAttemptAt: null });
    expect(whileDisabled).toBe(1);
    expect(await account.delivery()).toMatchObject({ status: 'DELIVERED', attempts: 1 });
    expect(gateway.disabled).toEqual([]);
  });

  it('listens to other events, at another address, when it is changed', async () => {
    const moved = await Receiver.listen();
    const { endpoint, secret } = await account.endpoint(receiver.url());

    const changed = await gateway.query(
      UpdateWebhookEndpointDocument,
      { id: endpoint.id, url: moved.url(), events: ['DEPLOYMENT_STARTED'] },
      account.key,
    );
    await account.raise();
    await account.deploy(1);
    await runDueJobs(gateway);

    const said = verified(moved.received[0], secret, gateway.clock.nowMs());
    const url = moved.url();
    await moved.close();
    expect(dataOf(changed).updateWebhookEndpoint).toMatchObject({
      url,
      events: ['DEPLOYMENT_STARTED'],
      enabled: true,
    });
    expect(said).toMatchObject({ type: 'DEPLOYMENT_STARTED' });
    expect(receiver.received).toEqual([]);
  });
});

describe('a rotated secret', () => {
  it('signs beside the old one until that ends', async () => {
    const { endpoint, secret: old } = await account.endpoint(receiver.url());
    const rotated = await gateway.query(
      RotateWebhookSecretDocument,
      { id: endpoint.id, keepOldSeconds: 3_600 },
      account.key,
    );
    const { secret } = dataOf(rotated).rotateWebhookSecret;

    await account.raise();
    await runDueJobs(gateway);
    const both = [verifiedNow(0, secret), verifiedNow(0, old)];
    gateway.clock.moveBy(HOUR_MS - 1);
    await account.useCredits('45');
    await runDueJobs(gateway);
    const last = verifiedNow(1, old);
    gateway.clock.moveBy(1);
    await account.useCredits('5');
    await runDueJobs(gateway);

    expect(secret).not.toBe(old);
    expect(both[0]).toEqual(both[1]);
    expect(last).toMatchObject({ type: 'ALERT_RAISED' });
    expect(verifiedNow(2, secret)).toMatchObject({ type: 'ALERT_RAISED' });
    expect(() => verifiedNow(2, old)).toThrow('No matching signature');
  });

  it('replaces the old one at once where none is to be kept', async () => {
    const { endpoint, secret: old } = await account.endpoint(receiver.url());
    const id = endpoint.id;
    const rotate = async (keepOldSeconds: number): Promise<string> => {
      const variables = { id, keepOldSeconds };
      const answer = await gateway.query(RotateWebhookSecretDocument, variables, account.key);
      return dataOf(answer).rotateWebhookSecret.secret;
    };

    const second = await rotate(3_600);
    const third = await rotate(0);
    await account.raise();
    await runDueJobs(gateway);

    expect(verifiedNow(0, third)).toMatchObject({ type: 'ALERT_RAISED' });
    expect(() => verifiedNow(0, second)).toThrow('No matching signature');
    expect(() => verifiedNow(0, old)).toThrow('No matching signature');
  });

  it('is kept from no more than 30 days', async () => {
    const { endpoint } = await account.endpoint(receiver.url());

    const answers = await Promise.all(
      [-1, 2_592_001].map((keepOldSeconds) =>
        gateway.query(
          RotateWebhookSecretDocument,
          { id: endpoint.id, keepOldSeconds },
          account.key,
        ),
      ),
    );

    expect(answers.map(({ errors }) => errors?.[0]?.extensions)).toMatchObject([
      { code: 'BAD_USER_INPUT', path: ['keepOldSeconds'] },
      { code: 'BAD_USER_INPUT', path: ['keepOldSeconds'] },
    ]);
  });

  it('is a secret: 24 to 64 bytes, that no table holds in the open', async () => {
    const { secret } = await account.endpoint(receiver.url());

    const rows = await asOwner(gateway.databaseUrl, 'select * from webhook_endpoint');
    const [, encoded = ''] = secret.split('whsec_');
    const bytes = Buffer.from(encoded, 'base64');
    const stored = rows
      .map((row) => row['secret'])
      .filter((sealed) => sealed instanceof Uint8Array);
    expect(bytes).toHaveLength(32);
    expect(bytes.toString('base64')).toBe(encoded);
    expect(stored.length).toBeGreaterThan(0);
    for (const sealed of stored) {
      expect(Buffer.from(sealed).includes(encoded)).toBe(false);
      expect(Buffer.from(sealed).includes(bytes)).toBe(false);
    }
    expect(JSON.stringify(rows)).not.toContain(encoded);
  });
});

describe('many messages', () => {
  it('arrive once each when several gateways send at once, eight at a time', async () => {
    let open = 0;
    let most = 0;
    receiver.otherwise = (response) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        response.writeHead(200).end();
      });
    };
    await account.endpoint(receiver.url(), ['DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED']);
    for (let round = 0; round < 15; round += 1) {
      await account.deploy(1);
      await account.undeploy();
    }
    const beside = await startTestGateway({ beside: gateway });

    await Promise.all([runDueJobs(gateway), runDueJobs(beside), send(gateway), send(beside)]);
    await runDueJobs(gateway);

    await beside.close();
    expect(receiver.received).toHaveLength(30);
    expect(new Set(ids()).size).toBe(30);
    expect(most).toBeLessThanOrEqual(IN_FLIGHT_MAX);
    expect((await account.deliveries()).every(({ attempts }) => attempts === 1)).toBe(true);
  });

  async function send(by: TestGateway): Promise<void> {
    const [row] = await asOwner(
      by.databaseUrl,
      'select account_id, endpoint_id::int from webhook_endpoint order by endpoint_id desc limit 1',
    );
    const payload = { accountId: row?.['account_id'], endpointId: row?.['endpoint_id'] };
    await by.app.tasks.find(({ name }) => name === 'webhooks.send')?.run(payload);
  }

  it('are sent again, under the same id, when whoever had claimed them is dead', async () => {
    let release = (): void => undefined;
    receiver.replies.push((response) => {
      release = () => response.writeHead(200).end();
    });
    await account.endpoint(receiver.url());
    await account.raise();
    const frozen = runDueJobs(gateway);
    await receiver.count(1);

    const beside = await startTestGateway({ beside: gateway });
    await send(beside);
    const whileClaimed = receiver.received.length;
    gateway.clock.moveBy(CLAIM_MS);
    receiver.replies.push(500);
    await send(beside);
    // The first one wakes, and finds that its result no longer counts.
    release();
    await frozen;

    await beside.close();
    expect(whileClaimed).toBe(1);
    expect(receiver.received).toHaveLength(2);
    expect(new Set(ids()).size).toBe(1);
    expect(await account.delivery()).toMatchObject({
      status: 'PENDING',
      attempts: 1,
      lastResponseCode: 500,
    });
  });
});

describe('the endpoints of an account', () => {
  it('are twenty at most', async () => {
    for (let made = 0; made < 20; made += 1) await account.endpoint(receiver.url(`/${made}`));

    const answer = await gateway.query(
      CreateWebhookEndpointDocument,
      { input: { url: receiver.url(), events: ['ALERT_RAISED'] } },
      account.key,
    );
    const [first] = await account.endpoints();
    await gateway.query(DeleteWebhookEndpointDocument, { id: first?.id ?? '' }, account.key);
    await account.endpoint(receiver.url('/again'));

    expect(answer.errors?.[0]?.extensions.code).toBe('CONFLICT');
    expect((await account.endpoints()).map(({ url }) => url.split('/').at(-1))).toEqual([
      ...Array.from({ length: 19 }, (_, index) => String(index + 1)),
      'again',
    ]);
  });

  it('are gone when they are deleted, with what waited for them', async () => {
    const { endpoint } = await account.endpoint(receiver.url());
    await account.raise();
    const delivery = await account.delivery();

    const deleted = await gateway.query(
      DeleteWebhookEndpointDocument,
      { id: endpoint.id },
      account.key,
    );
    await runDueJobs(gateway);
    const again = await gateway.query(
      DeleteWebhookEndpointDocument,
      { id: endpoint.id },
      account.key,
    );
    const nodes = await Promise.all(
      [endpoint.id, delivery.id].map((id) =>
        gateway.query('query ($id: ID!) { node(id: $id) { id } }', { id }, account.key),
      ),
    );

    const [row] = await asOwner(
      gateway.databaseUrl,
      'select secret, previous_secret from webhook_endpoint order by endpoint_id desc limit 1',
    );
    expect(dataOf(deleted).deleteWebhookEndpoint).toBe(endpoint.id);
    expect(again.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    expect(nodes.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
    ]);
    expect(row).toEqual({ secret: null, previous_secret: null });
    expect(await account.endpoints()).toEqual([]);
    expect(receiver.received).toEqual([]);
  });

  it('and deliveries are found by their ids, and deliveries by pages', async () => {
    const { endpoint } = await account.endpoint(receiver.url(), ['ALERT_RAISED']);
    await account.raise();
    await account.useCredits('45');
    const [first, second] = await account.deliveries();

    const node = await gateway.query(WebhookDeliveryDocument, { id: first?.id ?? '' }, account.key);
    const found = await gateway.query<{ node: unknown }>(
      'query ($id: ID!) { node(id: $id) { __typename ... on WebhookEndpoint { url deliveries { totalCount } } } }',
      { id: endpoint.id },
      account.key,
    );
    const page = `query ($after: String) { webhookEndpoints { deliveries(first: 1, after: $after) {
      totalCount nodes { id } pageInfo { hasNextPage endCursor } } } }`;
    const newest = await gateway.query<Pages>(page, {}, account.key);
    const after = newest.data.webhookEndpoints[0]?.deliveries.pageInfo.endCursor;
    const older = await gateway.query<Pages>(page, { after }, account.key);

    expect(dataOf(node).node).toMatchObject({ id: first?.id, event: 'ALERT_RAISED' });
    expect(found.data.node).toEqual({
      __typename: 'WebhookEndpoint',
      url: receiver.url(),
      deliveries: { totalCount: 2 },
    });
    expect(newest.data.webhookEndpoints[0]?.deliveries).toMatchObject({
      totalCount: 2,
      nodes: [{ id: second?.id }],
      pageInfo: { hasNextPage: true },
    });
    expect(older.data.webhookEndpoints[0]?.deliveries).toMatchObject({
      nodes: [{ id: first?.id }],
      pageInfo: { hasNextPage: false },
    });
  });

  it('are read with as many statements whether they are two or ten', async () => {
    const statements = (): Promise<readonly string[]> =>
      statementsOf(gateway.database, () => account.endpoints());
    await account.endpoint(receiver.url());
    await account.endpoint(receiver.url());
    const ofTwo = await statements();
    for (let made = 0; made < 8; made += 1) await account.endpoint(receiver.url());

    expect(await statements()).toEqual(ofTwo);
  });

  it('are nobody else’s, and need MANAGE', async () => {
    const stranger = await AccountOfHooks.open(gateway);
    const { endpoint } = await account.endpoint(receiver.url());
    await account.raise();
    const delivery = await account.delivery();
    const { secret } = await createKey(gateway, account.id, ['READ_USAGE', 'INGEST']);
    const calls = [
      `mutation { updateWebhookEndpoint(id: "${endpoint.id}", enabled: false) { id } }`,
      `mutation { rotateWebhookSecret(id: "${endpoint.id}") { secret } }`,
      `mutation { deleteWebhookEndpoint(id: "${endpoint.id}") }`,
      `mutation { redeliverWebhook(deliveryId: "${delivery.id}") { id } }`,
      `mutation { sendTestWebhook(endpointId: "${endpoint.id}") { id } }`,
      `query { node(id: "${endpoint.id}") { id } }`,
      `query { node(id: "${delivery.id}") { id } }`,
      `query { webhookEndpoints(accountId: "${account.id}") { id } }`,
      `mutation { createWebhookEndpoint(input: { accountId: "${account.id}", url: "https://example.com/", events: [ALERT_RAISED] }) { secret } }`,
    ];
    const codes = async (key: string): Promise<unknown[]> => {
      const answers = await Promise.all(calls.map((call) => gateway.query(call, {}, key)));
      return answers.map(({ errors }) => errors?.[0]?.extensions.code);
    };

    expect(await codes(stranger.key)).toEqual(calls.map(() => 'NOT_FOUND'));
    expect(await codes(secret)).toEqual(calls.map(() => 'FORBIDDEN'));
  });
});

describe('a gateway that strangers use', () => {
  let strict: TestGateway;

  beforeAll(async () => {
    strict = await startTestGateway({ beside: gateway, webhooks: { allowLoopback: false } });
  });

  afterAll(async () => {
    await strict.close();
  });

  it.each([
    'http://example.com/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://localhost/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:10.0.0.1]/',
    'https://user:secret@example.com/',
    'ftp://example.com/',
    'not a url',
  ])('takes no endpoint at %s', async (url) => {
    const answer = await strict.query(
      CreateWebhookEndpointDocument,
      { input: { url, events: ['ALERT_RAISED'] } },
      account.key,
    );

    expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(await account.endpoints()).toEqual([]);
  });

  it('sends nothing to an endpoint that turned out to be private', async () => {
    // Made where that was allowed.
    await account.endpoint(receiver.url());
    await account.raise();

    await runDueJobs(strict);

    expect(receiver.connections).toBe(0);
    expect(await account.delivery()).toMatchObject({
      status: 'PENDING',
      attempts: 1,
      lastResponseCode: null,
      lastError: 'Only https is sent to.',
    });
  });

  it('makes no endpoint without a key to seal its secret with', async () => {
    const keyless = await startTestGateway({ beside: gateway, webhooks: { secretKeys: [] } });

    const answer = await keyless.query(
      CreateWebhookEndpointDocument,
      { input: { url: 'https://example.com/', events: ['ALERT_RAISED'] } },
      account.key,
    );
    await keyless.close();

    expect(answer.errors).toMatchObject([
      {
        message: expect.stringContaining('WEBHOOK_SECRET_KEY'),
        extensions: { code: 'UNAVAILABLE' },
      },
    ]);
  });

  it('counts no attempt when it cannot read a secret, and tells its operator', async () => {
    const { secret } = await account.endpoint(receiver.url());
    await account.raise();
    const otherKey = { secretKeys: [Buffer.alloc(32, 9)] };
    const wrong = await startTestGateway({ beside: gateway, webhooks: otherKey });

    await runDueJobs(wrong);
    const faults = wrong.takeFaults();
    const waiting = await account.delivery();
    await wrong.close();
    gateway.clock.moveBy(CLAIM_MS);
    await runDueJobs(gateway);

    expect(faults.map(String)).toEqual([expect.stringContaining('WEBHOOK_SECRET_KEY')]);
    expect(waiting).toMatchObject({ status: 'PENDING', attempts: 0, lastError: null });
    expect(verifiedNow(0, secret)).toMatchObject({ type: 'ALERT_RAISED' });
  });

  it('signs with a new secret alone when the key of the old one is lost', async () => {
    const { endpoint } = await account.endpoint(receiver.url());
    const otherKey = { secretKeys: [Buffer.alloc(32, 9)] };
    const renewed = await startTestGateway({ beside: gateway, webhooks: otherKey });

    const rotated = await renewed.query(
      RotateWebhookSecretDocument,
      { id: endpoint.id },
      account.key,
    );
    await account.raise();
    await runDueJobs(renewed);
    await renewed.close();

    const { secret } = dataOf(rotated).rotateWebhookSecret;
    expect(verifiedNow(0, secret)).toMatchObject({ type: 'ALERT_RAISED' });
    expect(receiver.received[0]?.headers['webhook-signature']).not.toContain(' ');
  });
});
