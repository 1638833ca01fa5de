// Which web pages may call the gateway from a browser. A browser asks before it sends a key from a page of another origin
// (CORS), but not before it opens a socket. So sockets and event streams check the origin themselves. Cookies play no part:
// a page without a key gets nothing, whatever its origin.

import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ForbiddenError } from '../core/errors.ts';

/** What pages of other origins may call. */
const API_PATHS: ReadonlySet<string> = new Set(['/graphql', '/graphql/stream', '/v1/events']);
/** How long a browser may keep the answer to its question. */
const PREFLIGHT_SECONDS = 600;

export class Origins {
  private readonly listed: ReadonlySet<string>;

  /** @param listed as browsers send them: scheme, host and, unless it is the scheme's own, port */
  constructor(listed: readonly string[]) {
    this.listed = new Set(listed);
  }

  /** Answers browsers that ask, and tells them whether the page may read the answers. */
  async answerBrowsers(server: FastifyInstance): Promise<void> {
    await server.register(cors, {
      delegator: (request, callback) => {
        const path = request.url.split('?', 1)[0] ?? '';
        if (!API_PATHS.has(path)) {
          callback(null, { origin: false });
          return;
        }
        const { origin } = request.headers;
        callback(null, {
          // An empty list is answered too, without the header that would let the page in.
          origin: origin !== undefined && this.listed.has(origin) ? [origin] : [],
          methods: ['GET', 'POST'],
          exposedHeaders: ['x-request-id', 'retry-after'],
          maxAge: PREFLIGHT_SECONDS,
          strictPreflight: false,
        });
      },
    });
  }

  /** @throws FORBIDDEN for a request from a page that may not call: for sockets and event streams */
  require({ headers }: FastifyRequest): void {
    const { origin, host } = headers;
    if (origin === undefined || this.listed.has(origin) || isSameHost(origin, host)) return;
    throw new ForbiddenError(
      `Pages of ${JSON.stringify(origin.slice(0, 200))} may not call this gateway.`,
    );
  }
}

// The scheme is not compared: behind a proxy that terminates TLS, the gateway does not see it.
function isSameHost(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
