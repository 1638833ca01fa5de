// What a request is to Apollo.

import type { BaseContext } from '@apollo/server';
import type { FastifyRequest } from 'fastify';

/** The key under which a context has its request. */
export const servedRequest = Symbol('servedRequest');

// Apollo copies the context, so everything of one request is in this one member.
export interface GraphQLContext extends BaseContext {
  [servedRequest]?: Pick<FastifyRequest, 'judged' | 'facts' | 'outcome'>;
}

/** The request of a context; undefined: it has none. */
export function requestOf(context: object): GraphQLContext[typeof servedRequest] {
  return (context as GraphQLContext)[servedRequest];
}
