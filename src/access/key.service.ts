import { LRUCache } from 'lru-cache';
import { type AuditedChange, auditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import type { Clock } from '../core/clock.ts';
import { ConflictError, invariant, UserInputError } from '../core/errors.ts';
import { type Actor, encodeId, NO_ACCOUNT, type NodeRef, unknownId } from '../core/identity.ts';
import type { Database, Tx } from '../db/database.ts';
import { whoseOf } from '../db/whose.ts';
import { isOperator, requireAccount, requireRef, requireScope } from './authorize.ts';
import { isJwt } from './jwt.ts';
import type { JwtService } from './jwt.service.ts';
import {
  isInForce,
  KEY_CACHE_MS,
  KEYS_IN_FORCE_MAX,
  parseBootstrapSecret,
  parseNewKey,
  prefixOf,
  SECRET_START,
  type ApiKey,
  type CreateApiKeyRequest,
  type NewApiKey,
} from './key.ts';
import {
  countKeysInForce,
  findEndedKeys,
  findKey,
  findKeyBySecret,
  insertKey,
  listKeys,
  lockKeys,
  revokeKey,
  revokeKeys,
  touchKey,
} from './key.store.ts';
import { revokeTokensOf } from './portal-tokens.store.ts';
import { newSecret, sha256Of } from './secret.service.ts';

const CACHED_KEYS = 10_000;
const LAST_USED_EVERY_MS = 60_000;
const LISTED_KEYS_MAX = 1_000;

/** What this service needs of accounts, which are in a higher folder: whether one exists. */
export interface AccountFinder {
  /** @throws NOT_FOUND */
  get(tx: Tx, accountId: number, asNamed?: string): Promise<unknown>;
  /** Keeps it open until the transaction ends. @throws NOT_FOUND, ACCOUNT_CLOSED */
  holdOpen(tx: Tx, accountId: number, asNamed?: string): Promise<void>;
  /** Those of some accounts that are closed. */
  findClosed(tx: Tx, accountIds: readonly number[]): Promise<ReadonlySet<number>>;
}

/** Who sent a secret. ENDED: it was right, and has expired or was revoked; null: it is unknown. */
export type SecretHolder = Actor | 'ENDED' | null;

interface CachedKey {
  readonly key: ApiKey;
  readonly actor: Actor;
}

export class KeyService {
  private readonly cache = new LRUCache<string, CachedKey>({ max: CACHED_KEYS, ttl: KEY_CACHE_MS });
  private readonly lastUsed = new LRUCache<number, number>({ max: CACHED_KEYS });
  private readonly writing = new Set<Promise<void>>();
  private readonly reading = new Map<string, Promise<CachedKey | null>>();
  private revocations = 0;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: AccountFinder,
    /** Null: JWTs are not taken. */
    private readonly jwts: JwtService | null = null,
  ) {}

  /**
   * Whose secret it is: a key, a portal token or a JWT. A key's expiry holds to the millisecond, its revocation at once on the gateway that
   * revoked it and within KEY_CACHE_MS on others.
   */
  async authenticate(secret: string): Promise<SecretHolder> {
    if (isJwt(secret)) return (await this.jwts?.authenticate(secret)) ?? null;
    const sha256 = sha256Of(secret);
    const cached = this.cache.get(sha256.toString('base64')) ?? (await this.readOnce(sha256));
    const nowMs = this.clock.nowMs();
    if (cached === null) return null;
    if (!isInForce(cached.key, nowMs)) return 'ENDED';
    if (!cached.key.isPortalToken) this.noteUse(cached.key, nowMs);
    return cached.actor;
  }

  /** The callers among these whose keys were revoked, or that have expired: for connections that outlive their request. */
  async findEnded(actors: readonly Actor[]): Promise<ReadonlySet<Actor>> {
    const nowMs = this.clock.nowMs();
    const isOver = ({ endsAtMs = null }: Actor): boolean => endsAtMs !== null && endsAtMs <= nowMs;
    const closed = await this.closedAmong(actors);
    // A JWT cannot be revoked, so it has no row: it ends with its account.
    const held = actors.flatMap((actor) =>
      actor.keyId === null || isOver(actor) ? [] : [{ ...actor, keyId: actor.keyId, actor }],
    );
    const ended =
      held.length === 0
        ? new Set<number>()
        : await this.database.inSnapshot('system', (tx) => findEndedKeys(tx, held, nowMs));
    return new Set([
      ...actors.filter((actor) => isOver(actor) || closed.has(actor.accountId)),
      ...held.flatMap(({ actor }, index) => (ended.has(index) ? [actor] : [])),
    ]);
  }

  private async closedAmong(actors: readonly Actor[]): Promise<ReadonlySet<number | null>> {
    const accountIds = actors.flatMap(({ keyId, accountId }) =>
      keyId === null && accountId !== null ? [accountId] : [],
    );
    if (accountIds.length === 0) return new Set();
    return this.database.inSnapshot('system', (tx) =>
      this.accounts.findClosed(tx, [...new Set(accountIds)]),
    );
  }

  /**
   * Makes a key. An account's key makes keys of its own account. An operator's key makes keys of the account that it names or,
   * when it names none and asks for OPERATOR, another operator's key.
   * @returns the key and its secret, which is not stored
   * @throws FORBIDDEN for a scope that the caller lacks, NOT_FOUND, BAD_USER_INPUT, CONFLICT when there are too many keys
   */
  async create(
    actor: Actor,
    request: CreateApiKeyRequest,
  ): Promise<{ readonly apiKey: ApiKey; readonly secret: string }> {
    const accountId = ownerOfNewKey(actor, request);
    for (const scope of request.scopes) requireScope(actor, scope);
    const parsed = parseNewKey(request, this.clock.nowMs());
    const secret = newSecret(SECRET_START);
    const apiKey = await this.database.inTransaction(whoseOf({ accountId }), async (tx) => {
      if (accountId !== null) {
        await this.accounts.holdOpen(tx, accountId, request.accountId ?? undefined);
      }
      const inForce = await countKeysInForce(tx, accountId, parsed.createdAtMs);
      if (inForce >= KEYS_IN_FORCE_MAX) {
        throw new ConflictError(
          `There are ${inForce} keys in force; there can be at most ${KEYS_IN_FORCE_MAX}: revoke one first.`,
        );
      }
      const made = await insertSecret(
        tx,
        { ...parsed, accountId, prefix: prefixOf(secret) },
        secret,
      );
      invariant(made !== null, 'random secrets differ');
      const { prefix, scopes, expiresAtMs } = made;
      const entry = auditEntry(actor, {
        ...auditedKey(made),
        action: 'createApiKey',
        to: { prefix, scopes, expiresAtMs },
      });
      insertAudit(tx, [entry], parsed.createdAtMs);
      return made;
    });
    return { apiKey, secret };
  }

  /** Revokes a key and its portal tokens; one that is already revoked is returned unchanged. @throws FORBIDDEN, NOT_FOUND */
  async revoke(actor: Actor, id: string): Promise<ApiKey> {
    const ref = requireRef(actor, 'MANAGE', { id, types: ['ApiKey'], path: ['id'] });
    const { accountId, keyId } = keyOf(ref);
    const revoked = await this.database.inTransaction(whoseOf({ accountId }), async (tx) => {
      const revokedAtMs = this.clock.nowMs();
      const key = await revokeKey(tx, { accountId, keyId }, revokedAtMs);
      if (key === null) return findKey(tx, accountId, keyId);
      // After the key: a call that makes a token holds its key, so none is missed.
      await revokeTokensOf(tx, keyId, revokedAtMs);
      const entry = auditEntry(actor, {
        ...auditedKey(key),
        action: 'revokeApiKey',
        to: { revokedAtMs },
      });
      insertAudit(tx, [entry], revokedAtMs);
      return key;
    });
    if (revoked === null) throw unknownId(id, ['id']);
    this.forget();
    return revoked;
  }

  /** Revokes all keys and portal tokens of an account. After the commit `forget` must follow. */
  async revokeAll(tx: Tx, accountId: number, atMs: number): Promise<void> {
    await revokeKeys(tx, accountId, atMs);
  }

  /** Asks the database anew about every key, because some were revoked. */
  forget(): void {
    // The cache is keyed by secrets, which are not known here, so all of it is dropped. A read that is in progress may have
    // seen the key before it was revoked, so its result is not kept (see read).
    this.revocations += 1;
    this.cache.clear();
    this.jwts?.forget();
  }

  /** An account's keys, newest first; for an operator who names none, the operators'. @throws FORBIDDEN, NOT_FOUND */
  async list(
    actor: Actor,
    tx: Tx,
    named: { readonly accountId: string | null },
  ): Promise<readonly ApiKey[]> {
    if (named.accountId === null && isOperator(actor)) return listKeys(tx, null, LISTED_KEYS_MAX);
    const accountId = requireAccount(actor, 'MANAGE', {
      accountId: named.accountId,
      path: ['accountId'],
    });
    await this.accounts.get(tx, accountId, named.accountId ?? undefined);
    return listKeys(tx, accountId, LISTED_KEYS_MAX);
  }

  /** The key with an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<ApiKey> {
    const ref = requireRef(actor, 'MANAGE', { id, types: ['ApiKey'], path: ['id'] });
    const { accountId, keyId } = keyOf(ref);
    const key = await findKey(tx, accountId, keyId);
    if (key === null) throw unknownId(id, ['id']);
    return key;
  }

  /**
   * Ensures that an operator can begin. If the operator configured a secret, it becomes a key (unless it is one that was
   * revoked). Without it, the first call on a database makes a key.
   * @returns the new secret, to be shown once; null when none was made
   * @throws BAD_USER_INPUT for a secret that is too short or cannot travel in a header
   */
  async ensureOperatorKey(ownSecret: string | null): Promise<{ readonly secret: string | null }> {
    const secret = ownSecret === null ? newSecret(SECRET_START) : parseBootstrapSecret(ownSecret);
    return this.database.inTransaction('system', async (tx) => {
      // The lock comes first: otherwise two gateways could both see no key and print two.
      await lockKeys(tx);
      if (ownSecret === null && (await listKeys(tx, null, 1)).length > 0) return { secret: null };
      const key: NewApiKey = {
        accountId: null,
        name: ownSecret === null ? 'First operator key' : 'BOOTSTRAP_OPERATOR_KEY',
        prefix: prefixOf(secret),
        scopes: ['OPERATOR'],
        createdAtMs: this.clock.nowMs(),
        expiresAtMs: null,
      };
      await insertSecret(tx, key, secret);
      return { secret: ownSecret === null ? secret : null };
    });
  }

  /** Waits until the last uses are written; before the database is closed. */
  async close(): Promise<void> {
    await Promise.all(this.writing);
  }

  // Many requests may miss the same key at once. What was begun before a revocation is not shared with requests after it.
  private readOnce(sha256: Buffer): Promise<CachedKey | null> {
    const name = `${this.revocations} ${sha256.toString('base64')}`;
    const begun = this.reading.get(name);
    if (begun !== undefined) return begun;
    const read = this.read(sha256).finally(() => this.reading.delete(name));
    this.reading.set(name, read);
    return read;
  }

  private async read(sha256: Buffer): Promise<CachedKey | null> {
    const revocationsBefore = this.revocations;
    const key = await this.database.inSnapshot('nobody', (tx) => findKeyBySecret(tx, sha256));
    // Unknown secrets are not cached, so a key that was just made on another gateway works here at once.
    if (key === null) return null;
    const actor = {
      name: `${key.isPortalToken ? 'portal' : 'key'}:${key.keyId}`,
      keyId: key.keyId,
      accountId: key.accountId,
      scopes: new Set(key.scopes),
      endsAtMs: key.expiresAtMs,
      origins: key.origins,
    };
    const cached = { key, actor };
    if (this.revocations === revocationsBefore) this.cache.set(sha256.toString('base64'), cached);
    return cached;
  }

  // At most once a minute for each key, and not awaited: a request never fails because its use could not be written.
  private noteUse(key: ApiKey, nowMs: number): void {
    const noted = this.lastUsed.get(key.keyId);
    if (noted !== undefined && Math.abs(nowMs - noted) < LAST_USED_EVERY_MS) return;
    this.lastUsed.set(key.keyId, nowMs);
    const used = { atMs: nowMs, unlessSinceMs: nowMs - LAST_USED_EVERY_MS };
    const write = this.database
      .inTransaction(whoseOf(key), (tx) => touchKey(tx, key, used))
      .catch(() => undefined)
      .finally(() => this.writing.delete(write));
    this.writing.add(write);
  }
}

function ownerOfNewKey(actor: Actor, request: CreateApiKeyRequest): number | null {
  const wantsOperator = request.scopes.includes('OPERATOR');
  const namesAccount = request.accountId !== null && request.accountId !== undefined;
  if (wantsOperator && isOperator(actor)) {
    if (!namesAccount) return null;
    throw new UserInputError(
      'OPERATOR is a scope of keys without an account: leave accountId out.',
      {
        path: ['input', 'accountId'],
      },
    );
  }
  return requireAccount(actor, 'MANAGE', {
    accountId: request.accountId,
    path: ['input', 'accountId'],
  });
}

function auditedKey(key: ApiKey): Pick<AuditedChange, 'accountId' | 'target' | 'name'> {
  const { accountId, keyId, name } = key;
  return { accountId, target: encodeId('ApiKey', accountId, keyId), name };
}

function keyOf(ref: NodeRef): Pick<ApiKey, 'accountId' | 'keyId'> {
  return { accountId: ref.accountId === NO_ACCOUNT ? null : ref.accountId, keyId: ref.localId };
}

function insertSecret(tx: Tx, key: NewApiKey, secret: string): Promise<ApiKey | null> {
  return insertKey(tx, key, sha256Of(secret));
}
