// The gateway's HTTP server: GraphQL with keys, the explorer, probes and metrics.

import type { BaseContext } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type preHandlerHookHandler,
  type RouteOptions,
} from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { DestinationStream } from 'pino';
import type { Actor } from '../core/identity.ts';
import type { Reads } from '../db/database.ts';
import type { Replica } from '../db/replica.ts';
import { Documents } from '../graphql/documents.ts';
import { fieldCosts } from '../graphql/field-costs.ts';
import { BuiltPages } from './built-pages.ts';
import { closeInTime } from './closing.ts';
import { limitConnections, liveConnectionsMax, SERVER_TIMES } from './connections.ts';
import { answerBadAddress, answerFailures } from './failures.ts';
import { type GraphQLContext, servedRequest } from './graphql-context.ts';
import { startGraphQLServer } from './graphql-server.ts';
import { checkAddresses, takeJson } from './incoming.ts';
import { type Authenticate, type KeyCheck, keyCheck } from './key-check.ts';
import { answerKnown } from './known-documents.ts';
import { type LiveDeps, type LiveServerDeps, openLive } from './live.ts';
import { createLogger, logRequests, requestId } from './logging.ts';
import { measureRequests, serveMetrics } from './metrics.ts';
import { Operations } from './operations.ts';
import type { HttpOptions, TrustProxy } from './options.ts';
import { Origins } from './origins.ts';
import { compressAnswers, setSecurityHeaders } from './outgoing.ts';
import {
  admitRequests,
  Overload,
  type OverloadOptions,
  type RequestAdmission,
} from './overload.ts';
import { servePages } from './pages.ts';
import type { Points } from './rates.ts';
import { documentReader } from './read-documents.ts';
import { decideReads, ReadPositions, tellPositions } from './read-positions.ts';
import { operationReader } from './read-operation.ts';
import { actorOf, decorateRequests } from './request-state.ts';
import { Arrival, endRefusedUpgrades, releaseAnswer, SOCKET_PATH } from './upgrades.ts';

const MIB = 1024 * 1024;
const BODY_BYTES_MAX = MIB;
export const GRAPHQL_BODY_BYTES_MAX = 16 * MIB;
/** For a whole request to arrive, so that a slow caller cannot hold a connection. */
const REQUEST_TIMEOUT_MS = 120_000;

export interface HttpServerDeps {
  readonly options: HttpOptions;
  readonly schema: GraphQLSchema;
  readonly authenticate: Authenticate;
  /** What the resolvers of one request share. Its `dispose`, if any, is called when the answer is complete. */
  readonly createContext: (actor: Actor, reads: Reads | undefined) => BaseContext;
  /** The read replica; null or left out: there is none. */
  readonly replica?: Replica | null;
  /** What subscriptions need; without it there are none. */
  readonly live?: LiveDeps;
  /** Whether a portal token in force names an origin; default: none does. */
  readonly isTokenOrigin?: (origin: string) => Promise<boolean>;
  /** Without it points are not limited. */
  readonly points?: Points;
  readonly isReady: () => Promise<boolean>;
  /** Counts of faults outside requests, by kind. */
  readonly backgroundFailures?: Readonly<Record<string, number>>;
  /** Default: standard output. */
  readonly logDestination?: DestinationStream;
  /** Default: nothing waits, and the event loop is measured. */
  readonly overload?: Partial<OverloadOptions>;
  /** Default: the project's own, as they were built. */
  readonly pages?: BuiltPages | undefined;
  /** A token that opens the demo, for whoever asks; undefined: there is no demo. */
  readonly demoToken?: (() => Promise<string>) | undefined;
  /** False: as a test's other way to the same answers. Default: known documents and plain rows take less. */
  readonly takesShortWays?: boolean;
  /** Adds further routes; their errors are answered like all others. */
  readonly extraRoutes: (
    server: FastifyInstance,
    shared: {
      readonly admission: RequestAdmission;
      readonly check: KeyCheck;
      readonly decideReads: preHandlerHookHandler;
    },
  ) => void | Promise<void>;
}

/**
 * A server that is ready to listen. `close()` stops accepting, finishes the running requests and then releases everything;
 * requests that take longer than six seconds are cut off.
 */
