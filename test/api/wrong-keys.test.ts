// Wrong keys: twenty a minute and address are looked up, by whatever transport they come.

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { networkOf, plainAddress } from '../../src/http/address.ts';
import { limitWrongKeys, WRONG_KEYS_MAX } from '../../src/http/wrong-keys.ts';
import { ask, createAccount, createKey } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf, rawSocket } from '../support/live.ts';
import {
  CreatePortalTokenDocument,
  RevokeApiKeyDocument,
} from '@billing-gateway/client/operations';
import { post } from '../support/post.ts';

const ATTACKER = '203.0.113.7';
const BYSTANDER = '203.0.113.8';

let gateway: TestGateway;
let wrong = 0;

beforeEach(async () => {
  gateway = await startTestGateway({ http: { trustProxy: 1 } });
});

afterEach(() => gateway.close());

function wrongKey(): string {
  wrong += 1;
  return `Bearer bgk_wrong_${wrong}_${'x'.repeat(30)}`;
}

/** Sends a key by a transport. */
function attempt(
  path: string,
  { authorization = wrongKey(), from = ATTACKER, at = gateway } = {},
): Promise<Response> {
  return post(originOf(at), path, {
    body: { query: '{ hardwareProfiles { id } }' },
    headers: { authorization, 'x-forwarded-for': from },
  });
}

async function closeCode(payload: object, headers = {}): Promise<number> {
  const raw = await rawSocket(originOf(gateway), { 'x-forwarded-for': ATTACKER, ...headers });
  raw.send({ type: 'connection_init', payload });
  await until(() => raw.closed !== null, 'the socket is closed');
  return raw.closed?.code ?? 0;
}

/** Spends what the attacker has. */
async function exhaust(from: (each: number) => string = () => ATTACKER): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: WRONG_KEYS_MAX }, (_, each) => attempt('/graphql', { from: from(each) })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
}

describe('after twenty wrong keys', () => {
  it('every transport refuses the address without asking the database', async () => {
    await exhaust();
    const asked = jest.spyOn(gateway.database, 'inSnapshot');
    const answers = await Promise.all(
      ['/graphql', '/graphql/stream', '/v1/events'].map((path) => attempt(path)),
    );
    const codes = await Promise.all([
      closeCode({ authorization: wrongKey() }),
      closeCode({}, { authorization: wrongKey() }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([429, 429, 429]);
    expect(codes).toEqual([4451, 4451]);
    expect(asked).not.toHaveBeenCalled();
    const seconds = Number(answers[0]?.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await answers[0]?.json()).toEqual({
      errors: [
        {
          message: 'Too many wrong keys came from this address; 20 a minute are answered.',
          extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds },
        },
      ],
    });
  });

  it('other addresses, calls without a key and keys that were right before go on', async () => {
    const right = `Bearer ${gateway.operatorKey}`;
    await attempt('/graphql', { authorization: right });
    await exhaust();

    const statuses = await Promise.all([
      attempt('/graphql', { from: BYSTANDER }),
      attempt('/graphql', { authorization: '' }),
      attempt('/graphql', { authorization: right }),
    ]);

    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 200]);
  });

  it('an address before the proxy that the caller claims does not count', async () => {
    await exhaust();
    const { status } = await attempt('/graphql', { from: `${BYSTANDER}, ${ATTACKER}` });

    expect(status).toBe(429);
  });
});

describe('a secret that was right', () => {
  it('does not count once it has expired or was revoked, on a gateway that never saw it', async () => {
    const accountId = await createAccount(gateway);
    const key = await createKey(gateway, accountId, ['READ_USAGE']);
    await ask(gateway, RevokeApiKeyDocument, { id: key.id });
    const { createPortalToken } = await ask(gateway, CreatePortalTokenDocument, {
      accountId,
      expiresInSeconds: 1,
    });
    gateway.clock.moveBy(1_000);
    const restarted = await startTestGateway({ beside: gateway, http: { trustProxy: 1 } });
    const authorizations = [createPortalToken.token, key.secret].map((one) => `Bearer ${one}`);
    const tabs = Array.from({ length: 3 * WRONG_KEYS_MAX }, (_, index) =>
      attempt('/graphql', { authorization: authorizations[index % 2] ?? '', at: restarted }),
    );
    const statuses = (await Promise.all(tabs)).map(({ status }) => status);
    const { status } = await attempt('/graphql', { at: restarted });
    await restarted.close();

    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(status).toBe(401);
  });
});

describe('without TRUST_PROXY', () => {
  it('a caller cannot claim an address', async () => {
    const alone = await startTestGateway({ beside: gateway });
    const claim = (from: string): Promise<Response> => attempt('/graphql', { from, at: alone });
    for (let index = 0; index < WRONG_KEYS_MAX; index += 1) await claim(`203.0.113.${index}`);
    const { status } = await claim('198.51.100.1');
    await alone.close();

    expect(status).toBe(429);
  });
});

describe('the limit', () => {
  it('is never passed by keys that come at once', async () => {
    const lookUp = jest.spyOn(gateway.app.keys, 'authenticate');
    const answers = await Promise.all(
      Array.from({ length: 3 * WRONG_KEYS_MAX }, () => attempt('/graphql')),
    );

    expect(answers.filter(({ status }) => status === 401)).toHaveLength(WRONG_KEYS_MAX);
    expect(lookUp).toHaveBeenCalledTimes(WRONG_KEYS_MAX);
  });

  it('is not touched by many right keys that come at once', async () => {
    const actor = { name: 'key:1', keyId: 1, accountId: null, scopes: new Set<never>() };
    const authenticate = limitWrongKeys({ authenticate: () => Promise.resolve(actor) });
    const found = await Promise.all(
      Array.from({ length: 100 }, (_, index) => authenticate(`right-${index}`, ATTACKER)),
    );

    expect(found).toEqual(found.map(() => actor));
  });

  it('ends after its time', async () => {
    const authenticate = limitWrongKeys({
      authenticate: () => Promise.resolve(null),
      windowMs: 100,
    });
    const from = (): Promise<unknown> => authenticate(wrongKey(), ATTACKER);
    for (let index = 0; index < WRONG_KEYS_MAX; index += 1) await from();
    await expect(from()).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 1 });
    await until(
      () =>
        from().then(
          () => true,
          () => false,
        ),
      'the address may try again',
    );
  });

  it.each([
    ['with ports', (each: number) => `${ATTACKER}:${4_000 + each}`],
    ['of IPv6 with ports', (each: number) => `[2001:db8:1:3::${each}]:${4_000 + each}`],
    ['that are none', (each: number) => `unknown-${each}`],
  ])('is not passed by addresses %s', async (_, from) => {
    await exhaust(from);
    const { status } = await attempt('/graphql', { from: from(99) });

    expect(status).toBe(429);
  });

  it('counts an IPv6 network as one address', () => {
    expect(networkOf('2001:db8:1:2:3::4')).toBe(networkOf('2001:db8:1:2:ffff::9'));
    expect(networkOf('2001:db8:1:3::4')).not.toBe(networkOf('2001:db8:1:2::4'));
  });
});

describe('an address', () => {
  it.each([
    [ATTACKER, ATTACKER],
    [`${ATTACKER}:4000`, ATTACKER],
    [`::ffff:${ATTACKER}`, ATTACKER],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', null],
    ['203.0.113', null],
    ['[203.0.113.7', null],
    [`${'1'.repeat(9_000)}.2.3.4`, null],
    ['', null],
  ])('is read from %j as %j', (written, address) => {
    expect(plainAddress(written)).toBe(address);
  });
});
