// Portal tokens: what a page of one account may do, from where, and until when.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, createAccount, createKey } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import {
  asOwner,
  codeOf,
  startTestGateway,
  type Answer,
  type TestGateway,
} from '../support/gateway.ts';
import { eventStream, initialised, originOf, rawSocket, upgradeStatus } from '../support/live.ts';
import {
  AccountDocument,
  CreateApiKeyDocument,
  CreatePortalTokenDocument,
  type CreatePortalTokenMutation,
  type CreatePortalTokenMutationVariables,
  CreditBalanceDocument,
  RevokeApiKeyDocument,
} from '@billing-gateway/client/operations';
import { post } from '../support/post.ts';

const PORTAL = 'https://portal.example.com';
const OTHER = 'https://other.example.com';

let gateway: TestGateway;
let beside: TestGateway;
let accountId: string;
let otherAccountId: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  beside = await startTestGateway({ beside: gateway });
  accountId = await createAccount(gateway);
  otherAccountId = await createAccount(gateway);
});

afterAll(async () => {
  await beside.close();
  await gateway.close();
});

function create(
  variables: CreatePortalTokenMutationVariables = {},
  key?: string,
): Promise<Answer<CreatePortalTokenMutation>> {
  return gateway.query(CreatePortalTokenDocument, { accountId, ...variables }, key);
}

async function aToken(
  variables: CreatePortalTokenMutationVariables = {},
  key?: string,
): Promise<string> {
  return (await create(variables, key)).data.createPortalToken.token;
}

/** The status and the readable origin of a call from a page, at the other gateway. */
async function callFrom(origin: string | null, token: string): Promise<unknown[]> {
  const request = beside.http.post('/graphql').set('authorization', `Bearer ${token}`);
  if (origin !== null) void request.set('origin', origin);
  const { status, headers } = await request.send({ query: '{ account { id } }' });
  return [status, headers['access-control-allow-origin']];
}

