// The end of an account: what was acknowledged is charged, to the millisecond, and nothing comes after it.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AuditLogDocument,
  CloseAccountDocument,
  CreatePortalTokenDocument,
  CreateWebhookEndpointDocument,
  CreditsDocument,
  DeploymentPolicyDocument,
  DeploymentQuoteDocument,
  EmailsDocument,
  ProjectionDocument,
} from '@billing-gateway/client/operations';
import { LedgerCheckService } from '../../src/recording/ledger-check.service.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  deploy,
  deployGuardrail,
  fund,
  numberOf,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { eventually, until } from '../support/eventually.ts';
import { asOwner, codeOf, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';

const HOUR_MS = 3_600_000;

let gateway: TestGateway;
let beside: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  beside = await startTestGateway({ beside: gateway });
  // A micro-credit a millisecond.
  await createHardware(gateway, 'h', '3.6');
});

afterAll(async () => {
  await beside.close();
  await gateway.close();
});

/** @returns when it was closed */
async function close(accountId: string, by = gateway): Promise<string | null> {
  return (await ask(by, CloseAccountDocument, { accountId })).closeAccount.closedAt;
}

async function creditsOf(accountId: string): Promise<unknown> {
  const { account } = await ask<{ account: { credits: unknown } }>(
    gateway,
    'query ($id: ID!) { account(id: $id) { credits { asOf used remaining burnRatePerHour stopsAt } } }',
    { id: accountId },
  );
  return account.credits;
}

function record(by: TestGateway, accountId: string, eventId: string): Promise<string> {
  const occurredAt = new Date(gateway.clock.nowMs()).toISOString();
  const event = { source: 's', eventId, type: 'PROCESSING', occurredAt, credits: '1' };
  const subject = { resourceKind: 'GUARDRAIL', resourceExternalId: 'g' };
  return by
    .query<{ recordUsage: { accepted: number } }>(
      'mutation ($accountId: ID!, $events: [UsageEventInput!]!) { recordUsage(accountId: $accountId, events: $events) { accepted } }',
      { accountId, events: [{ ...event, ...subject }] },
    )
    .then(
      ({ data, errors }) => errors?.[0]?.extensions.code ?? `${data.recordUsage.accepted} taken`,
    );
}

