// One query or mutation: its text and variables as JSON, and its data or a GatewayError.

import { type CallOptions, type Connection, retryAfterOf } from './connection.ts';
import { type ErrorCode, errorOf, GatewayError } from './errors.ts';
import type { Operation } from './operation.ts';

/** Statuses that a gateway that is overloaded, or a proxy before it, answers with for a while. */
const PASSING_STATUS: readonly number[] = [502, 503, 504];

/**
 * Runs a query or mutation.
 * @throws GatewayError also when only a part of the answer failed: what is returned is whole
 */
export function request<TData, TVariables>(
  connection: Connection,
  operation: Operation<TData, TVariables>,
  variables: TVariables,
  options: CallOptions = {},
): Promise<TData> {
  const { name, text, kind, isRepeatable = kind === 'query' } = operation;
  return connection.call(
    '/graphql',
    {
      ...options,
      retry: options.retry ?? isRepeatable,
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ operationName: name, query: text, variables }),
    },
    (response) => dataOf<TData>(response),
  );
}

async function dataOf<TData>(response: Response): Promise<TData> {
  const text = await response.text();
  const { data, errors = [] } = answerIn(text);
  if (errors.length === 0 && data !== undefined && data !== null) return data as TData;
  throw refusalOf(response, text);
}

/** The error of an answer that is a failure: the gateway's own, or what a proxy or another address said. */
export function refusalOf(response: Response, text: string): GatewayError {
  const { errors = [] } = answerIn(text);
  if (errors.length === 0) return strangeAnswer(response, text);
  return errorOf(errors, {
    status: response.status,
    reference: response.headers.get('x-request-id') ?? undefined,
    retryAfterSeconds: retryAfterOf(response),
  });
}

/** The error of an answer that is not the gateway's own: a proxy's, or that of another address. */
export function strangeAnswer(response: Response, text: string): GatewayError {
  const { status } = response;
  const begins = text.trim().slice(0, 80);
  return new GatewayError(
    codeOfStatus(status),
    `Status ${status} without an answer of the gateway${begins === '' ? '' : `: ${begins}`}.`,
    { status, retryAfterSeconds: retryAfterOf(response) },
  );
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 429) return 'RATE_LIMITED';
  return PASSING_STATUS.includes(status) ? 'UNAVAILABLE' : 'BAD_ANSWER';
}

function answerIn(text: string): {
  readonly data?: unknown;
  readonly errors?: readonly unknown[] | undefined;
} {
  const body = parseJson(text);
  if (typeof body !== 'object' || body === null) return {};
  const { data, errors } = body as { readonly data?: unknown; readonly errors?: unknown };
  return { data, errors: Array.isArray(errors) ? errors : undefined };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