export async function createHttpServer(deps: HttpServerDeps): Promise<FastifyInstance> {
  const { options } = deps;
  const logger: FastifyBaseLogger = createLogger(options.logLevel, deps.logDestination);
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: requestId,
    bodyLimit: BODY_BYTES_MAX,
    trustProxy: trustOf(options.trustProxy),
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { ...SERVER_TIMES, IncomingMessage: Arrival },
    frameworkErrors: answerBadAddress,
    // closeInTime answers instead, in the same form as all other refusals.
    return503OnClosing: false,
  });
  decorateRequests(server);
  logRequests(server);
  setSecurityHeaders(server);
  limitConnections(server, options.connectionLimits);
  endRefusedUpgrades(server);
  const isClosing = closeInTime(server);
  answerFailures(server);
  const origins = new Origins({
    corsOrigins: options.corsOrigins,
    isTokenOrigin: deps.isTokenOrigin,
  });
  await origins.answerBrowsers(server);
  const check = keyCheck(deps.authenticate, origins);
  checkAddresses(server);
  takeJson(server);
  compressAnswers(server);
  const overload = new Overload({ connectionWaitMs: () => 0, ...deps.overload });
  const admission = admitRequests(server, overload);
  const { replica = null } = deps;
  const positions = replica === null ? null : new ReadPositions(replica);
  tellPositions(server, positions);
  const registry = measureRequests(server, {
    backgroundFailures: deps.backgroundFailures ?? {},
    overload,
    replica,
  });
  serveMetrics(server, registry, options.metrics);
  serveProbes(server, { isReady: async () => !isClosing() && (await deps.isReady()), replica });
  servePages(server, {
    pages: deps.pages ?? new BuiltPages(),
    mayEmbed: (origin) => origins.mayCall(origin),
    fieldCosts: fieldCosts(deps.schema),
    check,
    demoToken: deps.demoToken,
  });
  await serveGraphQL(server, deps, { check, origins, overload, admission, positions });
  await deps.extraRoutes(server, { admission, check, decideReads: decideReads(positions) });
  return server;
}

// Fastify itself takes no number: a caller that reaches the gateway past its proxies could claim any address. Whoever
// configures a number says that there is no such way (docs/operations.md).
function trustOf(
  trusted: TrustProxy,
): string[] | false | ((address: string, hop: number) => boolean) {
  return typeof trusted === 'number' ? (_address, hop) => hop < trusted : trusted;
}

interface GraphQLParts {
  readonly check: KeyCheck;
  readonly origins: Origins;
  readonly overload: Overload;
  readonly admission: RequestAdmission;
  /** Null: there is no read replica. */
  readonly positions: ReadPositions | null;
}

async function serveGraphQL(
  server: FastifyInstance,
  deps: HttpServerDeps,
  { check, origins, overload, admission, positions }: GraphQLParts,
): Promise<void> {
  const { trustedDocuments, queryCostMax } = deps.options;
  const documents = new Documents(deps.schema, trustedDocuments, queryCostMax);
  const { schema, takesShortWays = true } = deps;
  const operations = new Operations(schema, takesShortWays);
  const apollo = await startGraphQLServer({ schema, documents, operations, log: server.log });
  server.addHook('onClose', () => apollo.stop());
  const readOperation = operationReader(documents, deps.points);
  const sockets = await socketsOf(server, deps, {
    readOperation,
    check,
    origins,
    overload,
    positions,
  });
  const contextOf = (request: FastifyRequest): BaseContext =>
    deps.createContext(actorOf(request), request.reads);
  const ordinary = fastifyApolloHandler(apollo, {
    context: (request) => {
      const context: GraphQLContext = request.outcome === null ? contextOf(request) : {};
      context[servedRequest] = request;
      return Promise.resolve(context);
    },
  });
  const graphql: Omit<RouteOptions, 'method'> = {
    url: SOCKET_PATH,
    bodyLimit: GRAPHQL_BODY_BYTES_MAX,
    onRequest: async (request) => {
      admission.onRequest();
      // A socket may send its key in its first message.
      if (request.ws) await origins.requireForSocket(request);
      else await check(request);
    },
    preHandler: [
      documentReader({
        readOperation,
        runsTrustedOnly: documents.runsTrustedOnly,
        admit: admission.admit,
      }),
      releaseAnswer,
      decideReads(positions),
    ],
    handler: ordinary,
  };
  server.route({
    ...graphql,
    method: 'GET',
    exposeHeadRoute: false,
    ...sockets,
  });
  const handler = takesShortWays
    ? answerKnown({ operations, runsTrustedOnly: documents.runsTrustedOnly, contextOf, ordinary })
    : ordinary;
  server.route({ ...graphql, method: 'POST', handler });
}

/** What serves the sockets of the route, if there are any. */
async function socketsOf(
  server: FastifyInstance,
  { schema, live, authenticate, options }: HttpServerDeps,
  shared: Pick<LiveServerDeps, 'readOperation' | 'check' | 'origins' | 'overload' | 'positions'>,
): Promise<Pick<RouteOptions, 'wsHandler'>> {
  if (live === undefined) return {};
  const connectionsMax = liveConnectionsMax(options.connectionLimits);
  const deps = { ...live, ...shared, schema, authenticate, connectionsMax };
  return { wsHandler: await openLive(server, deps) };
}

function serveProbes(
  server: FastifyInstance,
  {
    isReady,
    replica,
  }: { readonly isReady: () => Promise<boolean>; readonly replica: Replica | null },
): void {
  server.get('/health/live', () => ({ status: 'live' }));
  server.get('/health/ready', async (_request, reply) => {
    const ready = await isReady().catch(() => false);
    void reply.status(ready ? 200 : 503);
    // Without the replica the gateway is as ready.
    return {
      status: ready ? 'ready' : 'not ready',
      ...(replica === null ? {} : { replica: replica.state }),
    };
  });
}
