// Apollo Server with the gateway's settings. Nothing here depends on NODE_ENV: a server that was started without it must not
// show stacks or accept batches either.

import { isDeepStrictEqual } from 'node:util';
import {
  ApolloServer,
  type ApolloServerOptions,
  type ApolloServerPlugin,
  type HTTPGraphQLHead,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger } from 'fastify';
import type { FormattedExecutionResult, GraphQLSchema } from 'graphql';
import { errorCodes, invariant } from '../core/errors.ts';
import type { Documents } from '../graphql/documents.ts';
import { errorFormatter } from '../graphql/format-errors.ts';
import { printAnswer } from '../graphql/written-rows.ts';
import { type GraphQLContext, servedRequest } from './graphql-context.ts';
import { jitGateway } from './jit-gateway.ts';
import { faultListener } from './logging.ts';
import type { Operations } from './operations.ts';
import { factsOfErrors } from './request-state.ts';

type PersistedQueryOptions = Exclude<
  NonNullable<ApolloServerOptions<GraphQLContext>['persistedQueries']>,
  false
>;
type DocumentStore = NonNullable<ApolloServerOptions<GraphQLContext>['documentStore']>;
type SingleResult = Pick<FormattedExecutionResult, 'data' | 'errors'>;
type TextStore = NonNullable<PersistedQueryOptions['cache']>;

const SHA256_HEX_LENGTH = 64;

export interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly operations: Operations;
  readonly log: FastifyBaseLogger;
}

/** A started Apollo Server without an HTTP server. */
export async function startGraphQLServer({
  schema,
  documents,
  operations,
  log,
}: GraphQLServerOptions): Promise<ApolloServer<GraphQLContext>> {
  const apollo = new ApolloServer<GraphQLContext>({
    gateway: jitGateway(schema, operations),
    plugins: [
      judgementPlugin(),
      answerPlugin(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
    ],
    logger: log,
    // Every caller has a key, and every key may read the schema.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: documents.runsTrustedOnly ? { cache: textsOf(documents) } : false,
    cache: 'bounded',
    documentStore: storeOf(documents),
    stopOnTerminationSignals: false,
    formatError: errorFormatter(faultListener(log)),
    stringifyResult: printAnswer,
  });
  await apollo.start();
  return apollo;
}

// Apollo takes every document from here: what it does not find was refused before Apollo saw it.
function storeOf(documents: Documents): DocumentStore {
  return {
    get: (key) => Promise.resolve(documents.find(key.slice(-SHA256_HEX_LENGTH))),
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(),
  };
}

// Apollo asks here for the text of a document that a request names by its hash.
function textsOf(documents: Documents): TextStore {
  return {
    get: (key) => Promise.resolve(documents.findTrusted(key.slice(-SHA256_HEX_LENGTH))),
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(),
  };
}

function judgementPlugin(): ApolloServerPlugin<GraphQLContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        // Apollo reads a request by itself. What it would run and our reader did not see was never judged.
        didResolveSource: ({ contextValue, source, request }) => {
          const read = contextValue[servedRequest]?.judged?.read;
          invariant(
            read?.text === source &&
              read.operationName === (request.operationName ?? null) &&
              isDeepStrictEqual(read.variables, request.variables ?? {}),
            'every operation was judged as it is run',
          );
          return Promise.resolve();
        },
      }),
  };
}

// An answer says what it cost, and its request what came of it.
function answerPlugin(): ApolloServerPlugin<GraphQLContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ contextValue, response: { body, http } }) => {
          const request = contextValue[servedRequest];
          if (body.kind !== 'single' || request === undefined) return Promise.resolve();
          const { singleResult } = body;
          const { errors = [] } = singleResult;
          const { operation = { type: 'none', name: null } } = request.facts ?? {};
          request.facts = { operation, ...factsOfErrors(errors) };
          if (request.judged !== null) {
            singleResult.extensions = { ...singleResult.extensions, cost: request.judged.cost };
          }
          showRefusal(singleResult, http);
          return Promise.resolve();
        },
      }),
  };
}

// A resolver refuses a call that brings too much, or that waited too long for others. Where there is no data besides, the status says
// so too, as everywhere.
function showRefusal({ data, errors }: SingleResult, http: HTTPGraphQLHead): void {
  const { code, retryAfterSeconds } = errors?.[0]?.extensions ?? {};
  if (data != null || typeof retryAfterSeconds !== 'number') return;
  if (code !== 'RATE_LIMITED' && code !== 'UNAVAILABLE') return;
  http.status = errorCodes[code];
  http.headers.set('retry-after', String(retryAfterSeconds));
}
