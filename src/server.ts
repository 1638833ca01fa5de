// The gateway's endpoints on one server: GraphQL, CloudEvents, the explorer and the probes. The same keys open all of them.

import type { FastifyInstance } from 'fastify';
import { allowSubscriptions } from './alerts/subscriptions.graphql.ts';
import type { App } from './app.ts';
import type { LogLevel } from './config.ts';
import type { Clock } from './core/clock.ts';
import type { Database } from './db/database.ts';
import { RequestContext } from './graphql/context.ts';
import type { TrustedDocuments } from './graphql/documents.ts';
import type { DoorLimits } from './http/doors.ts';
import { registerEventsRoute } from './http/events.ts';
import type { MetricsPlace } from './http/metrics.ts';
import type { OverloadOptions } from './http/overload.ts';
import { type CounterOf, pointRates, type PointRates } from './http/rates.ts';
import { createHttpServer, type TrustProxy } from './http/server.ts';
import { limitWrongKeys, WRONG_KEYS_MAX, WRONG_KEYS_WINDOW_SECONDS } from './http/wrong-keys.ts';

export interface ServerOptions {
  readonly app: App;
  readonly database: Database;
  readonly clock: Clock;
  readonly logLevel: LogLevel;
  /** Null: all documents run. */
  readonly trustedDocuments?: TrustedDocuments | null;
  /** The most points that an operation may cost; default: as in docs/limits.md. */
  readonly queryCostMax?: number;
  /** The web origins whose pages may call the API; default: none. */
  readonly corsOrigins?: readonly string[];
  /** Whose word about the addresses of callers is taken; default: nobody's. */
  readonly trustProxy?: TrustProxy;
  /** The points of cost that callers have a minute; default: no limit. */
  readonly pointRates?: PointRates;
  /** Counters that other gateways share; left out: this one counts by itself. */
  readonly sharedCounterOf?: CounterOf | undefined;
  readonly doorLimits?: DoorLimits;
  /** Where and by what token the metrics are read; default: open, where everything else is. */
  readonly metrics?: MetricsPlace;
  /** For tests: takes the place of what is measured. */
  readonly overload?: Partial<OverloadOptions>;
  /** The number of background faults by kind, for /metrics. */
  readonly backgroundFailures?: Readonly<Record<string, number>>;
}

/** A server that is ready to listen. */
export async function startServer({
  app,
  database,
  clock,
  logLevel,
  trustedDocuments = null,
  queryCostMax,
  corsOrigins = [],
  trustProxy = false,
  pointRates: rates,
  sharedCounterOf,
  doorLimits,
  metrics,
  overload,
  backgroundFailures = {},
}: ServerOptions): Promise<FastifyInstance> {
  const authenticate = limitWrongKeys({
    authenticate: (authorization) => app.keys.authenticate(authorization),
    shared: sharedCounterOf?.('wrong-keys-of-address', {
      points: WRONG_KEYS_MAX,
      seconds: WRONG_KEYS_WINDOW_SECONDS,
    }),
  });
  const health = database.healthCheck();
  app.live.start();
  const server = await createHttpServer({
    schema: app.schema,
    trustedDocuments,
    queryCostMax,
    authenticate,
    createContext: (actor) => new RequestContext(actor, database, clock),
    live: {
      createContext: (actor, onSlow) =>
        allowSubscriptions(new RequestContext(actor, database, clock), { live: app.live, onSlow }),
      findEnded: (actors) => app.keys.findEnded(actors),
    },
    isReady: () => health.isAnswering(),
    overload: { connectionWaitMs: () => database.expectedWaitMs, ...overload },
    corsOrigins,
    isTokenOrigin: (origin) => app.portalTokens.isTokenOrigin(origin),
    trustProxy,
    ...(rates === undefined ? {} : { spend: pointRates(rates, sharedCounterOf) }),
    doorLimits,
    metrics,
    logLevel,
    backgroundFailures,
    extraRoutes: (server, { admission, check }) =>
      registerEventsRoute(server, {
        ingest: app.ingest,
        check,
        admission,
      }),
  });
  server.addHook('onClose', () => health.stop());
  server.addHook('onClose', () => app.live.stop());
  return server;
}
