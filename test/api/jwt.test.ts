// Callers with JWTs, of an issuer that this test is: what is taken, what is refused, and until when.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type GenerateKeyPairResult,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { type JwtConfig, JwtService } from '../../src/access/jwt.service.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { WRONG_KEYS_MAX } from '../../src/http/wrong-keys.ts';
import { ask, createAccount } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { eventStream, initialised, originOf } from '../support/live.ts';
import {
  AccountDocument,
  CloseAccountDocument,
  CreateApiKeyDocument,
  CreatePortalTokenDocument,
  CreditBalanceDocument,
} from '@billing-gateway/client/operations';

const ISSUER = 'https://login.example.com/';
const AUDIENCE = 'billing';
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;
const ACCOUNTS = '{ accounts { totalCount } }';

/** Publishes keys, and counts how often they are read. */
class Issuer {
  keys: JWK[] = [];
  reads = 0;
  isDown = false;
  readonly pairs = new Map<string, GenerateKeyPairResult>();
  private readonly server: Server = createServer((_request, response) => {
    this.reads += 1;
    response.statusCode = this.isDown ? 500 : 200;
    response.end(JSON.stringify({ keys: this.keys }));
  });

  async start(): Promise<string> {
    for (const algorithm of ALGORITHMS) await this.add(algorithm, algorithm);
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  async add(kid: string, alg: string): Promise<void> {
    const pair = await generateKeyPair(alg);
    this.pairs.set(kid, pair);
    this.keys.push({ ...(await exportJWK(pair.publicKey)), kid, alg });
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

const issuer = new Issuer();
let config: JwtConfig;
let gateway: TestGateway;
let accountId: string;
let otherAccountId: string;

beforeAll(async () => {
  config = {
    jwksUrl: await issuer.start(),
    issuer: ISSUER,
    audience: AUDIENCE,
    accountClaim: 'account',
    scopeClaim: 'scope',
    allowOperator: false,
  };
  gateway = await startTestGateway({ app: { jwt: config } });
  accountId = await createAccount(gateway, { externalId: 'acme' });
  otherAccountId = await createAccount(gateway, { externalId: 'other' });
});

afterAll(async () => {
  await gateway.close();
  issuer.stop();
});

function nowSeconds(): number {
  return Math.floor(gateway.clock.nowMs() / 1_000);
}

/** The claims of a good token; undefined leaves one out. */
function claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'mara',
    exp: nowSeconds() + 300,
    account: 'acme',
    scope: 'openid READ_USAGE',
    ...changes,
  };
}

function sign(
  changes: Readonly<Record<string, unknown>> = {},
  { kid = 'RS256', alg = kid, header = {} }: { kid?: string; alg?: string; header?: object } = {},
): Promise<string> {
  const pair = issuer.pairs.get(kid);
  if (pair === undefined) throw new Error('no such key');
  return new SignJWT(claims(changes))
    .setProtectedHeader({ alg, kid, ...header })
    .sign(pair.privateKey);
}

async function statusOf(token: string, at: TestGateway = gateway): Promise<number> {
  const { status } = await at.http
    .post('/graphql')
    .set('authorization', `Bearer ${token}`)
    .send({ query: '{ account { id } }' });
  return status;
}

describe('a JWT', () => {
  it.each(ALGORITHMS)('by %s opens the account that it names', async (kid) => {
    const token = await sign({}, { kid });
    const own = await gateway.query(AccountDocument, {}, token);
    const foreign = await gateway.query(AccountDocument, { id: otherAccountId }, token);

    expect(own.data.account?.id).toBe(accountId);
    expect(foreign.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  });

  it('has the scopes of its claim: a list or a text, known ones only', async () => {
    const apiKeys = async (scope: unknown): Promise<unknown> =>
      (await gateway.query('{ apiKeys { id } }', {}, await sign({ scope }))).errors?.[0]?.extensions
        .code;

    expect(await apiKeys(['READ_USAGE', 'MANAGE'])).toBeUndefined();
    expect(await apiKeys('MANAGE')).toBeUndefined();
    expect(await apiKeys('READ_USAGE manage')).toBe('FORBIDDEN');
    expect(await apiKeys(undefined)).toBe('FORBIDDEN');
    expect(await apiKeys({ MANAGE: true })).toBe('FORBIDDEN');
  });

  it('is taken at the edges of its time', async () => {
    const begun = await sign({ nbf: nowSeconds() });
    const lasting = await sign({ exp: nowSeconds() + 1 });

    expect(await statusOf(begun)).toBe(200);
    expect(await statusOf(lasting)).toBe(200);
    gateway.clock.moveBy(1_000);
    expect(await statusOf(lasting)).toBe(401);
  });

  it.each([
    ['another audience', { aud: 'mail' }],
    ['no audience', { aud: undefined }],
    ['another issuer', { iss: 'https://login.example.com' }],
    ['no issuer', { iss: undefined }],
    ['no end', { exp: undefined }],
    ['an unknown account', { account: 'nobody' }],
    ['no account', { account: undefined }],
    ['an account that is no text', { account: ['acme'] }],
    ['a NUL in its account', { account: 'acme\u0000' }],
    ['an operator without an account', { account: undefined, scope: 'OPERATOR' }],
  ])('is refused with %s', async (_what, changes) => {
    expect(await statusOf(await sign(changes))).toBe(401);
  });

  it('is refused a second after its end and a second before its begin', async () => {
    expect(await statusOf(await sign({ exp: nowSeconds() - 1 }))).toBe(401);
    expect(await statusOf(await sign({ nbf: nowSeconds() + 1 }))).toBe(401);
  });

  it('is no wrong key, and is not shut out by wrong keys: its signature tells without the database', async () => {
    const guessed = await startTestGateway({ beside: gateway, app: { jwt: config } });
    const forged = `${(await sign()).slice(0, -8)}AAAAAAAA`;
    const asked = jest.spyOn(guessed.database, 'inSnapshot');
    const ofForged = new Set<number>();
    for (let index = 0; index <= WRONG_KEYS_MAX; index += 1) {
      ofForged.add(await statusOf(forged, guessed));
    }
    expect(asked).not.toHaveBeenCalled();
    for (let index = 0; index < WRONG_KEYS_MAX; index += 1) {
      await statusOf(`wrong-${index}`, guessed);
    }
    const after = [await statusOf('wrong', guessed), await statusOf(await sign(), guessed)];
    await guessed.close();

    expect(ofForged).toEqual(new Set([401]));
    expect(after).toEqual([429, 200]);
  });

  it('is refused without a signature, or signed with the public key as a secret', async () => {
    const unsigned = new UnsecuredJWT(claims()).encode();
    const pair = issuer.pairs.get('RS256');
    const pem = pair === undefined ? '' : await exportSPKI(pair.publicKey);
    const confused = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'HS256', kid: 'RS256' })
      .sign(new TextEncoder().encode(pem));
    const [head, body] = (await sign()).split('.');

    expect(await statusOf(unsigned)).toBe(401);
    expect(await statusOf(confused)).toBe(401);
    expect(await statusOf(`${head ?? ''}.${body ?? ''}.`)).toBe(401);
  });

  it('is refused when it was changed, or signed by a key of another kind or of nobody', async () => {
    const stranger = await generateKeyPair('RS256');
    const [head, , signature] = (await sign()).split('.');
    const changed = Buffer.from(JSON.stringify(claims({ account: 'other' }))).toString('base64url');
    const forged = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'RS256', kid: 'RS256' })
      .sign(stranger.privateKey);

    expect(await statusOf(`${head ?? ''}.${changed}.${signature ?? ''}`)).toBe(401);
    expect(await statusOf(forged)).toBe(401);
    expect(await statusOf(await sign({}, { kid: 'ES256', header: { kid: 'RS256' } }))).toBe(401);
  });

  it.each(['unknown', '../../etc/passwd', '/dev/null', "' or 1=1 --", '__proto__'])(
    'is refused with the kid %s, and the issuer is not asked for it',
    async (kid) => {
      await statusOf(await sign());
      const before = issuer.reads;

      expect(await statusOf(await sign({}, { header: { kid } }))).toBe(401);
      expect(issuer.reads).toBe(before);
    },
  );

  it.each(['jku', 'x5u'])('does not say by %s where its key is', async (name) => {
    const before = issuer.reads;
    const header = { kid: 'elsewhere', [name]: config.jwksUrl };

    expect(await statusOf(await sign({}, { header }))).toBe(401);
    expect(issuer.reads).toBe(before);
  });

  it('makes portal tokens that end with it', async () => {
    const exp = nowSeconds() + 60;
    const token = await sign({ exp, scope: 'MANAGE' });
    const { data } = await gateway.query(CreatePortalTokenDocument, {}, token);

    expect(Date.parse(data.createPortalToken.expiresAt)).toBe(exp * 1_000);
    expect(await statusOf(data.createPortalToken.token)).toBe(200);
  });

  it('makes keys that outlive it', async () => {
    const token = await sign({ scope: 'MANAGE', exp: nowSeconds() + 1 });
    const { createApiKey } = await ask(
      gateway,
      CreateApiKeyDocument,
      { input: { name: 'made by a JWT', scopes: ['READ_USAGE'] } },
      token,
    );
    const end = gateway.clock.nowMs();
    gateway.clock.moveBy(2_000);
    expect(await statusOf(token)).toBe(401);
    expect(await statusOf(createApiKey.secret)).toBe(200);
    gateway.clock.moveBy(end - gateway.clock.nowMs());
  });

  it('ends with its account, and its sockets too', async () => {
    const closing = await createAccount(gateway, { externalId: 'closing' });
    const token = await sign({ account: 'closing' });
    const socket = await initialised(originOf(gateway), token);
    const before = await gateway.query(AccountDocument, {}, token);
    await ask(gateway, CloseAccountDocument, { accountId: closing });
    const after = await gateway.query(AccountDocument, {}, token);
    await until(() => socket.closed !== null, 'the socket closes');

    expect([before.status, after.status, socket.closed?.code]).toEqual([200, 401, 4403]);
  });

  it('closes its sockets and streams at its end', async () => {
    const token = await sign({ exp: nowSeconds() + 60 });
    const stays = await initialised(originOf(gateway), await sign({ exp: nowSeconds() + 600 }));
    const socket = await initialised(originOf(gateway), token);
    const events = await eventStream(originOf(gateway), token, CreditBalanceDocument, {});
    gateway.clock.moveBy(60_000);
    const began = performance.now();
    await until(() => socket.closed !== null && events.isOver, 'the ends');
    const tookMs = performance.now() - began;

    expect(socket.closed?.code).toBe(4403);
    expect(events.received().at(-1)).toMatchObject({ event: 'complete' });
    expect(stays.closed).toBeNull();
    expect(tookMs).toBeLessThan(5_000);
    stays.socket.close();
  });
});