describe('a portal token', () => {
  it('reads its account, and does nothing else', async () => {
    const token = await aToken();
    const own = await beside.query(AccountDocument, {}, token);

    expect(own.data.account?.id).toBe(accountId);
    expect(token).toMatch(/^bgp_[A-Za-z0-9_-]{43}$/);
    expect(await codeOf(gateway.query(AccountDocument, { id: otherAccountId }, token))).toBe(
      'NOT_FOUND',
    );
    expect(await codeOf(create({}, token))).toBe('FORBIDDEN');
    expect(await codeOf(gateway.query('{ apiKeys { id } }', {}, token))).toBe('FORBIDDEN');
    expect(
      await codeOf(
        gateway.query('mutation { updateAccount(input: { name: "x" }) { id } }', {}, token),
      ),
    ).toBe('FORBIDDEN');
  });

  it('is made with MANAGE, for the account of the key', async () => {
    const manager = await createKey(gateway, accountId, ['MANAGE']);
    const reader = await createKey(gateway, accountId, ['READ_USAGE', 'INGEST']);

    expect(await codeOf(create({ accountId: null }, manager.secret))).toBeUndefined();
    expect(await codeOf(create({}, reader.secret))).toBe('FORBIDDEN');
    expect(await codeOf(create({ accountId: otherAccountId }, manager.secret))).toBe('NOT_FOUND');
    expect(await codeOf(create({ accountId: null }))).toBe('BAD_USER_INPUT');
  });

  it.each([
    [{ expiresInSeconds: 0 }, ['expiresInSeconds']],
    [{ expiresInSeconds: 3_601 }, ['expiresInSeconds']],
    [{ origins: [PORTAL, `${PORTAL}/usage`] }, ['origins', 1]],
    [{ origins: ['https://*.example.com'] }, ['origins', 0]],
    [{ origins: [`https://user@portal.example.com`] }, ['origins', 0]],
    [
      { origins: Array.from({ length: 21 }, (_, index) => `https://p${index}.example.com`) },
      ['origins'],
    ],
  ])('is refused with %j', async (variables, path) => {
    const { errors } = await create(variables);

    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', path });
  });

  it('lasts an hour unless told otherwise, to the millisecond, and not longer than its key', async () => {
    const nowMs = gateway.clock.nowMs();
    const keyEndsAtMs = nowMs + 90_000;
    const key = await createKey(gateway, accountId, ['MANAGE'], {
      expiresAt: new Date(keyEndsAtMs).toISOString(),
    });
    const hour = (await create()).data.createPortalToken;
    const short = (await create({ expiresInSeconds: 10 })).data.createPortalToken;
    const ofKey = (await create({}, key.secret)).data.createPortalToken;

    expect(Date.parse(hour.expiresAt)).toBe(nowMs + 3_600_000);
    expect(Date.parse(short.expiresAt)).toBe(nowMs + 10_000);
    expect(Date.parse(ofKey.expiresAt)).toBe(keyEndsAtMs);
    gateway.clock.moveTo(nowMs + 9_999);
    expect((await callFrom(null, short.token))[0]).toBe(200);
    gateway.clock.moveTo(nowMs + 10_000);
    expect((await callFrom(null, short.token))[0]).toBe(401);
  });

  it('is no key: it is not listed, counted or revoked as one', async () => {
    const token = await aToken();
    const [row] = await asOwner(
      gateway.databaseUrl,
      'select account_id, key_id, last_used_at from api_key where is_portal_token order by key_id desc limit 1',
    );
    await callFrom(null, token);
    const keys = await gateway.query<{ apiKeys: { name: string }[] }>(
      'query ($accountId: ID) { apiKeys(accountId: $accountId) { name } }',
      { accountId },
    );
    const id = Buffer.from(`ApiKey.${String(row?.['account_id'])}.${String(row?.['key_id'])}`);

    expect(keys.data.apiKeys.map(({ name }) => name)).not.toContain('Portal token');
    expect(
      await codeOf(gateway.query(RevokeApiKeyDocument, { id: id.toString('base64url') })),
    ).toBe('NOT_FOUND');
    expect(row?.['last_used_at']).toBeNull();
  });

  it('is deleted an hour after it has expired, and not before', async () => {
    const { expiresAt } = (await create({ expiresInSeconds: 5 })).data.createPortalToken;
    const isKept = async (): Promise<boolean> => {
      await gateway.app.portalTokens.deleteExpired();
      const rows = await asOwner(
        gateway.databaseUrl,
        `select from api_key where is_portal_token and expires_at = '${expiresAt}'`,
      );
      return rows.length > 0;
    };
    gateway.clock.moveBy(5_000 + 3_600_000 - 1);
    const before = await isKept();
    gateway.clock.moveBy(1);

    expect([before, await isKept()]).toEqual([true, false]);
  });
});

