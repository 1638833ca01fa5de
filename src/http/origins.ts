// Which web pages may call the gateway from a browser: those of the configured origins with any key, and those of a portal
// token's own origins with that token. The gateway's own pages may with both. A browser asks before it sends a key from a page of another origin (CORS). It does not
// know yet then, and does not tell, which key that is. It does not ask before it opens a socket. So what the page may do is
// checked with its key. Cookies play no part: a page without a key gets nothing, whatever its origin.

import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ForbiddenError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';

/** What pages of other origins may call. */
const API_PATHS: ReadonlySet<string> = new Set(['/graphql', '/graphql/stream', '/v1/events']);
/** What lies under them is of the API too. */
const API_FOLDERS: readonly string[] = ['/v1/exports/', '/v1/statements/'];
/** How long a browser may keep the answer to its question. */
const PREFLIGHT_SECONDS = 600;

export interface OriginsDeps {
  /** As browsers send them: scheme, host and, unless it is the scheme's own, port. */
  readonly corsOrigins: readonly string[];
  /** Whether a portal token in force names an origin; undefined: none does. */
  readonly isTokenOrigin: ((origin: string) => Promise<boolean>) | undefined;
}

export class Origins {
  private readonly listed: ReadonlySet<string>;

  constructor(private readonly deps: OriginsDeps) {
    this.listed = new Set(deps.corsOrigins);
  }

  /** Answers browsers that ask, and tells them whether the page may read the answers. */
  async answerBrowsers(server: FastifyInstance): Promise<void> {
    await server.register(cors, {
      delegator: async (request: FastifyRequest) => {
        const path = request.url.split('?', 1)[0] ?? '';
        const isOfApi = API_PATHS.has(path) || API_FOLDERS.some((one) => path.startsWith(one));
        if (!isOfApi) return { origin: false };
        const { origin } = request.headers;
        return {
          // An empty list is answered too, without the header that would let the page in.
          origin: origin !== undefined && (await this.mayCall(origin)) ? [origin] : [],
          methods: ['GET', 'POST'],
          exposedHeaders: [
            'x-request-id',
            'retry-after',
            'content-disposition',
            'x-export-id',
            'x-read-after',
          ],
          maxAge: PREFLIGHT_SECONDS,
          strictPreflight: false,
        };
      },
    });
  }

  /**
   * The first check of a socket, whose key comes later.
   * @throws FORBIDDEN for a page that may not call with any key
   */
  async requireForSocket(request: FastifyRequest): Promise<void> {
    const { origin } = request.headers;
    if (origin === undefined || this.isOpen(request) || (await this.mayCall(origin))) return;
    throw refusalOf(origin);
  }

  /** Whether an actor's key may be used by the page that asks, if it is one. */
  allows(request: FastifyRequest, actor: Actor): boolean {
    // The gateway's own Usage page calls with the token of the page that embeds it.
    return hasOwnOrigins(actor)
      ? isOwnOrigin(request, actor) || isOwnPage(request)
      : this.isOpen(request);
  }

  /** @throws FORBIDDEN unless `allows` */
  require(request: FastifyRequest, actor: Actor): void {
    if (!this.allows(request, actor)) throw refusalOf(request.headers.origin);
  }

  /** Whether pages of an origin may call with some key, and may embed the Usage page. */
  async mayCall(origin: string): Promise<boolean> {
    return this.listed.has(origin) || (await this.deps.isTokenOrigin?.(origin)) === true;
  }

  /** Whether all keys may be used: from listed origins, from the gateway's own, and by what is no page. */
  private isOpen(request: FastifyRequest): boolean {
    const { origin } = request.headers;
    return origin === undefined || this.listed.has(origin) || isOwnPage(request);
  }
}

function hasOwnOrigins({ origins = [] }: Actor): boolean {
  return origins.length > 0;
}

function isOwnOrigin({ headers: { origin } }: FastifyRequest, { origins = [] }: Actor): boolean {
  return origin === undefined || origins.includes(origin);
}

// The scheme is not compared: behind a proxy that terminates TLS, the gateway does not see it.
function isOwnPage({ headers: { origin, host } }: FastifyRequest): boolean {
  if (origin === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host?.toLowerCase();
}

function refusalOf(origin = ''): ForbiddenError {
  return new ForbiddenError(
    `Pages of ${JSON.stringify(origin.slice(0, 200))} may not call this gateway, or not with this key.`,
  );
}
