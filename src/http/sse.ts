// Operations by Server-Sent Events, each on a separate connection ("distinct connections mode" of graphql-sse).

import { finished } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import { createHandler, type Handler, type Request } from 'graphql-sse';
import { UnauthenticatedError, UserInputError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import type { KeyCheck } from './key-check.ts';
import { Caller, type LiveOperations, type OperationContext } from './live-operations.ts';
import { actorOf } from './request-state.ts';
import type { LiveSession, LiveSessions } from './live-sessions.ts';
import { FRAME_BYTES_MAX } from './websocket.ts';

const EVENT_STREAM = 'text/event-stream';

export interface SseDeps {
  readonly operations: LiveOperations;
  readonly sessions: LiveSessions;
  readonly check: KeyCheck;
}

/** One connection. */
interface Connection {
  readonly reply: FastifyReply;
  readonly caller: Caller;
}

type SseRequest = Request<FastifyRequest, Connection>;

/** Adds the route to a server. */
export function serveEventStreams(server: FastifyInstance, deps: SseDeps): void {
  const handle = protocolHandler(deps.operations);
  server.route({
    method: ['GET', 'POST'],
    url: '/graphql/stream',
    bodyLimit: FRAME_BYTES_MAX,
    onRequest: deps.check,
    handler: async (request, reply) => {
      if (request.headers.accept?.includes(EVENT_STREAM) !== true) {
        throw new UserInputError(`Send the header "Accept: ${EVENT_STREAM}".`);
      }
      await stream(deps, { request, reply, actor: actorOf(request), handle });
    },
  });
}

function protocolHandler(operations: LiveOperations): Handler<FastifyRequest, Connection> {
  return createHandler<FastifyRequest, Connection, OperationContext>({
    // "Single connection mode" is not supported: each request is independent.
    authenticate: () => '',
    onSubscribe: async (request, { query, operationName, variables, extensions }) => {
      const { caller } = request.context;
      const prepared = await operations.prepare(caller, {
        query,
        operationName,
        variables,
        extensions,
      });
      return isPrepared(prepared) ? { ...prepared, contextValue: { caller } } : refusal(prepared);
    },
    execute: (args) => operations.execute(args),
    subscribe: (args) => operations.subscribe(args),
    onNext: async (_context, { context }) => {
      // The next event is requested when this one has been sent, so that a client that does not read delays only itself.
      await drained(context.reply.raw);
    },
  });
}

function isPrepared(prepared: ExecutionArgs | readonly GraphQLError[]): prepared is ExecutionArgs {
  return 'document' in prepared;
}

// eslint-disable-next-line @typescript-eslint/require-await -- the protocol's way to answer with errors in a stream
async function* refusal(errors: readonly GraphQLError[]): AsyncGenerator<ExecutionResult> {
  yield { errors };
}

interface Streaming {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly actor: Actor;
  readonly handle: Handler<FastifyRequest, Connection>;
}

async function stream(deps: SseDeps, { request, reply, actor, handle }: Streaming): Promise<void> {
  const { raw } = reply;
  if (raw.closed) {
    // The client is gone already, and no event would tell so.
    reply.hijack();
    return;
  }
  const caller = new Caller(actor, () => {
    session.end('SLOW');
  });
  const session = streamSession(
    reply,
    caller,
    deps.operations.refusal(new UnauthenticatedError('The key was revoked or has expired.')),
  );
  deps.sessions.add(session);
  raw.once('close', () => {
    deps.sessions.delete(session);
  });
  const [body, init] = await handle(requestOf(request, { reply, caller }));
  if (body === null || typeof body === 'string') {
    deps.sessions.delete(session);
    await reply
      .status(init.status)
      .headers({ ...init.headers })
      .send(body ?? '');
    return;
  }
  reply.hijack();
  // Those of every answer count: the protocol's own would let caches keep a stream.
  const headers = { ...init.headers, ...reply.getHeaders() } as Record<string, string>;
  raw.writeHead(init.status, init.statusText, headers);
  finished(raw, () => void body.return(undefined));
  try {
    for await (const event of body) {
      if (!raw.writable) break;
      raw.write(event);
      await drained(raw);
    }
    raw.end();
  } catch (error) {
    // The stream is incomplete. Without `complete` the client connects again.
    request.log.error({ err: error }, 'live connection failed');
    raw.destroy();
  }
}

function requestOf(request: FastifyRequest, context: Connection): SseRequest {
  return {
    method: request.method,
    url: request.url,
    headers: {
      get: (name) => {
        // The protocol's handler accepts only exactly this value.
        if (name === 'accept') return EVENT_STREAM;
        const value = request.headers[name];
        return Array.isArray(value) ? value.join() : value;
      },
    },
    body: isBody(request.body) ? request.body : null,
    raw: request,
    context,
  };
}

function isBody(body: unknown): body is Record<PropertyKey, unknown> {
  return typeof body === 'object' && body !== null;
}

function streamSession({ raw }: FastifyReply, caller: Caller, keyEnded: GraphQLError): LiveSession {
  let wasStuck = false;
  return {
    actor: caller.actor,
    operations: () => 1,
    end: (reason) => {
      // Without `complete` a client knows that there is more, and connects again. With an ended key that makes no sense.
      if (reason === 'KEY_ENDED') caller.endWith({ errors: [keyEnded] });
      else if (reason === 'GOING_AWAY') raw.end();
      else raw.destroy();
    },
    checkAlive: () => {
      if (wasStuck && raw.writableNeedDrain) raw.destroy();
      wasStuck = raw.writableNeedDrain;
    },
  };
}

/** Waits until everything written has left the process, or the connection has closed. */
function drained(raw: FastifyReply['raw']): Promise<void> {
  if (!raw.writableNeedDrain || raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      raw.off('drain', done).off('close', done);
      resolve();
    };
    raw.on('drain', done).on('close', done);
  });
}
