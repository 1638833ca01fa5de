// One line for each request, with an id that the caller sent or that we made. No header, body or parameter is logged.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { FaultListener } from '../graphql/format-errors.ts';
import type { RequestFacts } from './request-state.ts';

const SANE_REQUEST_ID = /^[\w.:-]{1,64}$/;
/** Routes that ask how the gateway is. They are answered while it closes, and their lines are not logged. */
export const PROBES: ReadonlySet<string> = new Set(['/health/live', '/health/ready', '/metrics']);

export const logLevels = {
  fatal: 'fatal',
  error: 'error',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'trace',
  silent: 'silent',
} as const;
export type LogLevel = keyof typeof logLevels;

/** The server's log, JSON lines on standard output unless `destination` is given. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: printableError },
    redact: ['authorization', 'key', 'secret', 'password'].flatMap((name) => [name, `*.${name}`]),
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Logs the faults of answers, which callers can quote by their reference. */
export function faultListener(log: Pick<FastifyBaseLogger, 'error'>): FaultListener {
  return (error, reference) => {
    log.error({ err: error, reference }, 'fault');
  };
}

/** The caller's x-request-id when it is short and plain; otherwise a new one. */
export function requestId(request: IncomingMessage): string {
  const sent = request.headers['x-request-id'];
  return typeof sent === 'string' && SANE_REQUEST_ID.test(sent) ? sent : randomUUID();
}

/** Sends each request's id with its answer, and logs the request when the answer has been sent. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const line = {
      method: request.method,
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      ...loggedFacts(request.facts),
    };
    const isQuiet = PROBES.has(request.routeOptions.url ?? '');
    request.log[isQuiet ? 'debug' : 'info'](line, 'request');
    done();
  });
}

const OPERATION_CHARS_MAX = 100;

// "query Overview"
function loggedFacts(facts: RequestFacts | null): object | null {
  if (facts?.operation === undefined) return facts;
  const { operation, ...errors } = facts;
  const printed = [operation.type, operation.name ?? ''].join(' ').trim();
  return { operation: printed.slice(0, OPERATION_CHARS_MAX), ...errors };
}

// Database errors contain the statement's parameters, which hold what callers sent; these are left out.
function printableError(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return error;
  const facts = ['name', 'code', 'message', 'stack', 'facts', 'constraint', 'table', 'query'];
  const printed = facts
    .map((name) => [name, Reflect.get(error, name)] as const)
    .filter(([, value]) => value !== undefined);
  const inner: unknown =
    Reflect.get(error, 'originalError') ??
    Reflect.get(error, 'driverError') ??
    Reflect.get(error, 'cause');
  return { ...Object.fromEntries(printed), ...(inner ? { cause: printableError(inner) } : {}) };
}
