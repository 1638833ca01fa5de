// The gateway's endpoints on one server: GraphQL, CloudEvents, exports, statements, the explorer and the probes. The same keys open all of them.

import type { FastifyInstance } from 'fastify';
import { allowSubscriptions } from './alerts/subscriptions.graphql.ts';
import type { App } from './app.ts';
import type { Clock } from './core/clock.ts';
import type { Database } from './db/database.ts';
import { RequestContext } from './graphql/context.ts';
import type { BuiltPages } from './http/built-pages.ts';
import { registerEventsRoute } from './http/events.ts';
import { registerExportRoutes } from './http/exports.ts';
import type { HttpOptions } from './http/options.ts';
import type { OverloadOptions } from './http/overload.ts';
import { type CounterOf, pointRates } from './http/rates.ts';
import { createHttpServer } from './http/server.ts';
import { registerStatementRoutes } from './http/statements.ts';
import { limitWrongKeys, WRONG_KEYS_MAX, WRONG_KEYS_WINDOW_SECONDS } from './http/wrong-keys.ts';

export interface ServerDeps {
  readonly app: App;
  readonly database: Database;
  readonly clock: Clock;
  readonly http: HttpOptions;
  /** Counters that other gateways share; left out: this one counts by itself. */
  readonly sharedCounterOf?: CounterOf | undefined;
  /** For tests: takes the place of what is measured. */
  readonly overload?: Partial<OverloadOptions>;
  /** The pages that a person opens; left out: as they were built. */
  readonly pages?: BuiltPages | undefined;
  /** A token that opens the demo; left out: there is none. */
  readonly demoToken?: (() => Promise<string>) | undefined;
  /** The number of background faults by kind, for /metrics. */
  readonly backgroundFailures?: Readonly<Record<string, number>>;
}

/** A server that is ready to listen. */
export async function startServer({
  app,
  database,
  clock,
  http,
  sharedCounterOf,
  overload,
  pages,
  demoToken,
  backgroundFailures = {},
}: ServerDeps): Promise<FastifyInstance> {
  const authenticate = limitWrongKeys({
    authenticate: (secret) => app.keys.authenticate(secret),
    shared: sharedCounterOf?.('wrong-keys-of-address', {
      points: WRONG_KEYS_MAX,
      seconds: WRONG_KEYS_WINDOW_SECONDS,
    }),
  });
  const points =
    http.pointRates === null ? undefined : pointRates(http.pointRates, sharedCounterOf);
  const health = database.healthCheck();
  app.live.start();
  const server = await createHttpServer({
    options: http,
    schema: app.schema,
    authenticate,
    createContext: (actor, reads) => new RequestContext(actor, database, clock, { reads }),
    replica: database.replica,
    live: {
      createContext: (actor, onSlow) =>
        allowSubscriptions(new RequestContext(actor, database, clock), { live: app.live, onSlow }),
      findEnded: (actors) => app.keys.findEnded(actors),
    },
    isReady: () => health.isAnswering(),
    overload: { connectionWaitMs: () => database.expectedWaitMs, ...overload },
    isTokenOrigin: (origin) => app.portalTokens.isTokenOrigin(origin),
    ...(points === undefined ? {} : { points }),
    backgroundFailures,
    pages,
    demoToken,
    extraRoutes: async (server, { admission, check, decideReads }) => {
      await registerEventsRoute(server, { ingest: app.ingest, check, admission });
      registerExportRoutes(server, { exports: app.exports, check, admission, decideReads, points });
      registerStatementRoutes(server, { statements: app.statements, check, admission, points });
    },
  });
  server.addHook('onClose', () => health.stop());
  server.addHook('onClose', () => app.live.stop());
  return server;
}
