// The one place that decides whether a caller may do something to an account. Another account's id gets the same answer
// as an id that does not exist, so that nothing can be learnt by trying ids.

import { ForbiddenError, UserInputError, type ErrorPath } from '../core/errors.ts';
import {
  decodeId,
  type Actor,
  type NodeRef,
  type NodeType,
  type Scope,
  unknownId,
} from '../core/identity.ts';

/** What a scope allows besides its own: MANAGE reads too, OPERATOR does everything. */
const impliedBy: Readonly<Record<Scope, readonly Scope[]>> = {
  READ_USAGE: ['READ_USAGE', 'MANAGE', 'OPERATOR'],
  INGEST: ['INGEST', 'OPERATOR'],
  MANAGE: ['MANAGE', 'OPERATOR'],
  OPERATOR: ['OPERATOR'],
};

/** Whether a scope of the key allows it. */
export function hasScope(actor: Actor, scope: Scope): boolean {
  // Rows ask, each by itself.
  for (const held of impliedBy[scope]) if (actor.scopes.has(held)) return true;
  return false;
}

/** @throws FORBIDDEN when no scope of the key allows it */
export function requireScope(actor: Actor, scope: Scope): void {
  if (!hasScope(actor, scope)) {
    throw new ForbiddenError(`This key lacks the scope ${scope}.`);
  }
}

/** Whether the caller may act on any account. */
export function isOperator(actor: Actor): boolean {
  return actor.scopes.has('OPERATOR');
}

/**
 * The account that a call is about: the named one, or the caller's own.
 * @throws FORBIDDEN without the scope, NOT_FOUND for an unknown id or another's, BAD_USER_INPUT when an operator names none
 */
export function requireAccount(
  actor: Actor,
  scope: Scope,
  named: { readonly accountId?: string | null | undefined; readonly path?: ErrorPath },
): number {
  if (named.accountId !== null && named.accountId !== undefined) {
    return requireRef(actor, scope, { id: named.accountId, types: ['Account'], path: named.path })
      .accountId;
  }
  requireScope(actor, scope);
  if (actor.accountId !== null) return actor.accountId;
  throw new UserInputError('An operator key belongs to no account: name one by accountId.', {
    path: named.path,
  });
}

/**
 * The reference in an id, if the caller may use it. The store finds out whether the row exists.
 * @throws NOT_FOUND for an id of another type or account, FORBIDDEN without the scope
 */
export function requireRef(
  actor: Actor,
  scope: Scope,
  named: {
    readonly id: string;
    readonly types: readonly NodeType[];
    readonly path?: ErrorPath | undefined;
  },
): NodeRef {
  const ref = decodeId(named.id);
  const mayKnow = ref !== null && (ref.accountId === actor.accountId || actor.accountId === null);
  if (!mayKnow || !named.types.includes(ref.type)) throw unknownId(named.id, named.path);
  requireScope(actor, scope);
  return ref;
}
