// The doors of subscriptions: WebSocket at /graphql, SSE at /graphql/stream. Both behind the same keys as everything else, for
// as long as the keys are in force.

import fastifyWebsocket, { type WebSocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { handleProtocols } from 'graphql-ws';
import type { Actor } from '../core/identity.ts';
import type { Authenticate } from './key-check.ts';
import { type LiveContext, LiveOperations } from './live-operations.ts';
import { LiveSessions } from './live-sessions.ts';
import { serveEventStreams } from './sse.ts';
import { closings, FRAME_BYTES_MAX, websocketHandler } from './websocket.ts';

/** For sockets to answer a closing when the server ends. */
const CLOSE_WITHIN_MS = 1_000;

export interface LiveDeps {
  /** What the resolvers of one operation or event share. */
  readonly createContext: (actor: Actor, onSlow: () => void) => LiveContext;
  /** Those of these callers whose keys open nothing any more. */
  readonly findEnded: (actors: readonly Actor[]) => Promise<ReadonlySet<Actor>>;
}

export interface LiveServerDeps extends LiveDeps {
  readonly schema: GraphQLSchema;
  readonly authenticate: Authenticate;
}

export type SocketHandler = (socket: WebSocket, request: FastifyRequest) => void;

/** Opens the doors of subscriptions on a server. @returns what serves a socket on a route */
export async function openLive(
  server: FastifyInstance,
  deps: LiveServerDeps,
): Promise<SocketHandler> {
  const { schema, authenticate, createContext, findEnded } = deps;
  const { log } = server;
  const onFault = (error: unknown, reference: string): void => {
    log.error({ err: error, reference }, 'fault');
  };
  const operations = new LiveOperations({ schema, createContext, onFault });
  const sessions = new LiveSessions({
    findEnded,
    onError: (error) => {
      log.error({ err: error }, 'keys of live connections could not be looked at');
    },
  });
  await server.register(fastifyWebsocket, {
    options: { maxPayload: FRAME_BYTES_MAX, handleProtocols },
    // What a client does wrong (a frame that is too large) is answered by the socket itself.
    errorHandler: (error) => {
      log.debug({ err: error }, 'live connection broke');
    },
    preClose(done) {
      sessions.stop();
      closeSockets(this.websocketServer.clients);
      this.websocketServer.close(done);
    },
  });
  sessions.start();
  serveEventStreams(server, { operations, sessions, authenticate });
  return websocketHandler({ operations, sessions, authenticate, log });
}

function closeSockets(sockets: Iterable<WebSocket>): void {
  const { code, reason } = closings.GOING_AWAY;
  for (const socket of sockets) {
    socket.close(code, reason);
    const timer = setTimeout(() => {
      socket.terminate();
    }, CLOSE_WITHIN_MS);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
  }
}
