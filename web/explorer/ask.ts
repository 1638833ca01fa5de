// How the explorer asks: queries and mutations by POST, subscriptions by Server-Sent Events, each with the key.

import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import { addCosts } from './costs.ts';
import { createClient, type RequestParams } from 'graphql-sse';

export interface AskerDeps {
  readonly key: string;
  /** Told by each answer whether the gateway takes the key. */
  readonly onKey: (isValid: boolean) => void;
}

/** What GraphiQL asks by. */
export function askerOf({ key, onKey }: AskerDeps): Fetcher {
  const headers = { authorization: `Bearer ${key}` };
  const streams = createClient({ url: '/graphql/stream', headers });
  return async (params, options) => {
    if (isSubscription(params, options?.documentAST)) {
      return streams.iterate(requestOf(params));
    }
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        ...options?.headers,
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(params),
    });
    onKey(response.status !== 401);
    const answer: unknown = await response.json();
    if (params.operationName === 'IntrospectionQuery' && response.ok) {
      await addCosts(answer, headers);
    }
    // The editor shows whatever JSON it is given.
    return isRecord(answer) ? answer : { data: null };
  };
}

function requestOf(params: FetcherParams): RequestParams {
  const variables: unknown = params.variables;
  return {
    query: params.query,
    ...(isRecord(variables) && { variables }),
    ...(params.operationName && { operationName: params.operationName }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isSubscription({ operationName }: FetcherParams, document?: DocumentNode): boolean {
  return (document?.definitions ?? []).some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.SUBSCRIPTION &&
      (!operationName || definition.name?.value === operationName),
  );
}