describe('the keys of the issuer', () => {
  it('are read again for a new key, but not within half a minute', async () => {
    const clock = jest.spyOn(Date, 'now');
    try {
      const service = aService();
      expect(await service.authenticate(await sign())).toMatchObject({ name: 'jwt:mara' });
      await issuer.add('next', 'ES256');
      const next = await sign({}, { kid: 'next', alg: 'ES256' });
      const before = issuer.reads;
      const readAtMs = new SystemClock().nowMs();

      clock.mockReturnValue(readAtMs + 29_000);
      expect(await service.authenticate(next)).toBeNull();
      expect(issuer.reads).toBe(before);

      clock.mockReturnValue(readAtMs + 31_000);
      expect(await service.authenticate(next)).toMatchObject({ name: 'jwt:mara' });
      expect(issuer.reads).toBe(before + 1);
    } finally {
      clock.mockRestore();
    }
  });

  it('are asked once for a token, while there are no more tokens than are kept', async () => {
    // Tokens are kept for seconds only, which must not pass meanwhile.
    const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now());
    try {
      let lookups = 0;
      const service = aService({ keptTokensMax: 3, onLookup: () => (lookups += 1) });
      const tokens = await Promise.all(['1', '2', '3', '4'].map((sub) => sign({ sub })));
      for (const token of tokens.slice(0, 3)) await service.authenticate(token);
      for (const token of tokens.slice(0, 3)) await service.authenticate(token);
      expect(lookups).toBe(3);

      for (const token of tokens) await service.authenticate(token);
      // The fourth took the place of the first.
      await service.authenticate(tokens[0] ?? '');
      expect(lookups).toBe(5);
    } finally {
      clock.mockRestore();
    }
  });

  it('are asked again for a token whose account was looked up before `forget`', async () => {
    let lookups = 0;
    const service = aService({
      onLookup: () => {
        lookups += 1;
        // Its account is closed after it was seen, and before the answer is there.
        if (lookups === 1) service.forget();
      },
    });
    const token = await sign();
    for (let call = 1; call <= 3; call += 1) await service.authenticate(token);

    expect(lookups).toBe(2);
  });

  /** A service with nothing read yet. */
  function aService(
    options: { readonly keptTokensMax?: number; readonly onLookup?: () => unknown } = {},
  ): JwtService {
    const { onLookup, ...limits } = options;
    const findNumber = (): Promise<number> => {
      onLookup?.();
      return Promise.resolve(1);
    };
    const { database, clock } = gateway;
    return new JwtService({
      ...{ config, database, clock, accounts: { findNumber }, ...limits },
      onError: (error) => {
        throw error;
      },
    });
  }
});

