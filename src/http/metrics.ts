// Metrics for Prometheus. Labels are routes, operation types and error codes. These are closed sets, so that no
// caller can increase the number of series.

import { timingSafeEqual } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { sha256Of } from '../access/secret.service.ts';
import { UnauthenticatedError, UnavailableError } from '../core/errors.ts';
import type { Replica } from '../db/replica.ts';
import { bearerSecret } from './bearer.ts';
import { SERVER_TIMES } from './connections.ts';
import { answerFailures } from './failures.ts';
import { setSecurityHeaders } from './outgoing.ts';
import type { Overload } from './overload.ts';
import { decorateRequests } from './request-state.ts';

const DURATION_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Where the metrics are read. */
export interface MetricsPlace {
  /** What opens /metrics; null: it is open. */
  readonly token: string | null;
  /** A place of its own; null: where everything else is. */
  readonly listen: { readonly port: number; readonly host: string } | null;
}

/** Measures every request of `app`, and GraphQL operations by type and first error code. */
export function measureRequests(
  app: FastifyInstance,
  {
    backgroundFailures,
    overload,
    replica,
  }: {
    /** Counts of faults outside requests, by kind. */
    readonly backgroundFailures: Readonly<Record<string, number>>;
    readonly overload: Overload;
    /** The read replica; null: there is none. */
    readonly replica: Replica | null;
  },
): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  showFailures(registry, backgroundFailures);
  showOverload(registry, overload);
  if (replica !== null) showReplica(registry, replica);
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  });
  const operations = new Histogram({
    name: 'graphql_operation_duration_seconds',
    help: 'Time from the first byte of a request with a GraphQL operation to the last of its answer',
    labelNames: ['type', 'code'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  });
  app.addHook('onResponse', (request, reply, done) => {
    const seconds = reply.elapsedTime / 1000;
    const route = request.routeOptions.url ?? 'unknown';
    requests.observe({ method: request.method, route, status: reply.statusCode }, seconds);
    const { operation, errorCodes: [code = 'OK'] = [] } = request.facts ?? {};
    if (operation !== undefined) operations.observe({ type: operation.type, code }, seconds);
    done();
  });
  return registry;
}

/** Serves the metrics at /metrics of `app` or, at a place of their own, for as long as `app` listens. */
export function serveMetrics(
  app: FastifyInstance,
  registry: Registry,
  { token, listen }: MetricsPlace,
): void {
  if (listen === null) {
    addRoute(app, registry, token);
    return;
  }
  const own = fastify({ http: SERVER_TIMES, forceCloseConnections: true });
  setSecurityHeaders(own);
  decorateRequests(own);
  answerFailures(own);
  addRoute(own, registry, token);
  app.addHook('onReady', async () => {
    await own.listen(listen).catch((error: unknown) => {
      throw portTrouble(error, listen.port);
    });
  });
  app.addHook('onClose', () => own.close());
}

function portTrouble(error: unknown, port: number): unknown {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  if (!hasCode || error.code !== 'EADDRINUSE') return error;
  return new UnavailableError(
    `Port ${port} is taken by another program; set METRICS_PORT to a free one.`,
    { cause: error },
  );
}

function addRoute(app: FastifyInstance, registry: Registry, token: string | null): void {
  app.get('/metrics', async (request, reply) => {
    if (token !== null) requireToken(request, token);
    void reply.type(registry.contentType);
    return registry.metrics();
  });
}

/** Lets in who sends the token as `Authorization: Bearer <token>`. @throws UNAUTHENTICATED otherwise */
function requireToken(request: FastifyRequest, token: string): void {
  // Hashes are of one length, so comparing them tells nothing of the token.
  const sent = sha256Of(bearerSecret(request.headers.authorization) ?? '');
  if (!timingSafeEqual(sent, sha256Of(token))) throw new UnauthenticatedError();
}

function showFailures(registry: Registry, counts: Readonly<Record<string, number>>): void {
  const failures = new Counter({
    name: 'background_failures_total',
    help: 'Faults outside requests: WORK is tried again, UNHANDLED is a fault of the gateway',
    labelNames: ['kind'],
    registers: [registry],
    collect: () => {
      failures.reset();
      for (const [kind, count] of Object.entries(counts)) failures.inc({ kind }, count);
    },
  });
}

function showOverload(registry: Registry, overload: Overload): void {
  const shed = new Counter({
    name: 'requests_shed_total',
    help: 'Requests that were refused because the gateway had more to do than it can, by the signal that said so',
    labelNames: ['reason'],
    registers: [registry],
    collect: () => {
      shed.reset();
      for (const [reason, count] of Object.entries(overload.shed)) shed.inc({ reason }, count);
    },
  });
  const pressure = new Gauge({
    name: 'gateway_pressure',
    help: 'The share of each bound that is reached; from 1 on everything is refused',
    labelNames: ['signal'],
    registers: [registry],
    collect: () => {
      for (const [signal, share] of Object.entries(overload.pressures())) {
        pressure.set({ signal }, share);
      }
    },
  });
}

function showReplica(registry: Registry, replica: Replica): void {
  const isUsed = new Gauge({
    name: 'read_replica_in_use',
    help: '1 while the read replica answers reads; 0 while the database itself answers all',
    registers: [registry],
    collect: () => {
      isUsed.set(replica.state === 'IN_USE' ? 1 : 0);
    },
  });
  const lag = new Gauge({
    name: 'read_replica_lag_seconds',
    help: 'How far the read replica is behind, at most; NaN while that is not known',
    registers: [registry],
    collect: () => {
      lag.set((replica.lagMs ?? Number.NaN) / 1_000);
    },
  });
  const snapshots = new Counter({
    name: 'read_replica_snapshots_total',
    help: 'Reads that a replica could answer, by what answered them: the replica, or the database itself',
    labelNames: ['answered_by'],
    registers: [registry],
    collect: () => {
      snapshots.reset();
      for (const [by, count] of Object.entries(replica.reads)) {
        snapshots.inc({ answered_by: by }, count);
      }
    },
  });
}
