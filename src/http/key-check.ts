// Routes that need a key check it before they read the body, so that a caller without one does not send it in vain. If a page
// sends it, the page must be one that may use that key.

import type { FastifyRequest } from 'fastify';
import { UnauthenticatedError } from '../core/errors.ts';
import type { Actor, CallSource } from '../core/identity.ts';
import { plainAddress } from './address.ts';
import { bearerSecret } from './bearer.ts';
import type { Origins } from './origins.ts';

/**
 * The holder of a key, portal token or JWT, or null when it is wrong or has ended.
 * @param address the caller's, plain; null: unknown
 * @throws RATE_LIMITED after too many wrong keys from the address
 */
export type Authenticate = (secret: string, address: string | null) => Promise<Actor | null>;

/** A route's hook. @throws UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED */
export type KeyCheck = (request: FastifyRequest) => Promise<void>;

/** Where a request comes from. */
export function sourceOf(request: FastifyRequest): CallSource {
  return { requestId: request.id, address: plainAddress(request.ip) };
}

/** Checks the keys of requests, for all routes; `actorOf` has the caller then. */
export function keyCheck(authenticate: Authenticate, origins: Origins): KeyCheck {
  return async (request) => {
    const source = sourceOf(request);
    const secret = bearerSecret(request.headers.authorization);
    const actor = secret === null ? null : await authenticate(secret, source.address);
    if (actor === null) throw new UnauthenticatedError();
    origins.require(request, actor);
    request.actor = { ...actor, source };
  };
}
