// Every refusal has the form of a GraphQL answer, even outside GraphQL: a client reads one form, whatever went wrong.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorCodes, GatewayError, NotFoundError } from '../core/errors.ts';
import { describeError, type CallerError } from '../graphql/format-errors.ts';
import { BODY_ENCODINGS, WRONG_ADDRESS } from './incoming.ts';
import { faultListener } from './logging.ts';

const MIB = 1024 * 1024;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The content types of a route; default: application/json. */
    readonly takes?: readonly string[];
  }
}

/** Answers requests without a route, and the errors of routes, whose codes go to the request's facts. */
export function answerFailures(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => {
    const where = `${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200) ?? ''}`;
    const { message, code } = new NotFoundError(`There is nothing at ${where}.`);
    return sendError(reply, 404, { message, code });
  });
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusedRequest(error, request);
    if (refusal !== null) {
      // Closing at once would reset the connection while the client still sends, before it reads the answer.
      if (refusal.status === 413) void reply.removeHeader('connection');
      if (refusal.status === 415) void reply.header('accept-encoding', BODY_ENCODINGS.join(', '));
      const code = 'BAD_USER_INPUT';
      request.facts = { ...request.facts, errorCodes: [code], references: [] };
      return sendError(reply, refusal.status, { message: refusal.message, code });
    }
    const described = describeError(error, faultListener(request.log));
    const { code, reference } = described;
    const references = [reference ?? []].flat();
    request.facts = { ...request.facts, errorCodes: [code], references };
    const status = error instanceof GatewayError ? error.status : undefined;
    return sendError(reply, status ?? errorCodes[code], described);
  });
}

/** Answers an address that the router cannot parse; no route or hook runs for it. */
export function answerBadAddress(
  _error: unknown,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  sendError(reply, 400, { message: WRONG_ADDRESS, code: 'BAD_USER_INPUT' });
}

// Ends the request with one error in GraphQL's form.
function sendError(reply: FastifyReply, status: number, error: CallerError): FastifyReply {
  const { message, ...extensions } = error;
  if (status === errorCodes.UNAUTHENTICATED) void reply.header('www-authenticate', 'Bearer');
  const { retryAfterSeconds } = extensions;
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', retryAfterSeconds);
  return reply.status(status).send({ errors: [{ message, extensions }] });
}

// Errors of the server before a route runs.
function refusedRequest(
  error: unknown,
  request: FastifyRequest,
): { readonly status: number; readonly message: string } | null {
  // The server adds a status to errors of ours that end a body.
  if (error instanceof GatewayError || !isFastifyError(error)) return null;
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return null;
  const plain = status === 400 ? 'The body is not valid JSON.' : `${error.message}.`;
  return { status, message: sentences[error.code]?.(request) ?? plain };
}

const sentences: Readonly<Record<string, (request: FastifyRequest) => string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ({ routeOptions: { bodyLimit } }) => {
    const size = bodyLimit >= MIB ? `${bodyLimit / MIB} MiB` : `${bodyLimit} bytes`;
    return `The body is larger than ${size}, the most that is accepted here.`;
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ({ headers, routeOptions: { config } }) => {
    const sent = JSON.stringify(headers['content-type']?.slice(0, 100) ?? '');
    const { takes = ['application/json'] } = config;
    return `The content type ${sent} is not accepted here; send ${takes.join(' or ')}.`;
  },
  UNSUPPORTED_ENCODING: ({ headers }) => {
    const sent = JSON.stringify(headers['content-encoding']?.slice(0, 100) ?? '');
    return `The content encoding ${sent} is not accepted here; send ${BODY_ENCODINGS.join(', ')}, or none.`;
  },
  TOO_COMPRESSED: () =>
    'The body holds more than 2 MiB and more than 250 bytes for each that was sent; send it with less compression, or in parts.',
  FST_ERR_CTP_EMPTY_JSON_BODY: () => 'The body is empty; send JSON.',
};

function isFastifyError(error: unknown): error is FastifyError {
  return (
    typeof error === 'object' &&
    error !== null &&
    typeof Reflect.get(error, 'statusCode') === 'number'
  );
}
