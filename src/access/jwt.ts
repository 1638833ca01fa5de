// What the claims of a verified JWT say about the caller.

import { scopes, type Scope } from '../core/identity.ts';

export interface JwtRules {
  /** The claim with the externalId of the caller's account. */
  readonly accountClaim: string;
  /** The claim with the scopes: a list, or a text with spaces between them. */
  readonly scopeClaim: string;
  readonly allowOperator: boolean;
}

export interface JwtCaller {
  readonly name: string;
  /** The caller's account; null for an operator. */
  readonly externalId: string | null;
  readonly scopes: ReadonlySet<Scope>;
  readonly endsAtMs: number;
}

const NAME_LENGTH_MAX = 200;

/** Whether a bearer's text has the form of a JWT; keys and portal tokens have no dots. */
export function isJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** The caller of verified claims; null when they name no account and make no operator. Unknown scopes are left out. */
export function callerOf(
  claims: Readonly<Record<string, unknown>>,
  { accountClaim, scopeClaim, allowOperator }: JwtRules,
): JwtCaller | null {
  const { sub, exp } = claims as { readonly sub?: unknown; readonly exp?: unknown };
  if (typeof exp !== 'number') return null;
  const named = namesIn(claims[scopeClaim]);
  const granted = Object.values(scopes).filter(
    (scope) => named.includes(scope) && (scope !== 'OPERATOR' || allowOperator),
  );
  const isOperator = granted.includes('OPERATOR');
  const account = claims[accountClaim];
  const externalId = typeof account === 'string' && /^\P{Cc}+$/u.test(account) ? account : null;
  if (externalId === null && !isOperator) return null;
  const subject = typeof sub === 'string' ? sub.replace(/\p{Cc}/gu, '') : '';
  return {
    name: `jwt:${subject.slice(0, NAME_LENGTH_MAX)}`,
    // An operator acts on any account, so belongs to none.
    externalId: isOperator ? null : externalId,
    scopes: new Set(granted),
    endsAtMs: exp * 1_000,
  };
}

function namesIn(claim: unknown): readonly unknown[] {
  return typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
}
