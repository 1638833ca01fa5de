// How the server closes: what runs may end, what comes is refused, and what takes too long is cut off.

import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../core/errors.ts';
import { PROBES } from './logging.ts';

/** For running requests to end when the server closes; longer than any statement takes. */
const CLOSE_TIMEOUT_MS = 6_000;

/**
 * Refuses requests on kept-alive connections once the server closes, but for probes, which report that themselves.
 * @returns whether the server closes
 */
export function closeInTime(app: FastifyInstance): () => boolean {
  let isClosing = false;
  app.addHook('preClose', (done) => {
    isClosing = true;
    const timer = setTimeout(() => {
      app.server.closeAllConnections();
    }, CLOSE_TIMEOUT_MS);
    timer.unref();
    app.server.once('close', () => {
      clearTimeout(timer);
    });
    done();
  });
  app.addHook('onRequest', (request, _reply, done) => {
    const isRefused = isClosing && !PROBES.has(request.routeOptions.url ?? '');
    done(
      isRefused ? new UnavailableError('This gateway is stopping; please try again.') : undefined,
    );
  });
  return () => isClosing;
}
