// The HTTP server on a small schema of its own: what it does must not hang on what is asked.

import { EventEmitter, on } from 'node:events';
import {
  buildSchema,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  Kind,
  type ValueNode,
} from 'graphql';
import type { FastifyInstance } from 'fastify';
import supertest from 'supertest';
import { NotFoundError, UserInputError } from '../../src/core/errors.ts';
import type { Actor } from '../../src/core/identity.ts';
import type { LiveDeps } from '../../src/http/live.ts';
import { HTTP_DEFAULTS, type HttpOptions } from '../../src/http/options.ts';
import type { Points } from '../../src/http/rates.ts';
import { createHttpServer, type HttpServerDeps } from '../../src/http/server.ts';

export const SMALL_SERVER_KEY = 'a-key-of-the-tests';

const FREE = {
  requireSome: () => Promise.resolve(),
  charge: () => Promise.resolve(),
};

export interface SmallServerOptions extends Partial<
  Pick<HttpServerDeps, 'authenticate' | 'pages' | 'isTokenOrigin' | 'demoToken'>
> {
  /** Takes the points of operations; nothing else takes any. */
  readonly takePoints?: Points['take'];
  readonly http?: Partial<HttpOptions>;
  /** Takes subscriptions. */
  readonly live?: Partial<LiveDeps>;
}

export interface SmallServer {
  readonly server: FastifyInstance;
  readonly http: ReturnType<typeof supertest>;
  readonly schema: GraphQLSchema;
  /** How often the context of a request was let go. */
  disposed: number;
  isReady: boolean;
  /** Lets `{ slow }` answer. */
  release(): void;
  /** How many subscriptions wait for an event. */
  waiting(): number;
  /** The lines of the log. */
  logged(): Record<string, unknown>[];
  ask(query: string, variables?: unknown): supertest.Test;
}

/** Opens a server that listens on a free port. Close it with `server.close()`. */
export async function startSmallServer({
  http: set,
  live,
  takePoints,
  ...deps
}: SmallServerOptions = {}): Promise<SmallServer> {
  const log: string[] = [];
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const events = new EventEmitter().setMaxListeners(0);
  const schema = smallSchema(held, events);
  const state = { disposed: 0, isReady: true };
  const server = await createHttpServer({
    authenticate: (secret) =>
      Promise.resolve(
        secret === SMALL_SERVER_KEY
          ? { name: 'key:1', keyId: 1, accountId: null, scopes: new Set() }
          : null,
      ),
    // No answer hangs on how busy the machine is.
    overload: { loopDelayMs: () => 0 },
    ...deps,
    ...(takePoints === undefined ? {} : { points: { ...FREE, take: takePoints } }),
    options: { ...HTTP_DEFAULTS, ...set },
    schema,
    ...(live === undefined
      ? {}
      : {
          live: {
            createContext: () => ({ dispose: () => Promise.resolve() }),
            findEnded: () => Promise.resolve(new Set<Actor>()),
            ...live,
          },
        }),
    createContext: () => ({
      dispose: () => {
        state.disposed += 1;
        return Promise.resolve();
      },
    }),
    isReady: () => Promise.resolve(state.isReady),
    logDestination: { write: (line) => log.push(line) },
    extraRoutes: (app) => {
      app.post('/echo', (request) => ({ length: JSON.stringify(request.body).length }));
      app.get('/broken', () => {
        throw new Error('select * from secret_table');
      });
    },
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const http = supertest(server.server);
  return Object.assign(state, {
    server,
    http,
    schema,
    release,
    waiting: () => events.listenerCount('event'),
    logged: () => log.map((line) => JSON.parse(line) as Record<string, unknown>),
    ask: (query: string, variables?: unknown) =>
      http
        .post('/graphql')
        .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
        .send({ query, variables }),
  });
}

function smallSchema(held: Promise<void>, events: EventEmitter): GraphQLSchema {
  const schema = buildSchema(/* GraphQL */ `
    scalar Even
    input Part {
      amount: Even
    }
    input Item {
      amount: Even
      parts: [Part!]
    }
    type Query {
      hello(name: String! = "you"): String!
      sum(items: [Item!], label: String): Int
      missing: String
      broken: String
      nothing: String!
      databaseDown(kind: String!): String
      slow: String
    }
    type Subscription {
      nothing: String
    }
  `);
  Object.assign(schema.getType('Even') ?? {}, {
    parseValue: even,
    parseLiteral: (node: ValueNode) => even(node.kind === Kind.INT ? Number(node.value) : null),
  });
  // Waits for an event that never comes.
  const subscribe = (): AsyncIterable<unknown> => on(events, 'event');
  Object.assign(schema.getSubscriptionType()?.getFields()['nothing'] ?? {}, { subscribe });
  const fields = schema.getQueryType()?.getFields() ?? {};
  for (const [name, resolve] of Object.entries(resolvers(held))) {
    Object.assign(fields[name] ?? {}, { resolve });
  }
  return schema;
}

function even(value: unknown): number {
  if (typeof value === 'number' && value % 2 === 0) return value;
  throw new UserInputError('An even number is expected.');
}

function resolvers(
  held: Promise<void>,
): Readonly<Record<string, GraphQLFieldResolver<unknown, unknown, Record<string, string>>>> {
  return {
    hello: (_root, { name }) => `Hello, ${String(name)}.`,
    sum: () => 4,
    missing: () => {
      throw new NotFoundError('Nothing was found under the id "x".', { path: ['input', 3, 'id'] });
    },
    broken: () => {
      throw new Error('relation "secret_table" does not exist');
    },
    nothing: () => null,
    databaseDown: (_root, { kind }) => {
      const driverError = Object.assign(new Error(`driver says ${String(kind)}`), { code: kind });
      throw Object.assign(new Error('QueryFailedError'), { driverError });
    },
    slow: async () => {
      await held;
      return 'done';
    },
  };
}
