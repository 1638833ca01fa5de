import { LRUCache } from 'lru-cache';
import { auditEntry } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import type { Clock } from '../core/clock.ts';
import { ConflictError, UnauthenticatedError } from '../core/errors.ts';
import { type Actor, encodeId } from '../core/identity.ts';
import { isWebOrigin } from '../core/url.ts';
import type { Database } from '../db/database.ts';
import { whoseOf } from '../db/whose.ts';
import { requireAccount } from './authorize.ts';
import { KEY_CACHE_MS, prefixOf } from './key.ts';
import type { AccountFinder } from './key.service.ts';
import {
  parsePortalToken,
  TOKEN_START,
  TOKENS_IN_FORCE_MAX,
  type CreatePortalTokenRequest,
  type PortalToken,
} from './portal-token.ts';
import {
  countTokensInForce,
  deleteExpiredTokens,
  findTokenOrigins,
  holdKey,
  insertToken,
} from './portal-tokens.store.ts';
import { newSecret, sha256Of } from './secret.service.ts';

const DELETE_EVERY_MS = 600_000;
/** So long an ended token is told from a guessed one (http/wrong-keys.ts). */
const KEEP_ENDED_MS = 3_600_000;
const CACHED_ORIGINS = 1_000;

export interface PortalTokenDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly accounts: AccountFinder;
  readonly onError: (error: unknown) => void;
}

/** Origins that are looked up by the same statement. */
interface Lookup {
  readonly origins: Set<string>;
  readonly found: Promise<ReadonlySet<string>>;
}

export class PortalTokenService {
  private readonly knownOrigins = new LRUCache<string, true>({
    max: CACHED_ORIGINS,
    ttl: KEY_CACHE_MS,
  });
  private running: Promise<unknown> = Promise.resolve();
  private waiting: Lookup | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly deps: PortalTokenDeps) {}

  /**
   * Makes a token for the pages of an account. It ends with the key that makes it.
   * @throws FORBIDDEN without MANAGE, NOT_FOUND, BAD_USER_INPUT, CONFLICT when there are too many tokens
   */
  async create(actor: Actor, request: CreatePortalTokenRequest): Promise<PortalToken> {
    const { database, clock, accounts } = this.deps;
    const accountId = requireAccount(actor, 'MANAGE', {
      accountId: request.accountId,
      path: ['accountId'],
    });
    const nowMs = clock.nowMs();
    const parsed = parsePortalToken(request, { nowMs, makerEndsAtMs: actor.endsAtMs ?? null });
    const token = newSecret(TOKEN_START);
    // The caller's: an operator's key, which is held below, belongs to no account.
    await database.inTransaction(whoseOf(actor), async (tx) => {
      await accounts.holdOpen(tx, accountId, request.accountId ?? undefined);
      if (actor.keyId !== null && !(await holdKey(tx, actor.accountId, actor.keyId))) {
        throw new UnauthenticatedError();
      }
      const inForce = await countTokensInForce(tx, accountId, nowMs);
      if (inForce >= TOKENS_IN_FORCE_MAX) {
        throw new ConflictError(
          `There are ${inForce} portal tokens in force; there can be at most ${TOKENS_IN_FORCE_MAX}: wait until some expire.`,
        );
      }
      await insertToken(
        tx,
        { ...parsed, accountId, parentKeyId: actor.keyId },
        { secretSha256: sha256Of(token), prefix: prefixOf(token) },
      );
      const { origins, expiresAtMs } = parsed;
      const entry = auditEntry(actor, {
        action: 'createPortalToken',
        accountId,
        // Tokens have no ids.
        target: encodeId('Account', accountId, accountId),
        to: { prefix: prefixOf(token), origins, expiresAtMs },
      });
      insertAudit(tx, [entry], nowMs);
    });
    return { token, expiresAtMs: parsed.expiresAtMs };
  }

  /**
   * Whether a token in force names an origin. Anybody may ask, so there is one statement at a time, for all who wait.
   * A token that was just made, on any gateway, is seen.
   */
  async isTokenOrigin(origin: string): Promise<boolean> {
    if (!isWebOrigin(origin)) return false;
    if (this.knownOrigins.has(origin)) return true;
    this.waiting ??= this.nextLookup();
    this.waiting.origins.add(origin);
    const isFound = (await this.waiting.found).has(origin);
    if (isFound) this.knownOrigins.set(origin, true);
    return isFound;
  }

  /** Deletes expired tokens from now on, until `stop`. */
  start(): void {
    this.timer = setInterval(() => {
      this.deleteExpired().catch(this.deps.onError);
    }, DELETE_EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Deletes the tokens that expired an hour ago. */
  async deleteExpired(): Promise<void> {
    const beforeMs = this.deps.clock.nowMs() - KEEP_ENDED_MS;
    await this.deps.database.inTransaction('system', (tx) => deleteExpiredTokens(tx, beforeMs));
  }

  private nextLookup(): Lookup {
    const { database, clock } = this.deps;
    const origins = new Set<string>();
    const look = (): Promise<ReadonlySet<string>> => {
      this.waiting = null;
      return database.inSnapshot('system', (tx) =>
        findTokenOrigins(tx, [...origins], clock.nowMs()),
      );
    };
    const found = this.running.then(look, look);
    this.running = found;
    return { origins, found };
  }
}