describe('gateways of other configurations', () => {
  async function beside(
    jwt: JwtConfig | null,
    use: (at: TestGateway) => Promise<void>,
  ): Promise<void> {
    const other = await startTestGateway({
      beside: gateway,
      app: { jwt },
    });
    try {
      await use(other);
    } finally {
      await other.close();
    }
  }

  it('take operators where that is allowed, and other claims', async () => {
    const claimed = { accountClaim: 'team', scopeClaim: 'permissions' };
    await beside({ ...config, ...claimed, allowOperator: true }, async (at) => {
      const operator = await sign({ permissions: ['OPERATOR'] });
      const member = await sign({ team: 'other', permissions: ['READ_USAGE'] });
      const ofMember = await at.query(AccountDocument, {}, member);

      expect((await at.query(ACCOUNTS, {}, operator)).errors).toBeUndefined();
      expect(ofMember.data.account?.id).toBe(otherAccountId);
      expect((await at.query(ACCOUNTS, {}, member)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
      expect(await statusOf(await sign(), at)).toBe(401);
    });
  });

  it('take no JWTs without a configuration', async () => {
    await beside(null, async (at) => {
      expect(await statusOf(await sign(), at)).toBe(401);
    });
  });

  it('go on with the keys that they know while the issuer is down', async () => {
    await beside(config, async (at) => {
      await issuer.add('early', 'RS256');
      expect(await statusOf(await sign(), at)).toBe(200);
      issuer.isDown = true;

      expect(await statusOf(await sign({}, { kid: 'early', alg: 'RS256' }), at)).toBe(200);
      issuer.isDown = false;
    });
  });

  it('answer 503 while they know no keys, and ask no more than once in a while', async () => {
    issuer.isDown = true;
    const before = issuer.reads;
    await beside(config, async (at) => {
      const token = await sign();
      const statuses = [await statusOf(token, at), await statusOf(token, at)];

      expect(statuses).toEqual([503, 503]);
      expect(issuer.reads - before).toBe(1);
      expect(at.takeFaults()).toHaveLength(1);
      // Keys are not of the issuer.
      expect(await statusOf(gateway.operatorKey, at)).toBe(200);
    });
    issuer.isDown = false;
  });
});
