// The short way of a query or mutation that was asked for before. Apollo reads, checks and runs every text the first time. From then
// on its pipeline, about 40 % of a request, is passed by where it has nothing to say: what is known of the request runs at once, and
// an answer without errors is sent as it is. Any other outcome is handed to Apollo, which words it as always and runs nothing again.

import type { BaseContext } from '@apollo/server';
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { type ExecutionResult, OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import { encodeAnswer } from '../graphql/written-rows.ts';
import type { AskedOperation, Operations } from './operations.ts';
import type { JudgedOperation } from './read-operation.ts';

/** Of JSON in other words, and of what a browser sends without asking first, Apollo says what becomes. */
const JSON_TYPES = new Set([
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=utf-8',
  'application/json; charset=UTF-8',
  'application/json;charset=UTF-8',
]);
const ACCEPTS_MAX = 100;

export interface KnownDocumentsDeps {
  readonly operations: Operations;
  /** Whether a request may name its document by a hash. */
  readonly runsTrustedOnly: boolean;
  readonly contextOf: (request: FastifyRequest) => BaseContext;
  /** Apollo's handler of the route, which looks for `request.outcome` before it runs anything. */
  readonly ordinary: RouteHandlerMethod;
}

interface KnownRequest {
  readonly judged: JudgedOperation;
  readonly asked: AskedOperation;
  readonly mediaType: string;
}

/** The handler of POST /graphql. */
export function answerKnown(deps: KnownDocumentsDeps): RouteHandlerMethod {
  const { operations, contextOf, ordinary } = deps;
  const mediaTypes = new MediaTypes();
  return async function (request, reply): Promise<unknown> {
    const known = knownRequest(request, deps, mediaTypes);
    if (known !== null) {
      const { judged, asked, mediaType } = known;
      const outcome = operations.run(asked, contextOf(request));
      const answer = await outcome.then((result) => answerOf(result, judged)).catch(() => null);
      if (answer !== null) {
        void reply.header('content-type', mediaType);
        return answer;
      }
      request.outcome = outcome;
    }
    const answer: unknown = await ordinary.call(this, request, reply);
    mediaTypes.note(request, reply);
    return answer;
  };
}

/** Which requests go the short way: what ran before, sent as most is, so that Apollo has nothing to refuse. */
function knownRequest(
  { judged, headers, body }: FastifyRequest,
  { operations, runsTrustedOnly }: KnownDocumentsDeps,
  mediaTypes: MediaTypes,
): KnownRequest | null {
  if (judged === null || judged.read.type === OperationTypeNode.SUBSCRIPTION) return null;
  if (!JSON_TYPES.has(headers['content-type'] ?? '')) return null;
  if (!isPlain(body, judged, runsTrustedOnly)) return null;
  const mediaType = mediaTypes.of(headers.accept);
  if (mediaType === undefined || !operations.knows(judged.read)) return null;
  return { judged, asked: judged.read, mediaType };
}

// Each member is what our reader took it for.
function isPlain(body: unknown, { read }: JudgedOperation, runsTrustedOnly: boolean): boolean {
  if (!isObject(body)) return false;
  const { operationName, variables } = body;
  return (
    namesDocument(body, read, runsTrustedOnly) &&
    (operationName ?? null) === read.operationName &&
    (variables == null || variables === read.variables)
  );
}

/** Whether a body names its document by its text, or by its hash where that is enough. */
function namesDocument(
  { query, extensions }: Readonly<Record<string, unknown>>,
  { text, hash }: JudgedOperation['read'],
  runsTrustedOnly: boolean,
): boolean {
  if (runsTrustedOnly && namesByHash(extensions, hash))
    return query === undefined || query === text;
  return query === text && namesNothing(extensions);
}

function namesNothing(extensions: unknown): boolean {
  return extensions == null || (isObject(extensions) && !('persistedQuery' in extensions));
}

/** Whether extensions name a document as Apollo takes it. */
function namesByHash(extensions: unknown, hash: string): boolean {
  const named = isObject(extensions) ? extensions['persistedQuery'] : undefined;
  return isObject(named) && named['version'] === 1 && named['sha256Hash'] === hash;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// As Apollo does: errors, which only Apollo words, would stand first.
function answerOf({ data, errors }: ExecutionResult, { cost }: JudgedOperation): Buffer | null {
  return errors === undefined ? encodeAnswer({ data, extensions: { cost } }) : null;
}

/** What Apollo answers in, by what requests accept. */
class MediaTypes {
  private readonly noted = new LRUCache<string, string>({ max: ACCEPTS_MAX });

  of(accept: string | undefined): string | undefined {
    return this.noted.get(accept ?? '');
  }

  note({ headers: { accept = '' } }: FastifyRequest, reply: FastifyReply): void {
    const type = reply.getHeader('content-type');
    if (reply.statusCode === 200 && typeof type === 'string') this.noted.set(accept, type);
  }
}
