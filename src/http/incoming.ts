// Incoming bytes become text here, and only when they are UTF-8: addresses, and bodies, which may be compressed.

import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { UserInputError } from '../core/errors.ts';
import { requireModestJson } from '../core/json-size.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import { countDecompressed } from './connections.ts';

const MIB = 1024 * 1024;
/** A compressed body may hold so much for each byte that was sent; events that differ by their id alone come to 140. */
const DECOMPRESSED_PER_BYTE_MAX = 250;
/** Smaller bodies may hold more. */
const DECOMPRESSED_FREE_BYTES = 2 * MIB;
const OPTIONS = { chunkSize: 65_536 };

const decompressors: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', () => createGunzip(OPTIONS)],
  ['x-gzip', () => createGunzip(OPTIONS)],
  ['deflate', () => createInflate(OPTIONS)],
  ['br', () => createBrotliDecompress(OPTIONS)],
]);

/** The supported content encodings of bodies. */
export const BODY_ENCODINGS = ['gzip', 'deflate', 'br'] as const;

/** A body has an unsupported content encoding: 415. */
export class UnsupportedEncodingError extends Error {
  readonly statusCode = 415;
  readonly code = 'UNSUPPORTED_ENCODING';
}

/** A body holds much more than was sent: 413. */
export class TooCompressedError extends Error {
  readonly statusCode = 413;
  readonly code = 'TOO_COMPRESSED';
}

/** Refuses an address that could be read in two ways, before anything is read from it. */
export function checkAddresses(app: FastifyInstance): void {
  app.addHook('onRequest', ({ url }, _reply, done) => {
    // What follows a fragment's sign is a part of the query to some readers and none to others.
    if (url.includes('#')) done(new UserInputError('The address holds a "#"; write it as %23.'));
    else done(isUtf8Address(url) ? undefined : new UserInputError(WRONG_ADDRESS));
  });
}

export const WRONG_ADDRESS = 'The address holds percent-encoded bytes that are not UTF-8.';

/** Accepts JSON bodies: uncompressed or compressed, in UTF-8. */
export function takeJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      readText(request, body).then((text) => parse(request, text, done), done);
    },
  );
}

/**
 * The text of a body, which is JSON that can be parsed at once. The server applies the route's limit to what was sent; here it also applies to what is decompressed.
 * @throws UserInputError when it is not in its content encoding, not UTF-8, or holds more than any call takes
 * @throws UnsupportedEncodingError
 * @throws TooCompressedError
 * @throws UNAVAILABLE when too much is being decompressed
 */
export async function readText(request: FastifyRequest, body: Buffer): Promise<string> {
  const text = decodeUtf8(await decompressed(request, body), 'The body');
  requireModestJson(text);
  return text;
}

async function decompressed(request: FastifyRequest, body: Buffer): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return body;
  const decompress = decompressors.get(encoding);
  if (decompress === undefined) throw new UnsupportedEncodingError();
  const { bodyLimit } = request.routeOptions;
  const byRatio = Math.max(DECOMPRESSED_FREE_BYTES, body.length * DECOMPRESSED_PER_BYTE_MAX);
  const pieces: Buffer[] = [];
  let length = 0;
  // It stops at the first piece beyond a bound, however much would follow.
  for await (const piece of piecesOf(decompress().end(body), encoding)) {
    length += piece.length;
    if (length > bodyLimit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    if (length > byRatio) throw new TooCompressedError();
    countDecompressed(request, length);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function* piecesOf(stream: Transform, encoding: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    throw new UserInputError(
      `The body is not ${encoding}, which its content encoding says it is, or it is cut short.`,
      { cause: error },
    );
  }
}

function isUtf8Address(url: string): boolean {
  // The server's parser accepts ASCII only; other characters are percent-encoded.
  if (!url.includes('%')) return true;
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
