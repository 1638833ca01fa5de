// Every GraphQL request is read before Apollo sees it, by the same reader as operations by WebSocket and SSE.

import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import { type DocumentRequest, persistedHash } from '../graphql/documents.ts';
import { errorFormatter } from '../graphql/format-errors.ts';
import { faultListener } from './logging.ts';
import type { RequestAdmission } from './overload.ts';
import type { ReadOperation } from './read-operation.ts';
import { actorOf, factsOfErrors } from './request-state.ts';

const JSON_TYPE = 'application/json';
const GRAPHQL_RESPONSE = 'application/graphql-response+json';

export interface DocumentReaderDeps {
  readonly readOperation: ReadOperation;
  /** Whether a request may name its document by a hash alone. */
  readonly runsTrustedOnly: boolean;
  /** Lets a request's operation in. @throws UNAVAILABLE */
  readonly admit: RequestAdmission['admit'];
}

/**
 * The hook that reads the documents of requests and takes their points. It refuses a document that is too large or not
 * valid: 400; one that the gateway cannot take at this moment: 503; and one that costs more than is left in this minute: 429;
 * so is any when none are left.
 */
export function documentReader({
  readOperation,
  runsTrustedOnly,
  admit,
}: DocumentReaderDeps): preHandlerAsyncHookHandler {
  return async (request, reply) => {
    const sent = documentIn(request);
    // Apollo says what is missing.
    if (sent === null || (sent.query === null && !runsTrustedOnly)) return;
    const judged = await readOperation(sent, {
      actor: actorOf(request),
      admit: ({ type, name, cost }) => {
        request.facts = { operation: { type, name }, errorCodes: [], references: [] };
        admit(request, { type, points: cost });
      },
    });
    if ('read' in judged) {
      request.judged = judged;
      return;
    }
    const format = errorFormatter(faultListener(request.log));
    const errors = judged.errors.map((error) => format(error.toJSON(), error));
    request.facts = { operation: { type: 'none', name: null }, ...factsOfErrors(errors) };
    await refuse(reply, errors);
  };
}

async function refuse(
  reply: FastifyReply,
  errors: readonly GraphQLFormattedError[],
): Promise<void> {
  const type = reply.request.headers.accept?.includes(GRAPHQL_RESPONSE)
    ? GRAPHQL_RESPONSE
    : JSON_TYPE;
  await reply.status(400).type(`${type}; charset=utf-8`).send(JSON.stringify({ errors }));
}

function documentIn({ method, body, query }: FastifyRequest): DocumentRequest | null {
  const sent = method === 'GET' ? query : body;
  if (!isRecord(sent)) return null;
  const object = (name: string): Record<string, unknown> | null => {
    const value = method === 'GET' ? parsed(sent[name]) : sent[name];
    return isRecord(value) ? value : null;
  };
  const text = (name: string): string | null => {
    const value = sent[name];
    return typeof value === 'string' ? value : null;
  };
  const [asked, extensions] = [text('query'), object('extensions')];
  if (asked === null && persistedHash(extensions) === null) return null;
  return {
    query: asked,
    operationName: text('operationName'),
    variables: object('variables'),
    extensions,
  };
}

function parsed(json: unknown): unknown {
  try {
    return typeof json === 'string' ? JSON.parse(json) : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
