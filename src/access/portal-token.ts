// Portal tokens: keys that may be given to a page. One reads the usage of one account, for an hour at most, from the
// origins that it names.

import { UserInputError, type ErrorPath } from '../core/errors.ts';
import { isWebOrigin } from '../core/url.ts';

export const TOKEN_SECONDS_MAX = 3_600;
export const TOKEN_ORIGINS_MAX = 20;
export const TOKENS_IN_FORCE_MAX = 10_000;
export const TOKEN_START = 'bgp_';

/** The arguments of createPortalToken, as the API takes them. */
export interface CreatePortalTokenRequest {
  readonly accountId: string | null;
  readonly expiresInSeconds: number;
  readonly origins: readonly string[];
}

/** A token that was just made; the secret is not stored. */
export interface PortalToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

export interface NewPortalToken {
  readonly accountId: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly origins: readonly string[];
  /** The key that makes it; null when the caller has none. */
  readonly parentKeyId: number | null;
}

/**
 * Checks how long a new token lasts, and its origins. It ends with the key that makes it.
 * @param makerEndsAtMs when that key expires; null: never
 * @throws UserInputError naming the argument
 */
export function parsePortalToken(
  request: Pick<CreatePortalTokenRequest, 'expiresInSeconds' | 'origins'>,
  { nowMs, makerEndsAtMs }: { readonly nowMs: number; readonly makerEndsAtMs: number | null },
): Pick<NewPortalToken, 'createdAtMs' | 'expiresAtMs' | 'origins'> {
  const { expiresInSeconds, origins } = request;
  if (expiresInSeconds < 1 || expiresInSeconds > TOKEN_SECONDS_MAX) {
    throw new UserInputError(
      `expiresInSeconds is ${expiresInSeconds}; it must be from 1 to ${TOKEN_SECONDS_MAX}.`,
      { path: ['expiresInSeconds'] },
    );
  }
  if (origins.length > TOKEN_ORIGINS_MAX) {
    throw new UserInputError(
      `origins has ${origins.length} entries; there can be at most ${TOKEN_ORIGINS_MAX}.`,
      { path: ['origins'] },
    );
  }
  const wantedMs = nowMs + expiresInSeconds * 1_000;
  return {
    createdAtMs: nowMs,
    expiresAtMs: makerEndsAtMs === null ? wantedMs : Math.min(wantedMs, makerEndsAtMs),
    origins: [...new Set(origins.map((origin, index) => parseOrigin(origin, ['origins', index])))],
  };
}

// A URL of an origin alone is written with or without a slash at its end.
function parseOrigin(url: string, path: ErrorPath): string {
  const { origin, href } = new URL(url);
  if (href === `${origin}/` && isWebOrigin(origin)) return origin;
  throw new UserInputError(
    `origins has ${JSON.stringify(url.slice(0, 80))}; an origin is as https://portal.example.com, without a path.`,
    { path },
  );
}
