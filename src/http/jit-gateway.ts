// Our operations as Apollo's executor: Apollo's `gateway` option lets another executor run them.

import type { ApolloServerOptionsWithGateway } from '@apollo/server';
import { type GraphQLSchema, printSchema } from 'graphql';
import { type GraphQLContext, requestOf } from './graphql-context.ts';
import type { Operations } from './operations.ts';

type Gateway = ApolloServerOptionsWithGateway<GraphQLContext>['gateway'];

/** Apollo's gateway over one local schema. */
export function jitGateway(schema: GraphQLSchema, operations: Operations): Gateway {
  return {
    load: async () => {
      await Promise.resolve();
      return {
        executor: ({ queryHash, operationName, document, context, request }) => {
          // What ran before Apollo saw it is not run again.
          const outcome = requestOf(context)?.outcome ?? null;
          if (outcome !== null) return outcome;
          const variables = request.variables ?? {};
          return operations.run(
            { hash: queryHash, name: operationName, document, variables },
            context,
          );
        },
      };
    },
    onSchemaLoadOrUpdate: (callback) => {
      callback({ apiSchema: schema, coreSupergraphSdl: printSchema(schema) });
      return () => undefined;
    },
    stop: () => Promise.resolve(),
  };
}
