// A server of rows that hold whatever a test puts into them, to ask it the short way and the whole way to the same answers.

import {
  buildSchema,
  GraphQLEnumType,
  GraphQLInterfaceType,
  GraphQLObjectType,
  GraphQLScalarType,
  type GraphQLSchema,
  GraphQLUnionType,
} from 'graphql';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { NotFoundError } from '../../src/core/errors.ts';
import { AT_ONCE } from '../../src/graphql/field-extensions.ts';
import { HTTP_DEFAULTS } from '../../src/http/options.ts';
import type { Points } from '../../src/http/rates.ts';
import { createHttpServer, type HttpServerDeps } from '../../src/http/server.ts';

export const ROWS_KEY = 'a-key-of-the-tests';

const SDL = /* GraphQL */ `
  "Of bigint; throws at anything else."
  scalar Big
  "Of a Date; throws at none, and at one that is no day."
  scalar Day
  "Whatever it is."
  scalar Any
  enum Colour {
    RED
    GREEN
  }
  interface Named {
    id: ID!
    name: String
  }
  type Leaf implements Named {
    id: ID!
    name: String
    size: Int!
    share: Float
    isNew: Boolean
    big: Big
    day: Day
    any: Any
    tags: [String!]
    grid: [[Int]!]
    colour: Colour
    atOnce: String
  }
  type Branch implements Named {
    id: ID!
    name: String
    leaves: [Leaf!]
    first: Leaf
    thing: Thing
    others: [Named]
  }
  union Thing = Leaf | Branch
  type Page {
    branches: [Branch!]
    leaves: [Leaf!]!
    named: [Named]
    things: [Thing!]
    total: Int!
    count: Int
    fails: String
  }
  type Query {
    page(n: Int = 2, label: String): Page
    pages: [Page!]
    fails: String
    failsWhole: String!
  }
  type Mutation {
    write(n: Int = 2, label: String): Page
    slowly: Int
    fails: String
  }
`;

/** What the server answers from. */
export interface Rows {
  /** The root of `page` and, several times, of `pages`. */
  page: unknown;
  /** How many mutations were run. */
  writes?: number;
}

/** The schema, over rows that may be changed. */
export function rowsSchema(rows: Rows): GraphQLSchema {
  const schema = buildSchema(SDL);
  const scalar = (name: string, serialize: (value: unknown) => unknown): void => {
    const type = schema.getType(name);
    if (type instanceof GraphQLScalarType) type.serialize = serialize;
  };
  scalar('Big', (value) => {
    if (typeof value !== 'bigint') throw new TypeError('no bigint');
    return value.toString();
  });
  scalar('Day', (value) => (value as Date).toISOString());
  scalar('Any', (value) => value);
  const colour = schema.getType('Colour');
  if (!(colour instanceof GraphQLEnumType)) throw new Error('no Colour');
  for (const type of Object.values(schema.getTypeMap())) {
    if (type instanceof GraphQLInterfaceType || type instanceof GraphQLUnionType) {
      type.resolveType = (value: { readonly kind: string }) => value.kind;
    }
  }
  const fail = (): never => {
    throw new NotFoundError('Nothing was found under the id "x".', { path: ['id'] });
  };
  resolve(schema, 'Query', {
    page: () => rows.page,
    pages: () => Promise.resolve([rows.page, rows.page]),
    fails: fail,
    failsWhole: fail,
  });
  resolve(schema, 'Mutation', {
    write: () => {
      rows.writes = (rows.writes ?? 0) + 1;
      return rows.page;
    },
    // The first of two that follow one another answers last, unless one waits for the other.
    slowly: async () => {
      const begun = (rows.writes ?? 0) + 1;
      rows.writes = begun;
      await new Promise(setImmediate);
      return begun * 10 + (rows.writes ?? 0);
    },
    fails: fail,
  });
  resolve(schema, 'Page', {
    count: () => Promise.resolve(7),
    fails: () => Promise.resolve().then(fail),
  });
  resolve(schema, 'Leaf', { atOnce: (leaf) => (leaf as { readonly atOnce: unknown }).atOnce });
  const leaf = schema.getType('Leaf');
  if (!(leaf instanceof GraphQLObjectType)) throw new Error('no Leaf');
  Object.assign(leaf.getFields()['atOnce'] ?? {}, { extensions: AT_ONCE });
  return schema;
}

/** Gives fields of a type their resolvers. */
export function resolve(
  schema: GraphQLSchema,
  typeName: string,
  resolvers: Readonly<Record<string, (source: unknown) => unknown>>,
): void {
  const type = schema.getType(typeName);
  if (!(type instanceof GraphQLObjectType)) throw new Error(`no ${typeName}`);
  for (const [name, resolver] of Object.entries(resolvers)) {
    Object.assign(type.getFields()[name] ?? {}, { resolve: resolver });
  }
}

/** An answer, without what no two answers share. */
export interface RowsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface RowsServer {
  readonly schema: GraphQLSchema;
  /** How many contexts were made, and let go. */
  readonly contexts: { made: number; disposed: number };
  send(body: unknown, headers?: Readonly<Record<string, string>>): Promise<RowsAnswer>;
  /** The faults in the log so far, and the lines of requests. */
  logged(): Record<string, unknown>[];
  metrics: () => Promise<string>;
  close(): Promise<void>;
}

/** Starts a server over rows. */
export async function startRowsServer(
  rows: Rows,
  { points, ...deps }: Partial<HttpServerDeps> & { readonly points?: Points } = {},
): Promise<RowsServer> {
  const log: string[] = [];
  const schema = rowsSchema(rows);
  const contexts = { made: 0, disposed: 0 };
  const server = await createHttpServer({
    authenticate: () =>
      Promise.resolve({ name: 'key:1', keyId: 1, accountId: null, scopes: new Set() }),
    overload: { loopDelayMs: () => 0 },
    schema,
    createContext: () => {
      contexts.made += 1;
      return {
        dispose: () => {
          contexts.disposed += 1;
          return Promise.resolve();
        },
      };
    },
    isReady: () => Promise.resolve(true),
    logDestination: { write: (line) => log.push(line) },
    extraRoutes: () => undefined,
    ...(points === undefined ? {} : { points }),
    ...deps,
    options: { ...HTTP_DEFAULTS, ...deps.options },
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = server.server.address() as AddressInfo;
  const pool = new Pool(`http://127.0.0.1:${port}`);
  return {
    schema,
    contexts,
    send: async (body, headers = {}) => {
      const {
        statusCode,
        headers: sent,
        body: answer,
      } = await pool.request({
        path: '/graphql',
        method: 'POST',
        headers: {
          authorization: `Bearer ${ROWS_KEY}`,
          'content-type': 'application/json',
          'x-request-id': 'r-1',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = withoutReferences(await answer.text());
      return { status: statusCode, headers: { ...sent, date: undefined }, text };
    },
    metrics: async () => (await pool.request({ path: '/metrics', method: 'GET' })).body.text(),
    close: async () => {
      await pool.close();
      await server.close();
    },
    logged: () => log.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

// Each fault has a reference of its own.
function withoutReferences(text: string): string {
  return text.replaceAll(/[0-9a-f-]{36}/g, 'reference');
}
