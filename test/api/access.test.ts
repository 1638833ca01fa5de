import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isoInstant } from '../../src/core/range.ts';
import { ask, createAccount } from '../support/account.ts';
import { codeOf, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  AccountDocument,
  CreateApiKeyDocument,
  HardwareProfilesDocument,
  RevokeApiKeyDocument,
  type CreateApiKeyInput,
  type CreateApiKeyMutation,
  type Scope,
} from '@billing-gateway/client/operations';

const API_KEYS = 'query ($accountId: ID) { apiKeys(accountId: $accountId) { id name revokedAt } }';
const LAST_USED = 'query ($accountId: ID) { apiKeys(accountId: $accountId) { name lastUsedAt } }';

describe('API keys', () => {
  let gateway: TestGateway;
  let accountId: string;
  let otherAccountId: string;

  beforeAll(async () => {
    gateway = await startTestGateway();
    accountId = await createAccount(gateway);
    otherAccountId = await createAccount(gateway);
  });

  afterAll(async () => {
    await gateway.close();
  });

  async function aKey(
    scopes: readonly Scope[],
    input: Partial<CreateApiKeyInput> = {},
  ): Promise<CreateApiKeyMutation['createApiKey']> {
    const made = await ask(gateway, CreateApiKeyDocument, {
      input: { accountId, name: 'a key', scopes, ...input },
    });
    return made.createApiKey;
  }

  it('opens the account that the key belongs to, and no other', async () => {
    const { secret, apiKey } = await aKey(['READ_USAGE']);

    const own = await gateway.query(AccountDocument, {}, secret);
    const foreign = await gateway.query(AccountDocument, { id: otherAccountId }, secret);
    const missing = await gateway.query(AccountDocument, { id: 'QWNjb3VudC45OS45OQ' }, secret);

    expect(own.data.account?.id).toBe(accountId);
    expect(secret).toMatch(/^bg_[A-Za-z0-9_-]{43}$/);
    expect(apiKey.prefix).toBe(secret.slice(0, 10));
    // Another account's id and one that does not exist get the same answer.
    for (const [answer, id] of [
      [foreign, otherAccountId],
      [missing, 'QWNjb3VudC45OS45OQ'],
    ] as const) {
      expect(answer.errors?.[0]).toMatchObject({
        message: `Nothing was found under the id "${id}".`,
        extensions: { code: 'NOT_FOUND' },
      });
    }
  });

  it('refuses a wrong key with UNAUTHENTICATED', async () => {
    const { secret } = await aKey(['READ_USAGE']);

    for (const wrong of [`${secret}x`, secret.slice(0, -1), 'bg_', 'x'.repeat(1_000)]) {
      expect(await codeOf(gateway.query(HardwareProfilesDocument, {}, wrong))).toBe(
        'UNAUTHENTICATED',
      );
    }
  });

  it('expires to the millisecond', async () => {
    const expiresAtMs = gateway.clock.nowMs() + 1_000;
    const { secret } = await aKey(['READ_USAGE'], { expiresAt: isoInstant(expiresAtMs) });

    gateway.clock.moveTo(expiresAtMs - 1);
    const before = await gateway.query(AccountDocument, {}, secret);
    gateway.clock.moveTo(expiresAtMs);

    expect(before.data.account?.id).toBe(accountId);
    expect(await codeOf(gateway.query(AccountDocument, {}, secret))).toBe('UNAUTHENTICATED');
  });

  it('opens nothing once it is revoked, and is revoked once', async () => {
    const { secret, apiKey } = await aKey(['READ_USAGE']);
    await gateway.query(AccountDocument, {}, secret);

    const first = await gateway.query(RevokeApiKeyDocument, { id: apiKey.id });
    gateway.clock.moveBy(1_000);
    const second = await gateway.query(RevokeApiKeyDocument, { id: apiKey.id });

    expect(await codeOf(gateway.query(AccountDocument, {}, secret))).toBe('UNAUTHENTICATED');
    expect(first.data.revokeApiKey.revokedAt).toEqual(expect.any(String));
    expect(second.data).toEqual(first.data);
  });

  it('grants only scopes that it has, MANAGE its reading too', async () => {
    const { secret } = await aKey(['MANAGE']);
    const grant = (scopes: readonly Scope[]): Promise<unknown> =>
      codeOf(gateway.query(CreateApiKeyDocument, { input: { name: 'x', scopes } }, secret));

    expect(await grant(['READ_USAGE'])).toBeUndefined();
    expect(await grant(['MANAGE', 'READ_USAGE'])).toBeUndefined();
    expect(await grant(['INGEST'])).toBe('FORBIDDEN');
    expect(await grant(['READ_USAGE', 'OPERATOR'])).toBe('FORBIDDEN');
  });

  it('is made for its own account only, by a key that manages', async () => {
    const reader = await aKey(['READ_USAGE', 'INGEST']);
    const manager = await aKey(['MANAGE']);
    const make = (key: string, id?: string): Promise<unknown> =>
      codeOf(
        gateway.query(
          CreateApiKeyDocument,
          { input: { accountId: id ?? null, name: 'x', scopes: ['READ_USAGE'] } },
          key,
        ),
      );

    expect(await make(reader.secret)).toBe('FORBIDDEN');
    expect(await make(manager.secret)).toBeUndefined();
    expect(await make(manager.secret, accountId)).toBeUndefined();
    expect(await make(manager.secret, otherAccountId)).toBe('NOT_FOUND');
  });

  it('is made by an operator for an account that exists, or for an operator', async () => {
    const make = (input: Partial<CreateApiKeyInput>): Promise<unknown> =>
      codeOf(
        gateway.query(CreateApiKeyDocument, {
          input: { name: 'x', scopes: ['OPERATOR'], ...input },
        }),
      );

    expect(await make({})).toBeUndefined();
    expect(await make({ accountId })).toBe('BAD_USER_INPUT');
    expect(await make({ scopes: ['READ_USAGE'] })).toBe('BAD_USER_INPUT');
    expect(await make({ accountId: 'QWNjb3VudC45OS45OQ', scopes: ['READ_USAGE'] })).toBe(
      'NOT_FOUND',
    );
    expect(await make({ accountId, scopes: [] })).toBe('BAD_USER_INPUT');
    expect(
      await make({ accountId, scopes: ['MANAGE'], expiresAt: isoInstant(gateway.clock.nowMs()) }),
    ).toBe('BAD_USER_INPUT');
  });

  it('is revoked by a key that manages its account, and by no other', async () => {
    const { apiKey } = await aKey(['READ_USAGE']);
    const reader = await aKey(['READ_USAGE']);
    const stranger = await aKey(['MANAGE'], { accountId: otherAccountId });
    const manager = await aKey(['MANAGE']);
    const revoke = (key: string): Promise<unknown> =>
      codeOf(gateway.query(RevokeApiKeyDocument, { id: apiKey.id }, key));

    expect(await revoke(reader.secret)).toBe('FORBIDDEN');
    expect(await revoke(stranger.secret)).toBe('NOT_FOUND');
    expect(await revoke(manager.secret)).toBeUndefined();
  });

  it('is listed with the keys of its account, newest first', async () => {
    const id = await createAccount(gateway);
    const first = await aKey(['MANAGE'], { accountId: id, name: 'first' });
    const second = await aKey(['INGEST'], { accountId: id, name: 'second' });
    await gateway.query(RevokeApiKeyDocument, { id: second.apiKey.id });

    const own = await gateway.query(API_KEYS, {}, first.secret);
    const operators = await gateway.query(API_KEYS, {});

    expect(own.data).toMatchObject({
      apiKeys: [
        { id: second.apiKey.id, name: 'second', revokedAt: expect.any(String) },
        { id: first.apiKey.id, name: 'first', revokedAt: null },
      ],
    });
    expect(JSON.stringify(operators.data)).not.toContain(first.apiKey.id);
    expect(await codeOf(gateway.query(API_KEYS, { accountId }, first.secret))).toBe('NOT_FOUND');
  });

  it('notes its last use at most once a minute, beside the request', async () => {
    const id = await createAccount(gateway);
    const { secret } = await aKey(['MANAGE'], { accountId: id, name: 'used' });
    const usedAtMs = gateway.clock.nowMs();

    await gateway.query(AccountDocument, {}, secret);
    await lastUsedBecomes(id, usedAtMs);
    gateway.clock.moveBy(59_999);
    await gateway.query(AccountDocument, {}, secret);
    const within = await gateway.query(LAST_USED, { accountId: id });
    gateway.clock.moveBy(2);
    await gateway.query(AccountDocument, {}, secret);

    expect(within.data).toEqual({ apiKeys: [{ name: 'used', lastUsedAt: isoInstant(usedAtMs) }] });
    await lastUsedBecomes(id, usedAtMs + 60_001);
  });

  it('is looked up once for all requests that ask for it at the same time', async () => {
    const { secret, apiKey } = await aKey(['READ_USAGE']);
    let lookups = 0;
    const stop = gateway.database.onStatement((sql) => {
      if (sql.includes('access.findKeyBySecret')) lookups += 1;
    });
    const holders = await Promise.all(
      Array.from({ length: 50 }, () => gateway.app.keys.authenticate(secret)),
    );
    await ask(gateway, RevokeApiKeyDocument, { id: apiKey.id });
    const afterwards = await gateway.app.keys.authenticate(secret);
    stop();

    expect(new Set(holders).size).toBe(1);
    expect(holders[0]).toMatchObject({ scopes: new Set(['READ_USAGE']) });
    expect(afterwards).toBe('ENDED');
    // The operator's key may be looked up too, and the revoked one is once more.
    expect(lookups).toBeLessThanOrEqual(3);
  });

  // Nobody waits for the note, so the test asks until it is there.
  async function lastUsedBecomes(id: string, atMs: number): Promise<void> {
    const wanted = { apiKeys: [{ name: 'used', lastUsedAt: isoInstant(atMs) }] };
    let seen: unknown = null;
    for (let attempt = 0; attempt < 100; attempt += 1) {
      seen = (await gateway.query(LAST_USED, { accountId: id })).data;
      if (JSON.stringify(seen) === JSON.stringify(wanted)) break;
    }
    expect(seen).toEqual(wanted);
  }
});
