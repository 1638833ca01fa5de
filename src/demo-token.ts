// The way into the demo without a key: a portal token for whoever opens it, as the page of a platform would have one.

import type { PortalTokenService } from './access/portal-tokens.service.ts';
import { TOKEN_SECONDS_MAX } from './access/portal-token.ts';
import type { Clock } from './core/clock.ts';
import type { Actor } from './core/identity.ts';

/** So long one token is given to all, so that asking often makes no more of them. */
const SHARED_MS = 300_000;

// Without a key, so that the token ends by its time alone.
const GATEWAY: Actor = {
  name: 'gateway',
  keyId: null,
  accountId: null,
  scopes: new Set(['OPERATOR']),
};

export interface DemoTokenDeps {
  readonly tokens: PortalTokenService;
  readonly clock: Clock;
  /** The demo's. */
  readonly accountId: string;
}

/** Gives tokens that read the demo account for most of an hour. */
export function demoTokens({ tokens, clock, accountId }: DemoTokenDeps): () => Promise<string> {
  let shared: { readonly untilMs: number; readonly token: Promise<string> } | null = null;
  return () => {
    const nowMs = clock.nowMs();
    if (shared !== null && nowMs < shared.untilMs) return shared.token;
    const made = tokens.create(GATEWAY, {
      accountId,
      expiresInSeconds: TOKEN_SECONDS_MAX,
      origins: [],
    });
    const token = made.then((portal) => portal.token);
    shared = { untilMs: nowMs + SHARED_MS, token };
    token.catch(() => {
      shared = null;
    });
    return token;
  };
}
