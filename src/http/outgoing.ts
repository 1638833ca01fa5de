// Headers keep answers out of caches and guesses. Answers are compressed when the caller accepts that and it is worth it.
// Event streams are never compressed: an event would wait for the next.

import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, type BrotliOptions } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Below this, compressing costs more than it saves. */
const COMPRESSED_BYTES_MIN = 1_024;
/** A quarter larger than at the highest quality, and fifty times as fast. */
const BROTLI_QUALITY = 4;
/** For a year a browser comes by TLS only. */
const HSTS = 'max-age=31536000';

const brotli = promisify<string | Buffer, BrotliOptions, Buffer>(brotliCompress);
const compressors = {
  br: (payload: string | Buffer) =>
    brotli(payload, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  gzip: promisify<string | Buffer, Buffer>(gzip),
} as const;
const encodings: (keyof typeof compressors)[] = ['br', 'gzip'];

/** Headers of every answer. Pages say themselves how they are cached. */
export function setSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    const forwarded = request.headers['x-forwarded-proto'];
    // A browser heeds it only when it came by TLS itself, so a caller who invents the header fools nobody else.
    if (forwarded !== undefined && firstOf(forwarded) === 'https') {
      void reply.header('strict-transport-security', HSTS);
    }
    done();
  });
}

function firstOf(header: string | readonly string[]): string | undefined {
  return [header].flat()[0]?.split(',', 1)[0]?.trim().toLowerCase();
}

/** Compresses the answers of all routes that are added afterwards. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isCompressible(reply, payload)) return payload;
    // Caches keep an answer for each encoding, so this header is sent with uncompressed answers too.
    void reply.header('vary', [reply.getHeader('vary') ?? [], 'accept-encoding'].flat().join(', '));
    const accepted = request.headers['accept-encoding'];
    const encoding = typeof accepted === 'string' ? negotiate(accepted, encodings) : null;
    if (encoding === null) return payload;
    const compressed = await compressors[encoding](payload);
    void reply.header('content-encoding', encoding).removeHeader('content-length');
    return compressed;
  });
}

function isCompressible(reply: FastifyReply, payload: unknown): payload is string | Buffer {
  const isWhole = typeof payload === 'string' || Buffer.isBuffer(payload);
  if (!isWhole || Buffer.byteLength(payload) < COMPRESSED_BYTES_MIN) return false;
  const type = String(reply.getHeader('content-type') ?? '');
  return /^text\/(?!event-stream)|[/+]json\b/.test(type) && !reply.hasHeader('content-encoding');
}
