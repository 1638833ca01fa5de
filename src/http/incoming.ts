// Incoming bytes become text here, and only when they are UTF-8: addresses, and bodies, which may be compressed.

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { UserInputError } from '../core/errors.ts';
import { requireModestJson } from '../core/json-size.ts';
import { decodeUtf8 } from '../core/utf8.ts';

type Decompress = (body: Buffer, options: ZlibOptions) => Promise<Buffer>;

const decompressors: ReadonlyMap<string, Decompress> = new Map<string, Decompress>([
  ['gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<Buffer, ZlibOptions, Buffer>(inflate)],
  ['br', promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress)],
]);

/** The supported content encodings of bodies. */
export const BODY_ENCODINGS = ['gzip', 'deflate', 'br'] as const;

/** A body has an unsupported content encoding: 415. */
export class UnsupportedEncodingError extends Error {
  readonly statusCode = 415;
  readonly code = 'UNSUPPORTED_ENCODING';
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
  try {
    // It stops at the first byte beyond the limit, however much would follow.
    return await decompress(body, { maxOutputLength: request.routeOptions.bodyLimit });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    throw new UserInputError(
      `The body is not ${encoding}, which its content encoding says it is, or it is cut short.`,
      { cause: error },
    );
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
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
