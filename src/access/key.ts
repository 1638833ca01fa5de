// API keys: who may call the gateway. A key is a secret that is shown once and kept as its SHA-256 only; it belongs to one
// account, or to none when it is an operator's. Secrets are 256 random bits, so neither a salt nor a slow hash would add
// anything. Finding a key by its hash leaks nothing through timing: hashes that begin alike come from unrelated secrets.

import { UserInputError } from '../core/errors.ts';
import { scopes, type Scope } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import { parseText } from '../core/text.ts';

export const SECRET_START = 'bg_';
export const KEYS_IN_FORCE_MAX = 500;
const PREFIX_LENGTH = 10;
const SECRET_LENGTH_MAX = 512;
/** How long a gateway trusts a key that it has read. A revocation on another gateway takes effect here within this time. */
export const KEY_CACHE_MS = 3_000;
const BOOTSTRAP_SECRET_LENGTH_MIN = 24;
/** The rule for a configured operator secret: it must fit a header, where other characters are cut or refused. */
export const BOOTSTRAP_SECRET_RULE = `${BOOTSTRAP_SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} printable ASCII characters without spaces`;

export interface ApiKey {
  /** Null for an operator's key. */
  readonly accountId: number | null;
  readonly keyId: number;
  readonly name: string;
  /** The first characters of the secret: enough to recognise a key, far too few to guess the rest. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly revokedAtMs: number | null;
  /** A portal token is kept as a key, but is not listed or revoked as one. */
  readonly isPortalToken: boolean;
  /** Of a portal token: the web origins that may use it. */
  readonly origins: readonly string[];
}

export type NewApiKey = Omit<
  ApiKey,
  'keyId' | 'lastUsedAtMs' | 'revokedAtMs' | 'isPortalToken' | 'origins'
>;

/** The arguments of createApiKey, as the API takes them. */
export interface CreateApiKeyRequest {
  readonly accountId?: string | null;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: number | null;
}

/**
 * Checks the name, scopes and expiry of a new key.
 * @throws UserInputError naming the field
 */
export function parseNewKey(
  request: CreateApiKeyRequest,
  nowMs: number,
): Pick<NewApiKey, 'name' | 'scopes' | 'createdAtMs' | 'expiresAtMs'> {
  const { expiresAt = null } = request;
  if (expiresAt !== null && expiresAt <= nowMs) {
    throw new UserInputError(`expiresAt is ${isoInstant(expiresAt)}; it must be after now.`, {
      path: ['input', 'expiresAt'],
    });
  }
  const granted = Object.values(scopes).filter((scope) => request.scopes.includes(scope));
  if (granted.length === 0) {
    throw new UserInputError('scopes must name at least one scope.', { path: ['input', 'scopes'] });
  }
  return {
    name: parseText(request.name, ['input', 'name']),
    scopes: granted,
    createdAtMs: nowMs,
    expiresAtMs: expiresAt,
  };
}

/** Whether a configured operator secret keeps BOOTSTRAP_SECRET_RULE. */
export function isBootstrapSecret(secret: string): boolean {
  const { length } = secret;
  return (
    length >= BOOTSTRAP_SECRET_LENGTH_MIN &&
    length <= SECRET_LENGTH_MAX &&
    /^[\x21-\x7e]+$/.test(secret)
  );
}

/** The operator secret from the configuration. @throws UserInputError unless it keeps BOOTSTRAP_SECRET_RULE */
export function parseBootstrapSecret(secret: string): string {
  if (isBootstrapSecret(secret)) return secret;
  throw new UserInputError(`BOOTSTRAP_OPERATOR_KEY must be ${BOOTSTRAP_SECRET_RULE}.`);
}

/** The visible part of a secret: ten characters, or at most a quarter of a short configured secret. */
export function prefixOf(secret: string): string {
  return secret.slice(0, Math.min(PREFIX_LENGTH, Math.floor(secret.length / 4)));
}

/** Whether a key is valid at an instant. It ends exactly at `expiresAtMs`. */
export function isInForce(key: Pick<ApiKey, 'expiresAtMs' | 'revokedAtMs'>, atMs: number): boolean {
  return key.revokedAtMs === null && (key.expiresAtMs === null || atMs < key.expiresAtMs);
}
