// The page's GraphQL client: urql with its cache by document. A view that was seen shows at once, and is asked anew
// (docs/clients.md says why the cache is not by object).

import { type ErrorCode, errorOf, type GatewayError } from '@billing-gateway/client';
import { useMemo, useState } from 'react';
import {
  cacheExchange,
  Client,
  type CombinedError,
  type DocumentInput,
  type Exchange,
  fetchExchange,
  gql,
  makeOperation,
  mapExchange,
  useQuery,
} from 'urql';
import type { Operation } from '@billing-gateway/client/operations';

/** The documents by urql's keys, as they are written under schema/operations. */
const written = new Map<number, DocumentInput>();

/**
 * The cache adds `__typename` to documents. They are sent as they are written: so they run on a gateway of trusted documents
 * too, and a gateway compiles each once.
 */
const sendAsWritten: Exchange = mapExchange({
  onOperation(operation) {
    const { query } = operation;
    const document = '__key' in query ? written.get(Number(query.__key)) : undefined;
    if (document === undefined || typeof document === 'string') return operation;
    return makeOperation(operation.kind, { ...operation, query: document });
  },
});

export interface ClientOptions {
  readonly token: string;
  /** Called at each answer without an error. */
  readonly onTaken: () => void;
  /** Called when the gateway does not take the token. */
  readonly onRefused: () => void;
  /** Called when the token is an operator's, and the request names no account. */
  readonly onNoAccount: () => void;
}

/** A client that calls the gateway of this page with a token. */
export function createClient({ token, ...on }: ClientOptions): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      cacheExchange,
      mapExchange({
        onResult({ error }) {
          if (error === undefined) on.onTaken();
        },
        onError(error, { variables }) {
          if (isRefused(error)) on.onRefused();
          if (namesNoAccount(error, variables)) on.onNoAccount();
        },
      }),
      sendAsWritten,
      fetchExchange,
    ],
  });
}

function isRefused(error: CombinedError): boolean {
  return codesOf(error).includes('UNAUTHENTICATED') || statusOf(error) === 401;
}

/** What the gateway said; null when it did not answer. */
function saidIn(error: CombinedError): GatewayError | null {
  return error.graphQLErrors.length === 0
    ? null
    : errorOf(error.graphQLErrors, {
        reference: headerOf(error, 'x-request-id') ?? undefined,
        retryAfterSeconds: secondsOf(headerOf(error, 'retry-after')) ?? undefined,
      });
}

// Views ask for `account` without an id; only an operator, who belongs to none, is told that this is no valid input. An id that is
// none is no valid input of anybody.
function namesNoAccount(error: CombinedError, variables: unknown): boolean {
  const names = new Map(Object.entries(variables ?? {}));
  return (
    names.get('accountId') == null &&
    error.graphQLErrors.some(
      ({ path, extensions }) =>
        path?.length === 1 && path[0] === 'account' && extensions['code'] === 'BAD_USER_INPUT',
    )
  );
}

function statusOf({ response }: CombinedError): number | null {
  const status: unknown = (response as { readonly status?: unknown } | undefined)?.status;
  return typeof status === 'number' ? status : null;
}

function codesOf(error: CombinedError): readonly ErrorCode[] {
  const said = saidIn(error);
  return said === null ? [] : [said, ...said.others].map(({ code }) => code);
}

/** The document of an operation, for urql. */
export function documentOf<TData, TVariables extends object>(
  operation: Operation<TData, TVariables>,
): ReturnType<typeof gql<TData, TVariables>> {
  const document = gql<TData, TVariables>(operation.text);
  if ('__key' in document) written.set(Number(document.__key), document);
  return document;
}

/** What went wrong, in what a person can do about it. */
export interface Problem {
  readonly kind: 'offline' | 'refused' | 'not-found' | 'no-page' | 'wait' | 'archived' | 'failed';
  /** The gateway's own sentence; null when it did not answer. */
  readonly message: string | null;
  /** What an operator finds the request by. */
  readonly reference: string | null;
  readonly retryAfterSeconds: number | null;
}

/** The problem of an answer. */
export function problemOf(error: CombinedError): Problem {
  const said = saidIn(error);
  return {
    kind: kindOf(error, codesOf(error)),
    message: said?.message ?? null,
    reference: said?.reference ?? headerOf(error, 'x-request-id'),
    retryAfterSeconds: said?.retryAfterSeconds ?? secondsOf(headerOf(error, 'retry-after')),
  };
}

function kindOf(error: CombinedError, codes: readonly ErrorCode[]): Problem['kind'] {
  if (isRefused(error)) return 'refused';
  if (codes.includes('NOT_FOUND') || codes.includes('FORBIDDEN')) return 'not-found';
  if (isOfCursor(saidIn(error))) return 'no-page';
  if (codes.includes('ARCHIVED')) return 'archived';
  if (codes.includes('RATE_LIMITED') || statusOf(error) === 429) return 'wait';
  return error.networkError !== undefined && statusOf(error) === null ? 'offline' : 'failed';
}

// A cursor holds for one order, one filter and one range. An old link may name one that does not hold any more.
function isOfCursor(said: GatewayError | null): boolean {
  const errors = said === null ? [] : [said, ...said.others];
  return errors.some(({ path }) => ['after', 'before'].includes((path ?? []).join('.')));
}

function headerOf({ response }: CombinedError, name: string): string | null {
  return response instanceof Response ? response.headers.get(name) : null;
}

function secondsOf(text: string | null): number | null {
  const seconds = Number(text ?? NaN);
  return Number.isFinite(seconds) ? seconds : null;
}

/** An answer as a view shows it: what is there stays while newer figures are asked for. */
export interface Loaded<TData> {
  readonly data: TData | null;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
  /** Asks anew. */
  readonly reload: () => void;
}

/**
 * The answer of an operation. While other variables are asked for, the last answer stays, so that a view does not collapse.
 * @param pause true asks nothing
 */
export function useOperation<TData, TVariables extends object>(
  operation: Operation<TData, TVariables>,
  variables: TVariables,
  { pause = false }: { readonly pause?: boolean } = {},
): Loaded<TData> {
  const query = useMemo(() => documentOf(operation), [operation]);
  const [result, execute] = useQuery<TData, TVariables>({ query, variables, pause });
  const last = useLast(result.data ?? null);
  const isNobody = namesNobody(result.data);
  return {
    data: isNobody ? null : (result.data ?? (result.error === undefined ? last : null)),
    problem: result.error === undefined ? (isNobody ? NOBODY : null) : problemOf(result.error),
    isLoading: result.fetching || result.stale,
    reload: () => {
      execute({ requestPolicy: 'network-only' });
    },
  };
}

const NOBODY: Problem = {
  kind: 'not-found',
  message: null,
  reference: null,
  retryAfterSeconds: null,
};

// An account that there is not, or that the token does not open, is answered with null.
function namesNobody(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'account' in data && data.account === null;
}

function useLast<T>(value: T | null): T | null {
  const [last, setLast] = useState(value);
  if (value !== null && value !== last) setLast(value);
  return value ?? last;
}
