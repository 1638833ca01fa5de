// What holds for every connection: how long a caller may take to send, and how much may be on its way at once.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { UnavailableError } from '../core/errors.ts';
import { turns } from '../db/turns.ts';

const MIB = 1024 * 1024;
/** For the headers of a request to arrive; a slow caller holds a connection no longer. */
const HEADERS_WITHIN_MS = 10_000;
/** How often connections are looked at for it. */
const LOOK_EVERY_MS = 5_000;
/** The first bytes of a body are not counted: small requests pass while large ones fill the bound. */
const UNCOUNTED_BYTES = 16 * 1024;
const RETRY_AFTER_SECONDS = 1;

/** Bounds over all callers together. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of all bodies that are being read, as they were sent and as they are decompressed. */
  readonly maxBodyBytesInFlight: number;
}

export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 25_000,
  maxBodyBytesInFlight: 64 * MIB,
};

/** So that requests always find a connection. */
const LIVE_SHARE = 0.8;

/** How many of the connections may be sockets and streams, which last. */
export function liveConnectionsMax({ maxConnections }: ConnectionLimits): number {
  return Math.floor(maxConnections * LIVE_SHARE);
}

/** Options of the HTTP server. */
export const SERVER_TIMES = {
  headersTimeout: HEADERS_WITHIN_MS,
  connectionsCheckingInterval: LOOK_EVERY_MS,
} as const;

type Count = (bytesOfBody: number) => void;

/** What counts the body of a request. */
const counts = new WeakMap<FastifyRequest, Count>();

/** Counts a body by so many bytes, if more of it were not sent. @throws UNAVAILABLE when too much is on its way */
export function countDecompressed(request: FastifyRequest, bytes: number): void {
  counts.get(request)?.(bytes);
}

/** Bounds the connections, and the bytes of bodies that are being read. */
export function limitConnections(app: FastifyInstance, limits: ConnectionLimits): void {
  app.server.maxConnections = limits.maxConnections;
  app.server.on('connection', () => {
    turns.noteArrival();
  });
  const releases = new WeakMap<FastifyRequest, () => void>();
  let inFlight = 0;
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (isCounted(request)) {
      let received = 0;
      let counted = 0;
      const count: Count = (bytes) => {
        const more = Math.max(0, bytes - UNCOUNTED_BYTES - counted);
        counted += more;
        inFlight += more;
        if (inFlight <= limits.maxBodyBytesInFlight) return;
        release();
        throw new UnavailableError('Too many large bodies are arriving; please try again.', {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      };
      const arrive = (chunk: Buffer): void => {
        received += chunk.length;
        try {
          count(received);
        } catch (error) {
          // What still comes flows into nothing, so that the caller reads the answer.
          payload.emit('error', error);
        }
      };
      const release = (): void => {
        payload.off('data', arrive);
        inFlight -= counted;
        counted = 0;
      };
      payload.on('data', arrive);
      reply.raw.once('close', release);
      counts.set(request, count);
      releases.set(request, release);
    }
    done(null, payload);
  });
  // By then the body has been parsed.
  app.addHook('preValidation', (request, _reply, done) => {
    releases.get(request)?.();
    done();
  });
}

// A body whose length is told is no longer than that. One that is compressed may become longer.
function isCounted({ headers }: FastifyRequest): boolean {
  const isCompressed = headers['content-encoding'] !== undefined;
  const bytes = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] !== undefined) return true;
  return isCompressed ? bytes > 0 : bytes > UNCOUNTED_BYTES;
}
