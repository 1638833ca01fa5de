// One file from the gateway: asked for, streamed, checked against what the gateway sent, and only then saved.

import { errorOf, type GatewayError } from '@billing-gateway/client';
import type { ExportRun } from '@billing-gateway/client/exports';
import { type Chunk, type OpenedFile, TooLargeError } from './file.ts';

/** What an export came to. */
export interface FinishedExport {
  readonly fileName: string;
  readonly rows: number;
  readonly bytes: number;
  /** Null where nothing is added up. */
  readonly credits: string | null;
  readonly sha256: string | null;
}

export interface ExportProblem {
  readonly kind:
    | 'unreachable'
    | 'refused'
    | 'wait'
    | 'too-much'
    | 'no-price'
    | 'broken-off'
    | 'too-large'
    | 'unwritable'
    | 'failed';
  /** The gateway's own sentence; null when it said none. */
  readonly message: string | null;
  /** What an operator finds the request by. */
  readonly reference: string | null;
  readonly retryAfterSeconds: number | null;
}

/** An export that did not come about. */
export class ExportFailure extends Error {
  constructor(readonly problem: ExportProblem) {
    super(problem.kind);
  }
}

function failure(kind: ExportProblem['kind']): ExportFailure {
  return new ExportFailure({ kind, message: null, reference: null, retryAfterSeconds: null });
}

export interface DownloadOptions {
  readonly token: string;
  readonly signal: AbortSignal;
  /** Told how many bytes have come. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Downloads an export into a file, and saves it when it is whole.
 * @throws ExportFailure; whatever it is, nothing was saved
 */
export async function download(
  path: string,
  file: OpenedFile,
  options: DownloadOptions,
): Promise<FinishedExport> {
  try {
    const response = await ask(path, options);
    const bytes = await stream(response, file, options);
    const run = await runOf(response.headers.get('x-export-id') ?? '', options);
    // Neither CSV nor a connection tells by itself that it was cut off. What the gateway has counted does.
    if (run?.state !== 'COMPLETE' || run.bytes !== bytes) throw failure('broken-off');
    const { rows, credits, sha256 } = run;
    const fileName = await file.save(fileNameOf(response)).catch(() => {
      throw failure('unwritable');
    });
    return { fileName, rows, bytes, credits, sha256 };
  } catch (error) {
    await file.discard().catch(() => undefined);
    throw error;
  }
}

/** Asks the gateway for something that is no GraphQL. @throws ExportFailure unless it is answered with it */
export async function ask(
  path: string,
  { token, signal }: Pick<DownloadOptions, 'token'> & Partial<Pick<DownloadOptions, 'signal'>>,
): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(path, {
    headers,
    ...(signal === undefined ? {} : { signal }),
  }).catch(() => {
    throw failure('unreachable');
  });
  if (!response.ok) throw new ExportFailure(await problemOf(response));
  return response;
}

async function stream(
  { body }: Response,
  file: OpenedFile,
  { onProgress }: DownloadOptions,
): Promise<number> {
  let bytes = 0;
  // Not every browser can iterate over a stream.
  const reader = body?.getReader();
  if (reader === undefined) return bytes;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw failure('broken-off');
    });
    if (done) return bytes;
    await write(file, value);
    bytes += value.length;
    onProgress(bytes);
  }
}

async function write(file: OpenedFile, chunk: Chunk): Promise<void> {
  try {
    await file.write(chunk);
  } catch (error) {
    throw failure(error instanceof TooLargeError ? 'too-large' : 'unwritable');
  }
}

async function runOf(id: string, options: DownloadOptions): Promise<ExportRun | null> {
  try {
    const response = await ask(`/v1/exports/runs/${id}`, options);
    const run: unknown = await response.json();
    return isRun(run) ? run : null;
  } catch {
    return null;
  }
}

function isRun(value: unknown): value is ExportRun {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['state', 'rows', 'bytes', 'credits', 'sha256'].every((field) => field in value)
  );
}

/** The name of the file that the gateway gives. */
export function fileNameOf({ headers }: Response): string {
  const [, name = 'download'] =
    /filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '') ?? [];
  return name;
}

async function problemOf(response: Response): Promise<ExportProblem> {
  const said = await saidIn(response);
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return {
    kind: kindOf(response),
    message: said?.message ?? null,
    reference: said?.reference ?? response.headers.get('x-request-id'),
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : null,
  };
}

function kindOf({ status, url }: Response): ExportProblem['kind'] {
  // The page makes no wrong request. That the first price begins after the range is one all the same.
  if (status === 400 && url.includes('/exports/focus')) return 'no-price';
  return KINDS.get(status) ?? 'failed';
}

const KINDS: ReadonlyMap<number, ExportProblem['kind']> = new Map([
  [401, 'refused'],
  [409, 'no-price'],
  [413, 'too-much'],
  [429, 'wait'],
  [503, 'wait'],
]);

/** What the gateway said; null when somebody else answered. */
async function saidIn(response: Response): Promise<GatewayError | null> {
  try {
    const { errors } = (await response.json()) as { readonly errors: readonly unknown[] };
    return errorOf(errors);
  } catch {
    return null;
  }
}
