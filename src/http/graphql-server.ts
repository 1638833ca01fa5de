// Apollo Server with the gateway's settings. Nothing here depends on NODE_ENV: a server that was started without it must not
// show stacks or accept batches either.

import { ApolloServer, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger } from 'fastify';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import { errorFormatter } from '../graphql/guard.ts';
import { jitGateway } from './jit-gateway.ts';
import type { OperationFacts } from './logging.ts';

/** For one operation; longer ones are not parsed. */
export const TOKENS_MAX = 20_000;

export interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly log: FastifyBaseLogger;
  readonly plugins: readonly ApolloServerPlugin[];
}

/** The key of a context's callback that receives its operation when the answer is complete. */
export const onAnswered = Symbol('onAnswered');

// Apollo copies the context, so everything of one request is in this one member.
export interface GraphQLContext extends BaseContext {
  [onAnswered]?: (facts: OperationFacts) => void;
}

/** A started Apollo Server without an HTTP server. */
export async function startGraphQLServer({
  schema,
  log,
  plugins,
}: GraphQLServerOptions): Promise<ApolloServer<GraphQLContext>> {
  const apollo = new ApolloServer<GraphQLContext>({
    gateway: jitGateway(schema),
    plugins: [
      ...plugins,
      factsPlugin(),
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
    persistedQueries: false,
    cache: 'bounded',
    parseOptions: { maxLexicalTokens: TOKENS_MAX },
    stopOnTerminationSignals: false,
    formatError: errorFormatter((error, reference) => {
      log.error({ err: error, reference }, 'fault');
    }),
  });
  await apollo.start();
  return apollo;
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
