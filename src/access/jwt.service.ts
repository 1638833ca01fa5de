// Callers with a JWT of the platform's own issuer. Its public keys are read from its address (JWKS) when the first token comes,
// again when a token names an unknown key, and every ten minutes. While the address does not answer, the known keys go on.

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import { UnavailableError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import type { Database, Tx } from '../db/database.ts';
import { callerOf, type JwtRules } from './jwt.ts';
import { KEY_CACHE_MS } from './key.ts';
import { sha256Of } from './secret.service.ts';

/** Signatures by a private key only: a token that is signed with the public key as a secret is none. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const FETCH_WITHIN_MS = 5_000;
/** Between two readings because of unknown keys, and after a reading that failed. */
const COOLDOWN_MS = 30_000;
const READ_EVERY_MS = 600_000;
const KEPT_TOKENS_MAX = 10_000;

export interface JwtConfig extends JwtRules {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface JwtDeps {
  readonly config: JwtConfig;
  readonly database: Database;
  readonly clock: Clock;
  readonly accounts: {
    /** The number of the open account with an externalId; null when there is none. */
    findNumber(tx: Tx, externalId: string): Promise<number | null>;
  };
  /** Default: 10,000. */
  readonly keptTokensMax?: number;
  readonly onError: (error: unknown) => void;
}

export class JwtService {
  private readonly keys: ReturnType<typeof createRemoteJWKSet>;
  private readonly cache: LRUCache<string, Actor>;
  private readAtMs = -Infinity;
  private failedAtMs = -Infinity;
  private forgettings = 0;

  constructor(private readonly deps: JwtDeps) {
    const { keptTokensMax: max = KEPT_TOKENS_MAX } = deps;
    this.cache = new LRUCache({ max, ttl: KEY_CACHE_MS });
    this.keys = createRemoteJWKSet(new URL(deps.config.jwksUrl), {
      timeoutDuration: FETCH_WITHIN_MS,
      cooldownDuration: COOLDOWN_MS,
      cacheMaxAge: Infinity,
      [customFetch]: (url, options) => this.fetch(url, options),
    });
  }

  /**
   * The caller of a JWT, until its `exp`.
   * @returns ENDED when all is right but its `exp`; null unless it is signed by a key of the issuer, for this gateway, and
   *   names an account
   * @throws UNAVAILABLE when the keys cannot be read
   */
  async authenticate(token: string): Promise<Actor | 'ENDED' | null> {
    const hash = sha256Of(token).toString('base64');
    const forgettingsBefore = this.forgettings;
    const actor = this.cache.get(hash) ?? (await this.read(token));
    if (actor === null || actor === 'ENDED') return actor;
    if ((actor.endsAtMs ?? 0) <= this.deps.clock.nowMs()) return 'ENDED';
    // What was read before `forget` may be of an account that was still open.
    if (this.forgettings === forgettingsBefore && !this.cache.has(hash)) {
      this.cache.set(hash, actor);
    }
    return actor;
  }

  /** Asks anew whether callers' accounts are open. */
  forget(): void {
    this.forgettings += 1;
    this.cache.clear();
  }

  private async read(token: string): Promise<Actor | 'ENDED' | null> {
    const claims = await this.verified(token);
    if (claims === 'ENDED') return claims;
    const caller = claims === null ? null : callerOf(claims, this.deps.config);
    if (caller === null) return null;
    const { name, externalId, scopes, endsAtMs } = caller;
    if (externalId === null) return { name, keyId: null, accountId: null, scopes, endsAtMs };
    const { database, accounts } = this.deps;
    const accountId = await database.inSnapshot('system', (tx) =>
      accounts.findNumber(tx, externalId),
    );
    return accountId === null ? null : { name, keyId: null, accountId, scopes, endsAtMs };
  }

  private async verified(token: string): Promise<JWTPayload | 'ENDED' | null> {
    const { config, clock } = this.deps;
    if (performance.now() - this.readAtMs > READ_EVERY_MS && this.keys.jwks() !== undefined) {
      this.readAtMs = performance.now();
      // `fetch` reports what goes wrong.
      this.keys.reload().catch(() => undefined);
    }
    try {
      const { payload } = await jwtVerify(token, this.keys, {
        algorithms: ALGORITHMS,
        issuer: config.issuer,
        audience: config.audience,
        requiredClaims: ['exp', 'iss', 'aud'],
        currentDate: new Date(clock.nowMs()),
      });
      return payload;
    } catch (error) {
      if (error instanceof KeysOutOfReach) {
        throw new UnavailableError(
          'The keys of the token issuer cannot be read; please try again.',
          { cause: error },
        );
      }
      // Its signature, issuer and audience were checked before.
      if (error instanceof errors.JWTExpired) return 'ENDED';
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  // An issuer that does not answer is not asked again for each token.
  private async fetch(url: string, options: RequestInit): Promise<Response> {
    if (performance.now() - this.failedAtMs < COOLDOWN_MS)
      throw new KeysOutOfReach('not asked again yet');
    try {
      const response = await fetch(url, options);
      if (!response.ok) throw new Error(`answered ${response.status}`);
      const keys = (await response.json()) as JSONWebKeySet;
      // Throws unless it is a set of keys.
      createLocalJWKSet(keys);
      this.readAtMs = performance.now();
      return Response.json(keys);
    } catch (error) {
      this.failedAtMs = performance.now();
      this.deps.onError(new Error('The keys at JWKS_URL cannot be read', { cause: error }));
      throw new KeysOutOfReach('no answer', { cause: error });
    }
  }
}

class KeysOutOfReach extends Error {}
