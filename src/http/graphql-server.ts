// Apollo Server with the gateway's settings. Nothing here depends on NODE_ENV: a server that was started without it must not
// show stacks or accept batches either.

import { isDeepStrictEqual } from 'node:util';
import {
  ApolloServer,
  type ApolloServerOptions,
  type ApolloServerPlugin,
  type BaseContext,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger } from 'fastify';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import { errorCodes, invariant } from '../core/errors.ts';
import type { Documents, ReadDocument } from '../graphql/documents.ts';
import { errorFormatter } from '../graphql/format-errors.ts';
import { jitGateway } from './jit-gateway.ts';
import type { OperationFacts } from './logging.ts';
import type { OperationCost } from './rates.ts';

type PersistedQueryOptions = Exclude<
  NonNullable<ApolloServerOptions<GraphQLContext>['persistedQueries']>,
  false
>;
type DocumentStore = NonNullable<ApolloServerOptions<GraphQLContext>['documentStore']>;
type TextStore = NonNullable<PersistedQueryOptions['cache']>;

const SHA256_HEX_LENGTH = 64;

export interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly log: FastifyBaseLogger;
  readonly plugins: readonly ApolloServerPlugin[];
}

/** The key of a context's callback that receives its operation when the answer is complete. */
export const onAnswered = Symbol('onAnswered');
/** The key under which a context has its operation as it was judged and paid for. */
export const judgedOperation = Symbol('judgedOperation');

/** An operation as our reader saw it. */
export interface JudgedOperation extends ReadDocument {
  readonly price: OperationCost;
}

// Apollo copies the context, so everything of one request is in this one member.
export interface GraphQLContext extends BaseContext {
  [onAnswered]?: (facts: OperationFacts) => void;
  [judgedOperation]?: JudgedOperation;
}

/** A started Apollo Server without an HTTP server. */
export async function startGraphQLServer({
  schema,
  documents,
  log,
  plugins,
}: GraphQLServerOptions): Promise<ApolloServer<GraphQLContext>> {
  const apollo = new ApolloServer<GraphQLContext>({
    gateway: jitGateway(schema),
    plugins: [
      ...plugins,
      factsPlugin(),
      judgementPlugin(),
      refusalPlugin(),
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
    formatError: errorFormatter((error, reference) => {
      log.error({ err: error, reference }, 'fault');
    }),
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
          const judged = contextValue[judgedOperation];
          invariant(
            judged?.text === source &&
              judged.operationName === (request.operationName ?? null) &&
              isDeepStrictEqual(judged.variables, request.variables ?? {}),
            'every operation was judged as it is run',
          );
          return Promise.resolve();
        },
        willSendResponse: ({ contextValue, response: { body } }) => {
          const cost = contextValue[judgedOperation]?.price;
          if (body.kind === 'single' && cost !== undefined) {
            body.singleResult.extensions = { ...body.singleResult.extensions, cost };
          }
          return Promise.resolve();
        },
      }),
  };
}

// A call that brings too much is refused by a resolver. Where there is no data besides, the status says so too, as everywhere.
function refusalPlugin(): ApolloServerPlugin<GraphQLContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ response: { body, http } }) => {
          if (body.kind !== 'single' || body.singleResult.data != null) return Promise.resolve();
          const [extensions] = (body.singleResult.errors ?? []).map((error) => error.extensions);
          if (extensions?.['code'] === 'RATE_LIMITED') {
            http.status = errorCodes.RATE_LIMITED;
            http.headers.set('retry-after', String(extensions['retryAfterSeconds']));
          }
          return Promise.resolve();
        },
      }),
  };
}

function factsPlugin(): ApolloServerPlugin<GraphQLContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ contextValue, operation, operationName, response }) => {
          const { body } = response;
          const errors = body.kind === 'single' ? (body.singleResult.errors ?? []) : [];
          const type = operation?.operation ?? 'none';
          contextValue[onAnswered]?.({
            operation: [type, operationName ?? ''].join(' ').trim().slice(0, 100),
            errorCodes: [...new Set(extensionsOf(errors, 'code'))],
            references: extensionsOf(errors, 'reference'),
          });
          return Promise.resolve();
        },
      }),
  };
}

function extensionsOf(errors: readonly GraphQLFormattedError[], name: string): readonly string[] {
  return errors
    .map((error) => error.extensions?.[name])
    .filter((value): value is string => typeof value === 'string');
}
