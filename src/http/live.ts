// Subscriptions by WebSocket at /graphql and by SSE at /graphql/stream. Both need a key like all other requests, for
// as long as they last.

import fastifyWebsocket, { type WebSocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { handleProtocols } from 'graphql-ws';
import type { Authenticate, KeyCheck } from './key-check.ts';
import { LiveOperations, type OperationDeps } from './live-operations.ts';
import {
  LIVE_LIMITS,
  type LiveLimits,
  LiveSessions,
  type LiveSessionsDeps,
} from './live-sessions.ts';
import { faultListener } from './logging.ts';
import type { Origins } from './origins.ts';
import type { Overload } from './overload.ts';
import type { ReadOperation } from './read-operation.ts';
import type { ReadPositions } from './read-positions.ts';
import { serveEventStreams } from './sse.ts';
import { closeSocket, closings, FRAME_BYTES_MAX, websocketHandler } from './websocket.ts';

export interface LiveDeps
  extends Pick<OperationDeps, 'createContext'>, Pick<LiveSessionsDeps, 'findEnded'> {
  /** For tests; default: LIVE_LIMITS. */
  readonly limits?: Partial<LiveLimits> | undefined;
  /** For tests; default: as this machine measures it. */
  readonly passedMs?: (() => number) | undefined;
}

export interface LiveServerDeps extends LiveDeps {
  readonly schema: GraphQLSchema;
  readonly readOperation: ReadOperation;
  readonly authenticate: Authenticate;
  readonly check: KeyCheck;
  readonly origins: Origins;
  readonly overload: Overload;
  /** Null: there is no read replica. */
  readonly positions: ReadPositions | null;
  /** How many sockets and streams there may be at a time. */
  readonly connectionsMax: number;
}

export type SocketHandler = (socket: WebSocket, request: FastifyRequest) => void;

/** Adds the endpoints of subscriptions to a server. @returns the handler of sockets, for a route */
export async function openLive(
  server: FastifyInstance,
  deps: LiveServerDeps,
): Promise<SocketHandler> {
  const { schema, readOperation, authenticate, origins, overload, createContext, findEnded } = deps;
  const { log } = server;
  const { passedMs = (): number => performance.now() } = deps;
  const operations = new LiveOperations({
    schema,
    readOperation,
    createContext,
    onFault: faultListener(log),
    overload,
    positions: deps.positions,
  });
  const sessions = new LiveSessions({
    limits: { ...LIVE_LIMITS, connectionsOfAll: deps.connectionsMax, ...deps.limits },
    passedMs,
    findEnded,
    onError: (error) => {
      log.error({ err: error }, 'keys of live connections could not be looked at');
    },
  });
  await server.register(fastifyWebsocket, {
    options: { maxPayload: FRAME_BYTES_MAX, handleProtocols },
    preClose(done) {
      sessions.stop();
      for (const socket of this.websocketServer.clients) closeSocket(socket, closings.GOING_AWAY);
      this.websocketServer.close(done);
    },
  });
  sessions.start();
  serveEventStreams(server, { operations, sessions, check: deps.check });
  return websocketHandler({ operations, sessions, authenticate, origins, passedMs, log });
}
