// What is known of one request, on the request itself: each step adds what it finds.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import { present } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import type { Reads } from '../db/database.ts';
import type { ReadDocument } from '../graphql/documents.ts';
import type { JudgedOperation } from './read-operation.ts';

/** What is logged and measured of a request's answer. */
export interface RequestFacts {
  /** Left out when the request has no operation, or was refused before it was read. */
  readonly operation?: {
    /** `none`: the document was refused. */
    readonly type: ReadDocument['type'] | 'none';
    readonly name: string | null;
  };
  readonly errorCodes: readonly string[];
  /** The ids of this request's faults in the log. */
  readonly references: readonly string[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until its key was checked. */
    actor: Actor | null;
    /** Null until its document was read and taken. */
    judged: JudgedOperation | null;
    /** Null unless its operation ran before Apollo saw it. */
    outcome: Promise<ExecutionResult> | null;
    /** Null until its operation was read or its answer is known. */
    facts: RequestFacts | null;
    /** What a read replica may answer of it; undefined: nothing. */
    reads: Reads | undefined;
  }
}

/** Gives the requests of `app` these members. */
export function decorateRequests(app: FastifyInstance): void {
  app.decorateRequest('actor', null);
  app.decorateRequest('judged', null);
  app.decorateRequest('outcome', null);
  app.decorateRequest('facts', null);
  app.decorateRequest('reads', undefined);
}

/** The caller that the route's hook has found. */
export function actorOf({ actor }: FastifyRequest): Actor {
  return present(actor, 'the hook found the actor');
}

/** The distinct codes of an answer's errors, in their order, and the references of its faults. */
export function factsOfErrors(
  errors: readonly GraphQLFormattedError[],
): Pick<RequestFacts, 'errorCodes' | 'references'> {
  return {
    errorCodes: [...new Set(extensionsOf(errors, 'code'))],
    references: extensionsOf(errors, 'reference'),
  };
}

function extensionsOf(errors: readonly GraphQLFormattedError[], name: string): readonly string[] {
  return errors
    .map(({ extensions }) => extensions?.[name])
    .filter((value) => typeof value === 'string');
}
