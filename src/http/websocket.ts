// Operations by WebSocket, in the protocol graphql-transport-ws. The key is in the Authorization header or, for a browser,
// which cannot set one, in connection_init's payload.

import { isUtf8 } from 'node:buffer';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import { CloseCode, type Context, makeServer, type Server } from 'graphql-ws';
import { GatewayError, present, RateLimitedError, UserInputError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import { databaseTrouble } from '../db/trouble.ts';
import { bearerSecret } from './bearer.ts';
import { type Authenticate, sourceOf } from './key-check.ts';
import { Caller, type LiveOperations, ResultStream } from './live-operations.ts';
import type { Origins } from './origins.ts';
import type { EndReason, LiveSession, LiveSessions } from './live-sessions.ts';
import { MESSAGES_PER_SECOND, MessageRate } from './message-rate.ts';

export const FRAME_BYTES_MAX = 64 * 1024;
export const OPERATIONS_PER_SOCKET_MAX = 20;
/** How much may wait in a socket for a client to read it. */
const BUFFER_BYTES_MAX = 1024 * 1024;
const INIT_WITHIN_MS = 3_000;
/** How long a client has to answer a closing that does not wait. */
const CLOSE_WITHIN_MS = 1_000;
/** The close code of RFC 6455 for it. */
const NOT_UTF8_CODE = 1007;

/** Our own close code for RATE_LIMITED; the error's sentence is the reason. */
const RATE_LIMITED_CODE = 4451;
/** What fits into a frame that closes. */
const REASON_BYTES_MAX = 123;

/** The close code and reason of each other end. 4450 and 4452 are ours; the others are those of the protocols. */
export const closings = {
  KEY_ENDED: { code: CloseCode.Forbidden, reason: 'The key was revoked or has expired.' },
  SLOW: {
    code: 4450,
    reason: 'The client reads too slowly: connect again and continue from your cursor.',
  },
  TOO_FAST: {
    code: RATE_LIMITED_CODE,
    reason: `More than ${MESSAGES_PER_SECOND} messages a second came on this socket: send fewer.`,
  },
  IDLE: {
    code: 4452,
    reason: 'The socket carried no operation for a minute: connect again when you need it.',
  },
  GOING_AWAY: {
    code: 1001,
    reason: 'The gateway is stopping: connect again and continue from your cursor.',
  },
  /** Clients of the protocol connect again after this code, and not after a fault. */
  UNAVAILABLE: { code: 1013, reason: 'UNAVAILABLE: please try again.' },
  FAULT: { code: CloseCode.InternalServerError, reason: 'Something went wrong on our side.' },
} as const satisfies Readonly<
  Record<
    EndReason | 'TOO_FAST' | 'UNAVAILABLE' | 'FAULT',
    { readonly code: number; readonly reason: string }
  >
>;

export interface WebSocketDeps {
  readonly operations: LiveOperations;
  readonly sessions: LiveSessions;
  readonly authenticate: Authenticate;
  readonly origins: Origins;
  /** How much time has passed since some instant. Nobody can set it. */
  readonly passedMs: () => number;
  readonly log: FastifyBaseLogger;
}

interface Extra extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  /** Null once its key has been checked: it would be kept for as long as the socket lasts. */
  request: FastifyRequest | null;
  /** Null until the connection is acknowledged. */
  live: { readonly caller: Caller; readonly session: LiveSession } | null;
}

type Connection = Context<Record<string, unknown> | undefined, Extra>;

/** Serves sockets of the protocol. */
export function websocketHandler(
  deps: WebSocketDeps,
): (socket: WebSocket, request: FastifyRequest) => void {
  const server = protocolServer(deps);
  const onError = (error: Error): void => {
    // The socket itself answers faults of a client (a frame that is too large).
    deps.log.debug({ err: error }, 'live connection broke');
  };
  return (socket, request) => {
    // The plugin's listener would keep the request.
    socket.removeAllListeners('error').on('error', onError);
    const fail = (error: unknown): void => {
      if (error instanceof RateLimitedError) {
        socket.close(RATE_LIMITED_CODE, error.message.slice(0, REASON_BYTES_MAX));
        return;
      }
      deps.log.error({ err: error }, 'live connection failed');
      const { code, reason } =
        databaseTrouble(error) === null ? closings.FAULT : closings.UNAVAILABLE;
      socket.close(code, reason);
    };
    const extra: Extra = { socket, request, live: null };
    const closed = server.opened(
      {
        protocol: socket.protocol,
        send: (text) => send(socket, text, extra),
        close: (code, reason) => {
          socket.close(code, reason);
        },
        onMessage: (take) => {
          hear(socket, deps.passedMs, (text) => {
            take(text).catch(fail);
          });
        },
      },
      extra,
    );
    socket.once('close', (code, reason) => {
      if (extra.live !== null) deps.sessions.delete(extra.live.session);
      closed(code, reason.toString()).catch((error: unknown) => {
        deps.log.error({ err: error }, 'live connection failed');
      });
    });
  };
}