describe('closing an account', () => {
  it('stops what runs at that instant, and charges it up to there', async () => {
    const accountId = await createAccount(gateway);
    await fund(gateway, accountId);
    const id = await deployGuardrail(gateway, accountId, 'h');
    const requested = await registerGuardrail(gateway, accountId, 'requested');
    await deploy(gateway, requested, 'h', { ready: false });
    // 12,345 ms at 3.6 credits an hour: 0.012345 credits.
    gateway.clock.moveBy(12_345);
    const closedAt = new Date(gateway.clock.nowMs()).toISOString();

    expect(await close(accountId)).toBe(closedAt);
    gateway.clock.moveBy(40 * 24 * HOUR_MS);
    await gateway.app.due.settleDue();
    await gateway.app.issuing.issueAll();

    expect(await creditsOf(accountId)).toEqual({
      asOf: closedAt,
      used: '0.012345',
      remaining: '999999.987655',
      burnRatePerHour: '0',
      stopsAt: null,
    });
    for (const one of [id, requested]) {
      const { node } = await ask<{ node: unknown }>(
        gateway,
        'query ($id: ID!) { node(id: $id) { ... on Guardrail { status } } }',
        { id: one },
      );
      expect(node).toEqual({ status: 'UNDEPLOYED' });
    }
    const checked = await new LedgerCheckService(gateway.database).check(numberOf(accountId));
    expect(checked?.faults).toEqual([]);
  });

  it('charges what was acknowledged, and refuses what came later, under load on two gateways', async () => {
    const accountId = await createAccount(gateway);
    await fund(gateway, accountId);
    await registerGuardrail(gateway, accountId);
    const answers: string[] = [];
    const send = async (index: number): Promise<void> => {
      answers.push(await record(index % 2 === 0 ? gateway : beside, accountId, `event ${index}`));
    };
    await Promise.all([send(0), send(1)]);
    const before = Array.from({ length: 40 }, (_, index) => send(index + 2));
    const closing = close(accountId);
    const beforeToo = Array.from({ length: 40 }, (_, index) => send(index + 42));
    await closing;
    const after = await Promise.all(
      [gateway, beside].map((one, index) => record(one, accountId, `late ${index}`)),
    );
    await Promise.all([...before, ...beforeToo]);

    const taken = answers.filter((answer) => answer === '1 taken').length;
    expect(after).toEqual(['ACCOUNT_CLOSED', 'ACCOUNT_CLOSED']);
    expect(answers).toHaveLength(82);
    expect(answers.filter((answer) => answer === 'ACCOUNT_CLOSED')).toHaveLength(82 - taken);
    expect(taken).toBeGreaterThanOrEqual(2);
    expect(await creditsOf(accountId)).toMatchObject({ used: String(taken) });
    const [{ events } = {}] = await asOwner(
      gateway.databaseUrl,
      `select count(*)::int as events from usage_event where account_id = ${numberOf(accountId)}`,
    );
    expect(events).toBe(taken);
  });

  it('refuses every write from then on', async () => {
    const accountId = await createAccount(gateway);
    await fund(gateway, accountId);
    const id = await registerGuardrail(gateway, accountId);
    await close(accountId);
    const writes: readonly (readonly [string, object])[] = [
      ['allocate(input: $input) { id }', { amount: '1', idempotencyKey: 'k' }],
      [
        'adjustCredits(input: $input) { __typename }',
        { amount: '1', reason: 'r', idempotencyKey: 'k' },
      ],
      ['registerGuardrail(input: $input) { id }', { externalId: 'x', name: 'x' }],
      ['updateAccount(input: $input) { id }', { name: 'x' }],
      ['createThreshold(input: $input) { id }', { measure: 'CREDITS_REMAINING', value: '1' }],
      ['createApiKey(input: $input) { secret }', { name: 'x', scopes: ['READ_USAGE'] }],
      ['setCreditPolicy(input: $input) { id }', { lowCredit: '1' }],
      [
        'createWebhookEndpoint(input: $input) { secret }',
        { url: 'http://127.0.0.1:9999/', events: ['ALERT_RAISED'] },
      ],
    ];
    for (const [field, input] of writes) {
      const name = /^[a-z]+/i.exec(field)?.[0] ?? '';
      const types: Readonly<Record<string, string>> = {
        registerGuardrail: 'RegisterResourceInput',
        setCreditPolicy: 'SetCreditPolicyInput',
      };
      const type = types[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
      const answer = await gateway.query(`mutation ($input: ${type}!) { ${field} }`, {
        input: { accountId, ...input },
      });
      expect([name, answer.errors?.[0]?.extensions.code]).toEqual([name, 'ACCOUNT_CLOSED']);
    }
    expect(await codeOf(gateway.query(CreatePortalTokenDocument, { accountId }))).toBe(
      'ACCOUNT_CLOSED',
    );
    const deployed = gateway.query(
      'mutation ($id: ID!) { deploy(input: { id: $id, hardware: "h" }) { id } }',
      { id },
    );
    expect(await codeOf(deployed)).toBe('ACCOUNT_CLOSED');
  });

  it('ends its keys, portal tokens and sockets on every gateway', async () => {
    const accountId = await createAccount(gateway);
    const { secret } = await createKey(gateway, accountId, ['MANAGE']);
    const { createPortalToken } = await ask(gateway, CreatePortalTokenDocument, { accountId });
    const secrets = [secret, createPortalToken.token];
    const sockets = await Promise.all(
      [gateway, beside].flatMap((one) => secrets.map((key) => initialised(originOf(one), key))),
    );
    const answer = (by: TestGateway, key: string) =>
      codeOf(by.query('{ account { id } }', {}, key));
    for (const key of secrets) expect(await answer(beside, key)).toBeUndefined();
    await close(accountId);

    for (const key of secrets) {
      expect(await answer(gateway, key)).toBe('UNAUTHENTICATED');
      await eventually(async () => {
        expect(await answer(beside, key)).toBe('UNAUTHENTICATED');
      });
    }
    await until(() => sockets.every(({ closed }) => closed !== null), 'the sockets close');
    expect(sockets.map(({ closed }) => closed?.code)).toEqual([4403, 4403, 4403, 4403]);
  });

  it('sends no more webhooks and emails', async () => {
    const accountId = await createAccount(gateway, { notificationEmails: ['a@example.com'] });
    await fund(gateway, accountId);
    await ask(gateway, CreateWebhookEndpointDocument, {
      input: { accountId, url: 'http://127.0.0.1:9999/', events: ['DEPLOYMENT_STARTED'] },
    });
    await deployGuardrail(gateway, accountId, 'h');
    const states = async (table: string): Promise<unknown> =>
      asOwner(
        gateway.databaseUrl,
        `select distinct status::text, last_error from ${table} where account_id = ${numberOf(accountId)}`,
      );
    const pending = [{ status: 'PENDING', last_error: null }];
    expect([await states('email'), await states('webhook_delivery')]).toEqual([pending, pending]);
    await close(accountId);

    const failed = [{ status: 'FAILED', last_error: 'The account was closed.' }];
    expect([await states('email'), await states('webhook_delivery')]).toEqual([failed, failed]);
    const [endpoint] = await asOwner(
      gateway.databaseUrl,
      `select enabled from webhook_endpoint where account_id = ${numberOf(accountId)}`,
    );
    expect(endpoint).toEqual({ enabled: false });
    // They can still be read.
    const { emails } = await ask(gateway, EmailsDocument, { accountId, first: 10 });
    expect(emails?.nodes.length).toBeGreaterThan(0);
  });

  it('is the same when it is asked again, also at the same time', async () => {
    const accountId = await createAccount(gateway, { name: 'Acme' });
    const [first, second] = await Promise.all([close(accountId), close(accountId, beside)]);
    gateway.clock.moveBy(HOUR_MS);
    const third = await close(accountId);

    expect([second, third]).toEqual([first, first]);
    const { auditLog } = await ask(gateway, AuditLogDocument, {
      accountId,
      action: 'closeAccount',
    });
    expect(auditLog?.nodes.map(({ summary }) => summary)).toEqual([
      `Close account of Acme: closedAt ${String(first)}.`,
    ]);
  });

  it('expects nothing of its time to come, and allows nothing', async () => {
    const accountId = await createAccount(gateway, {
      ...{ testClock: '2026-03-10T12:00:00Z', createdAt: '2026-01-01T00:00:00Z', cycleDay: 14 },
    });
    await allocate(gateway, accountId, '100', { expiresAt: '2026-03-12T00:00:00Z' });
    await registerGuardrail(gateway, accountId, 'g');
    // The first makes enough history, and is before the account's credits; the other was on last Tuesday.
    for (const [occurredAt, credits] of [
      ['2026-02-03T06:00:00Z', '1'],
      ['2026-03-03T18:00:00Z', '4'],
    ] as const) {
      const subject = { resourceKind: 'GUARDRAIL', resourceExternalId: 'g' } as const;
      await recordUsage(gateway, accountId, { occurredAt, credits, ...subject });
    }
    const aheadOf = async (): Promise<unknown> => {
      const { account } = await ask(gateway, CreditsDocument, { accountId });
      const { account: projected } = await ask(gateway, ProjectionDocument, { accountId });
      const { account: policed } = await ask(gateway, DeploymentPolicyDocument, { accountId });
      const input = { accountId, hardware: 'h' };
      const { deploymentQuote } = await ask(gateway, DeploymentQuoteDocument, { input });
      return {
        exhaustsAt: account?.credits.exhaustsAt,
        expected: projected?.projection.credits,
        highest: projected?.projection.highCredits,
        allocated: projected?.projection.allocatedCredits,
        days: projected?.projection.days.length,
        policy: policed?.deploymentPolicy,
        isQuoteAllowed: deploymentQuote?.allowed,
      };
    };

    // A quarter of last Tuesday's 4 credits is expected of the rest of today.
    expect(await aheadOf()).toMatchObject({
      exhaustsAt: '2026-03-12T00:00:00.000Z',
      expected: '5',
      highest: '8',
      days: 4,
      policy: { canDeploy: true },
      isQuoteAllowed: true,
    });
    await close(accountId);

    expect(await aheadOf()).toEqual({
      exhaustsAt: null,
      expected: '4',
      highest: '4',
      allocated: '100',
      days: 0,
      policy: {
        canDeploy: false,
        canFineTune: false,
        projectImport: 'DRAFT_ONLY',
        state: 'OK',
        message: 'The account is closed.',
      },
      isQuoteAllowed: false,
    });
  });

  it('lets no gateway charge anything any more, also of an earlier release', async () => {
    const accountId = await createAccount(gateway);
    await close(accountId);
    // As a gateway does that does not look whether the account is closed.
    const charged = asOwner(
      gateway.databaseUrl,
      `update account set settled_at = '2100-01-01' where account_id = ${numberOf(accountId)}`,
    );

    await expect(charged).rejects.toThrow(/violates check constraint/);
  });

  it('is for operators alone', async () => {
    const accountId = await createAccount(gateway);
    const { secret } = await createKey(gateway, accountId, ['MANAGE', 'INGEST']);

    expect(await codeOf(gateway.query(CloseAccountDocument, { accountId }, secret))).toBe(
      'FORBIDDEN',
    );
    expect(
      await codeOf(
        gateway.query(CloseAccountDocument, { accountId: 'QWNjb3VudC45OTk5OS45OTk5OQ' }),
      ),
    ).toBe('NOT_FOUND');
  });
});