describe('origins of a portal token', () => {
  it('are let in at once, on another gateway too, and no others', async () => {
    const preflight = async (origin: string): Promise<unknown> =>
      (
        await beside.http
          .options('/graphql')
          .set('origin', origin)
          .set('access-control-request-method', 'POST')
      ).headers['access-control-allow-origin'];
    const origin = 'https://new.example.com';

    expect(await preflight(origin)).toBeUndefined();
    await aToken({ origins: [`${origin}/`] });
    expect(await preflight(origin)).toBe(origin);
    expect(await preflight(OTHER)).toBeUndefined();
    gateway.clock.moveBy(3_600_000);
  });

  it('may use it, and servers may; other pages may not', async () => {
    const token = await aToken({ origins: [PORTAL] });
    const other = await aToken({ origins: [OTHER] });

    expect(await callFrom(PORTAL, token)).toEqual([200, PORTAL]);
    expect(await callFrom(null, token)).toEqual([200, undefined]);
    expect(await callFrom(OTHER, token)).toEqual([403, OTHER]);
    expect(await callFrom('https://evil.example.com', token)).toEqual([403, undefined]);
    expect(await callFrom(OTHER, other)).toEqual([200, OTHER]);
  });

  it('do not keep the Usage page of the gateway itself from using it, wherever it is embedded', async () => {
    const token = await aToken({ origins: [PORTAL] });
    const origin = originOf(beside);
    const body = { query: '{ account { id } }' };

    const answers = await Promise.all([
      post(origin, '/graphql', { body, key: token, headers: { origin } }),
      post(origin, '/graphql/stream', { body, key: token, headers: { origin } }),
      post(origin, '/graphql', { body, key: token, headers: { origin: `${origin}0` } }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403]);
    await answers[1].body?.cancel();
  });

  it('open the gateway to no other key, and to no token without origins', async () => {
    await aToken({ origins: [PORTAL] });
    const key = await createKey(gateway, otherAccountId, ['READ_USAGE']);
    const token = await aToken({ accountId: otherAccountId });

    expect(await callFrom(PORTAL, key.secret)).toEqual([403, PORTAL]);
    expect(await callFrom(PORTAL, token)).toEqual([403, PORTAL]);
    expect(await callFrom(null, token)).toEqual([200, undefined]);
  });

  it('may open sockets and event streams with it, and with no other key', async () => {
    const token = await aToken({ origins: [PORTAL] });
    const connect = async (origin: string, key: string): Promise<number> => {
      const raw = await rawSocket(originOf(beside), { origin });
      raw.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } });
      await until(() => raw.messages.length > 0 || raw.closed !== null, 'an answer');
      raw.socket.close();
      return raw.closed?.code ?? 0;
    };
    const stream = async (origin: string, key: string): Promise<number> => {
      const abort = new AbortController();
      const { status } = await post(originOf(beside), '/graphql/stream', {
        ...{ body: { query: '{ account { id } }' }, key, headers: { origin } },
        signal: abort.signal,
      });
      abort.abort();
      return status;
    };

    const stranger = { origin: 'https://evil.example.com' };
    expect(await upgradeStatus(originOf(beside), stranger)).toBe(403);
    expect(await connect(PORTAL, token)).toBe(0);
    expect(await connect(PORTAL, gateway.operatorKey)).toBe(4403);
    expect(await stream(PORTAL, token)).toBe(200);
    expect(await stream(PORTAL, gateway.operatorKey)).toBe(403);
    expect(await stream(stranger.origin, token)).toBe(403);
  });
});

describe('the end of a portal token', () => {
  it('closes its sockets and streams at its instant, on every gateway', async () => {
    const token = await aToken({ expiresInSeconds: 60 });
    const stays = await aToken();
    const sockets = [
      await initialised(originOf(gateway), token),
      await initialised(originOf(beside), token),
    ];
    const other = await initialised(originOf(beside), stays);
    const events = await eventStream(originOf(beside), token, CreditBalanceDocument, {});
    gateway.clock.moveBy(60_000);
    const began = performance.now();
    await until(() => sockets.every(({ closed }) => closed !== null) && events.isOver, 'the ends');
    const tookMs = performance.now() - began;

    expect(sockets.map(({ closed }) => closed?.code)).toEqual([4403, 4403]);
    expect(events.received().at(-1)).toMatchObject({ event: 'complete' });
    expect(other.closed).toBeNull();
    expect(tookMs).toBeLessThan(5_000);
    other.socket.close();
  });

  it.each(['of the account', 'of an operator'])(
    'comes with the revocation of its key %s',
    async (whose) => {
      const input =
        whose === 'of an operator'
          ? { name: 'key', scopes: ['OPERATOR' as const] }
          : { accountId, name: 'key', scopes: ['MANAGE' as const] };
      const { secret, apiKey } = (await ask(gateway, CreateApiKeyDocument, { input })).createApiKey;
      const token = await aToken({}, secret);
      const socket = await initialised(originOf(beside), token);
      await gateway.query(RevokeApiKeyDocument, { id: apiKey.id });
      const began = performance.now();
      const atOnce = await gateway.query(AccountDocument, {}, token);
      await until(() => socket.closed !== null, 'the end');
      const tookMs = performance.now() - began;

      expect(atOnce.status).toBe(401);
      expect(socket.closed?.code).toBe(4403);
      expect(tookMs).toBeLessThan(5_000);
      expect(await codeOf(beside.query(CreatePortalTokenDocument, { accountId }, secret))).toBe(
        'UNAUTHENTICATED',
      );
    },
  );
});