/** Hears what a client sends, as fast as it may, until one side closes. */
function hear(socket: WebSocket, passedMs: () => number, take: (text: string) => void): void {
  const rate = new MessageRate(passedMs);
  const isHeard = (): boolean => {
    if (socket.readyState !== socket.OPEN) return false;
    if (rate.take()) return true;
    closeSocket(socket, closings.TOO_FAST);
    return false;
  };
  socket.on('ping', isHeard);
  socket.on('pong', isHeard);
  socket.on('message', (frame: Buffer, isBinary) => {
    if (!isHeard()) return;
    // The socket has already checked that text frames are UTF-8.
    if (isBinary && !isUtf8(frame)) socket.close(NOT_UTF8_CODE, 'The message is not UTF-8.');
    else take(frame.toString());
  });
}

/** Closes a socket, and destroys it if the client does not answer the closing soon. */
export function closeSocket(
  socket: WebSocket,
  { code, reason }: { readonly code: number; readonly reason: string },
): void {
  socket.close(code, reason);
  const timer = setTimeout(() => {
    socket.terminate();
  }, CLOSE_WITHIN_MS);
  timer.unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
}

function protocolServer(deps: WebSocketDeps): Server<Extra> {
  const { operations } = deps;
  return makeServer<Record<string, unknown> | undefined, Extra>({
    connectionInitWaitTimeout: INIT_WITHIN_MS,
    onConnect: (connection) => connect(deps, connection),
    onSubscribe: async ({ extra, subscriptions }, _id, payload) => {
      const { live } = extra;
      // The protocol refuses a subscribe before the connection is acknowledged.
      if (live === null) return [new GraphQLError('The connection is not acknowledged.')];
      if (Object.keys(subscriptions).length > OPERATIONS_PER_SOCKET_MAX)
        return [operations.refusal(tooMany())];
      try {
        deps.sessions.requireRoomOn(live.session);
        return await operations.prepare(live.caller, payload);
      } catch (error) {
        if (error instanceof GatewayError) return [operations.refusal(error)];
        throw error;
      }
    },
    execute: (args) => operations.execute(args),
    subscribe: (args) => operations.subscribe(args),
    onOperation: ({ extra }, id, ...[, , results]) => {
      if (!(results instanceof ResultStream)) return undefined;
      // As the protocol's library prints it, but for the payload, whose text many messages share.
      const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
      return results.sentBy((payload) => send(extra.socket, `${head}${payload}}`, extra));
    },
  });
}

async function connect(deps: WebSocketDeps, connection: Connection): Promise<boolean> {
  const { extra } = connection;
  const { socket } = extra;
  const request = present(extra.request, 'a connection is initialised once');
  const source = sourceOf(request);
  const secret = bearerSecret(
    authorizationIn(connection.connectionParams) ?? request.headers.authorization,
  );
  const holder = secret === null ? null : await deps.authenticate(secret, source.address);
  if (holder === null || socket.readyState !== socket.OPEN) return false;
  if (!deps.origins.allows(request, holder)) return false;
  const actor = { ...holder, source };
  const session = socketSession(connection, actor);
  deps.sessions.add(session);
  const caller = new Caller(actor, () => {
    session.end('SLOW');
  });
  extra.live = { caller, session };
  extra.request = null;
  return true;
}

function authorizationIn(
  params: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  const authorization = params?.['authorization'] ?? params?.['Authorization'];
  return typeof authorization === 'string' ? authorization : undefined;
}

function socketSession(connection: Connection, actor: Actor): LiveSession {
  const { socket } = connection.extra;
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  return {
    actor,
    operations: () => Object.keys(connection.subscriptions).length,
    end: (reason) => {
      const { code, reason: sentence } = closings[reason];
      // Nothing is sent after the close. A socket that never reads it is destroyed after thirty seconds.
      socket.close(code, sentence);
    },
    checkAlive: () => {
      if (!isAlive) {
        socket.terminate();
        return;
      }
      isAlive = false;
      socket.ping();
    },
  };
}

/** Sends a message. Fulfilled when it has left the process, so that a client that does not read delays only itself. */
function send(socket: WebSocket, text: string, { live }: Extra): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) {
      resolve();
      return;
    }
    socket.send(text, (error) => {
      if (error && socket.readyState === socket.OPEN) reject(error);
      else resolve();
    });
    if (socket.bufferedAmount > BUFFER_BYTES_MAX) live?.session.end('SLOW');
  });
}

function tooMany(): UserInputError {
  return new UserInputError(
    `A socket carries at most ${OPERATIONS_PER_SOCKET_MAX} operations at a time: complete one, or open another socket.`,
  );
}
