// Every GraphQL request is read before Apollo sees it, by the same reader as operations by WebSocket and SSE.

import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import { type DocumentRequest, type Documents, persistedHash } from '../graphql/documents.ts';
import { errorFormatter } from '../graphql/format-errors.ts';
import type { JudgedOperation } from './graphql-server.ts';
import type { OperationFacts } from './logging.ts';
import type { RequestAdmission } from './overload.ts';
import type { OperationCost } from './rates.ts';

const JSON_TYPE = 'application/json';
const GRAPHQL_RESPONSE = 'application/graphql-response+json';

export interface DocumentReader {
  /**
   * Refuses a document that is too large or not valid: 400; one that the gateway cannot take at this moment: 503; and one that
   * costs more than is left in this minute: 429.
   */
  readonly preHandler: preHandlerAsyncHookHandler;
  /** A request's operation, paid for; undefined when it named no document. */
  readonly judgedOf: (request: FastifyRequest) => JudgedOperation | undefined;
}

export interface DocumentReaderDeps {
  readonly documents: Documents;
  /** Lets a request's operation in. @throws UNAVAILABLE */
  readonly admit: RequestAdmission['admit'];
  /** Takes the points of a request's operation. */
  readonly pay: (
    request: FastifyRequest,
    cost: Pick<OperationCost, 'asked' | 'allowed'>,
  ) => Promise<OperationCost>;
  /** Receives what a refused request was. */
  readonly onRefused: (request: FastifyRequest, facts: OperationFacts) => void;
}

/** Reads the documents of requests, and counts their points. */
export function documentReader({
  documents,
  admit,
  pay,
  onRefused,
}: DocumentReaderDeps): DocumentReader {
  const judged = new WeakMap<FastifyRequest, JudgedOperation>();
  return {
    preHandler: async (request, reply) => {
      const sent = documentIn(request);
      // Apollo says what is missing.
      if (sent === null || (sent.query === null && !documents.runsTrustedOnly)) return;
      const read = documents.read(sent);
      if ('document' in read) {
        admit(request, { type: read.type, points: read.cost });
        const price = await pay(request, { asked: read.cost, allowed: documents.costMax });
        judged.set(request, { ...read, price });
        return;
      }
      const format = errorFormatter((error, reference) => {
        request.log.error({ err: error, reference }, 'fault');
      });
      const errors = read.map((error) => format(error.toJSON(), error));
      onRefused(request, { operation: 'none', errorCodes: codesOf(errors), references: [] });
      await refuse(reply, errors);
    },
    judgedOf: (request) => judged.get(request),
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

function codesOf(errors: readonly GraphQLFormattedError[]): readonly string[] {
  const codes = errors.map(({ extensions }) => extensions?.['code']);
  return [...new Set(codes.filter((code) => typeof code === 'string'))];
}
