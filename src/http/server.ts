import { ApolloServer, type BaseContext } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { LogLevel } from '../config.ts';
import { UnauthenticatedError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import { errorFormatter } from '../graphql/guard.ts';
import { jitGateway } from './jit-gateway.ts';

const MIB = 1_048_576;
const LARGE_BODY_MAX = 16 * MIB;
const TOKENS_MAX = 20_000;

export interface HttpServerDeps {
  readonly schema: GraphQLSchema;
  readonly authenticate: (authorization: string | undefined) => Promise<Actor | null>;
  readonly createContext: (actor: Actor) => BaseContext;
  readonly isReady: () => Promise<boolean>;
  readonly logLevel: LogLevel;
  readonly extraRoutes: (server: FastifyInstance) => void | Promise<void>;
}

/** A server that is ready to listen. */
export async function createHttpServer(deps: HttpServerDeps): Promise<FastifyInstance> {
  const server = fastify({ logger: deps.logLevel === 'silent' ? false : { level: deps.logLevel }, bodyLimit: LARGE_BODY_MAX });
  const apollo = new ApolloServer({
    gateway: jitGateway(deps.schema),
    plugins: [
      fastifyApolloDrainPlugin(server),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
    ],
    introspection: true,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    parseOptions: { maxTokens: TOKENS_MAX },
    stopOnTerminationSignals: false,
    formatError: errorFormatter((error) => {
      server.log.error(error);
    }),
  });
  await apollo.start();
  const actors = new WeakMap<FastifyRequest, Actor>();
  server.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    onRequest: async (request, reply) => {
      const actor = await deps.authenticate(request.headers.authorization);
      if (actor !== null) {
        actors.set(request, actor);
        return;
      }
      const { message, code } = new UnauthenticatedError();
      await reply.status(401).send({ errors: [{ message, extensions: { code } }] });
    },
    handler: fastifyApolloHandler(apollo, {
      context: (request) => {
        const actor = actors.get(request);
        if (actor === undefined) throw new UnauthenticatedError();
        return Promise.resolve(deps.createContext(actor));
      },
    }),
  });
  await deps.extraRoutes(server);
  return server;
}
