// The HTTP server on a small schema of its own: what it does must not hang on what is asked.

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { FastifyInstance } from 'fastify';
import { getIntrospectionQuery, graphql, GraphQLScalarType, Kind } from 'graphql';
import supertest from 'supertest';
import { NotFoundError, UserInputError } from '../../src/core/errors.ts';
import { errorFormatter } from '../../src/graphql/guard.ts';
import { createHttpServer, GRAPHQL_BODY_BYTES_MAX } from '../../src/http/server.ts';

const KEY = 'a-key-of-the-tests';
const MIB = 1024 * 1024;

let server: FastifyInstance;
let http: ReturnType<typeof supertest>;
let log: string[];
let isReady: boolean;
let disposed: number;
let release: () => void;
let held: Promise<void>;

const even = (value: unknown): number => {
  if (typeof value === 'number' && value % 2 === 0) return value;
  throw new UserInputError('An even number is expected.');
};

const schema = makeExecutableSchema({
  typeDefs: /* GraphQL */ `
    scalar Even
    input Item {
      amount: Even
      items: [Item!]
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
  `,
  resolvers: {
    Even: new GraphQLScalarType({
      name: 'Even',
      parseValue: even,
      parseLiteral: (node) => even(node.kind === Kind.INT ? Number(node.value) : null),
    }),
    Query: {
      hello: (_root: unknown, { name }: { name: string }) => `Hello, ${name}.`,
      sum: () => 4,
      missing: () => {
        throw new NotFoundError('Nothing was found under the id "x".', {
          path: ['input', 3, 'id'],
        });
      },
      broken: () => {
        throw new Error('relation "secret_table" does not exist');
      },
      nothing: () => null,
      databaseDown: (_root: unknown, { kind }: { kind: string }) => {
        const driverError = Object.assign(new Error(`driver says ${kind}`), { code: kind });
        throw Object.assign(new Error('QueryFailedError'), { driverError });
      },
      slow: async () => {
        await held;
        return 'done';
      },
    },
  },
});

beforeEach(async () => {
  log = [];
  isReady = true;
  disposed = 0;
  held = new Promise((resolve) => {
    release = resolve;
  });
  server = await createHttpServer({
    schema,
    authenticate: (authorization) =>
      Promise.resolve(
        authorization === `Bearer ${KEY}` ? { keyId: 1, accountId: null, scopes: new Set() } : null,
      ),
    createContext: () => ({
      dispose: () => {
        disposed += 1;
        return Promise.resolve();
      },
    }),
    isReady: () => Promise.resolve(isReady),
    logLevel: 'info',
    logDestination: { write: (line) => log.push(line) },
    extraRoutes: (app) => {
      app.post('/echo', (request) => ({ length: JSON.stringify(request.body).length }));
      app.get('/broken', () => {
        throw new Error('select * from secret_table');
      });
    },
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  http = supertest(server.server);
});

afterEach(async () => {
  release();
  await server.close();
});

function ask(query: string, variables?: unknown): ReturnType<typeof http.post> {
  return http
    .post('/graphql')
    .set('authorization', `Bearer ${KEY}`)
    .send({ query, variables } as object);
}

function logged(): Record<string, unknown>[] {
  return log.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the key', () => {
  it('is asked for before anything is parsed', async () => {
    const answer = await http
      .post('/graphql')
      .set('content-type', 'application/json')
      .send('{ this is no JSON');

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.body).toEqual({
      errors: [
        {
          message: expect.stringContaining('Authorization: Bearer'),
          extensions: { code: 'UNAUTHENTICATED' },
        },
      ],
    });
  });

  it('never stands in the log', async () => {
    await ask('{ hello }');
    await http.post('/graphql').set('authorization', 'Bearer a-wrong-key').send({ query: '{ a }' });
    await server.close();

    expect(log.join('')).not.toContain(KEY);
    expect(log.join('')).not.toContain('a-wrong-key');
  });
});

describe('a query', () => {
  it('is answered, and its context let go', async () => {
    const answer = await ask('query Greet($name: String!) { hello(name: $name) }', { name: 'Ada' });

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ data: { hello: 'Hello, Ada.' } });
    expect(disposed).toBe(1);
  });

  it('is compiled for each operation of its document', async () => {
    const query = 'query A { hello } query B { sum }';
    const send = (operationName: string): ReturnType<typeof http.post> =>
      http.post('/graphql').set('authorization', `Bearer ${KEY}`).send({ query, operationName });

    const answers = [await send('A'), await send('B'), await send('A')];

    expect(answers.map((answer) => answer.body as unknown)).toEqual([
      { data: { hello: 'Hello, you.' } },
      { data: { sum: 4 } },
      { data: { hello: 'Hello, you.' } },
    ]);
  });

  it('may read the schema', async () => {
    const answer = await ask(getIntrospectionQuery());

    expect(answer.body).toMatchObject({ data: { __schema: { queryType: { name: 'Query' } } } });
  });

  it.each([
    ['syntax', '{ hello', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ hallo }', 'GRAPHQL_VALIDATION_FAILED'],
    ['too many tokens', `{ ${'hello '.repeat(20_000)} }`, 'GRAPHQL_PARSE_FAILED'],
  ])('with %s is refused in the words of graphql-js', async (_what, query, code) => {
    const answer = await ask(query);

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ extensions: { code } }] });
    expect(JSON.stringify(answer.body)).not.toMatch(/stacktrace|Did you mean/);
  });

  it('is not taken in batches, nor where another site could send it', async () => {
    const batch = await http
      .post('/graphql')
      .set('authorization', `Bearer ${KEY}`)
      .send([{ query: '{ hello }' }]);
    const simple = await http
      .post('/graphql')
      .set('authorization', `Bearer ${KEY}`)
      .set('content-type', 'text/plain')
      .send('{"query":"{ hello }"}');
    const link = await http.get('/graphql?query={hello}').set('authorization', `Bearer ${KEY}`);

    expect([batch.status, simple.status, link.status]).toEqual([400, 400, 400]);
  });
});

describe('an error of a resolver', () => {
  it('of ours is told with its code and argument path', async () => {
    const answer = await ask('{ missing }');

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      data: { missing: null },
      errors: [
        {
          message: 'Nothing was found under the id "x".',
          path: ['missing'],
          extensions: { code: 'NOT_FOUND', path: ['input', 3, 'id'] },
        },
      ],
    });
  });

  it('of any other kind is a reference, under which the log has it', async () => {
    const answer = await ask('{ broken }');

    const [error] = (answer.body as { errors: { message: string; extensions: object }[] }).errors;
    const fault = logged().find((line) => line['msg'] === 'fault');
    expect(error?.message).toBe(
      `Something went wrong on our side; quote reference ${String(fault?.['reference'])}.`,
    );
    expect(error?.extensions).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
      reference: fault?.['reference'],
    });
    expect(answer.text).not.toContain('secret_table');
    expect(JSON.stringify(fault)).toContain('secret_table');
  });

  it('is ours, not the caller`s, when an answer is null where none may be', async () => {
    const answer = await ask('{ nothing }');

    expect(answer.body).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });

  it.each(['ECONNREFUSED', '57P01', '57P03', '53300', '08006', '40001', '40P01', '55P03', '57014'])(
    'of the database (%s) asks to try again',
    async (kind) => {
      const answer = await ask('query ($kind: String!) { databaseDown(kind: $kind) }', { kind });

      expect(answer.body).toMatchObject({
        errors: [
          {
            message: expect.stringMatching(/please try again\.$/),
            extensions: { code: 'UNAVAILABLE' },
          },
        ],
      });
      expect(answer.text).not.toContain('driver says');
    },
  );

  it('of a statement is a fault of ours', async () => {
    const answer = await ask('{ databaseDown(kind: "42P01") }');

    expect(answer.body).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });
});

describe('a refused value', () => {
  const nested = { items: [{ amount: 2 }, { items: [{ amount: 3 }] }] };
  const path = ['items', 1, 'items', 0, 'amount'];

  it.each([
    ['a variable', 'query ($items: [Item!]) { sum(items: $items) }', nested],
    ['a variable of another name', 'query ($x: [Item!]) { sum(items: $x) }', { x: nested.items }],
    [
      'a variable within a literal',
      'query ($x: [Item!]) { sum(items: [{ amount: 2 }, { items: $x }]) }',
      { x: [{ amount: 3 }] },
    ],
    ['a literal', '{ sum(items: [{ amount: 2 }, { items: [{ amount: 3 }] }]) }', undefined],
  ])('as %s is told with its path, alike by both executors', async (_how, query, variables) => {
    const expected = {
      message: 'items[1].items[0].amount: An even number is expected.',
      extensions: { code: 'BAD_USER_INPUT', path },
    };

    const answer = await ask(query, variables);
    const plain = await graphql({ schema, source: query, variableValues: variables ?? null });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [expected] });
    const format = errorFormatter(() => undefined);
    expect(plain.errors?.map((error) => format(error.toJSON(), error))).toMatchObject([expected]);
  });

  it.each([
    ['of the wrong type', { items: [{ amount: 2 }, 'text'] }, ['items', 1]],
    ['of an unknown field', { items: [{ amounts: 2 }] }, ['items', 0]],
    ['that reads like a place', { items: ['" at "items[7]"; ', { amount: 2 }] }, ['items', 0]],
  ])('%s is BAD_USER_INPUT with its path', async (_what, variables, place) => {
    const answer = await ask('query ($items: [Item!]) { sum(items: $items) }', variables);

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', path: place } }],
    });
  });

  it('that is missing is BAD_USER_INPUT', async () => {
    const required = await ask('query ($name: String!) { hello(name: $name) }');
    const explicit = await ask('query ($name: String) { hello(name: $name) }', { name: null });

    expect(required.body).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(explicit.body).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });

  it('does not fill the answer with errors, however many there are', async () => {
    const items = Array.from({ length: 5_000 }, () => ({ amount: 3 }));

    const answer = await ask('query ($items: [Item!]) { sum(items: $items) }', { items });

    expect((answer.body as { errors: unknown[] }).errors).toHaveLength(51);
    expect(answer.text).not.toContain('INTERNAL_SERVER_ERROR');
  });
});

describe('a request', () => {
  it('keeps the id that it came with when that is short and plain', async () => {
    const kept = await http.get('/health/live').set('x-request-id', 'job-7:retry.2');
    const replaced = await http.get('/health/live').set('x-request-id', 'a b"c');

    expect(kept.headers['x-request-id']).toBe('job-7:retry.2');
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is one line of the log', async () => {
    await ask('query Greet { hello missing }').set('x-request-id', 'r-1');
    await server.close();

    const lines = logged().filter((line) => line['requestId'] === 'r-1');
    expect(lines).toEqual([
      expect.objectContaining({
        method: 'POST',
        path: '/graphql',
        status: 200,
        durationMs: expect.any(Number),
        operation: 'query Greet',
        errorCodes: ['NOT_FOUND'],
      }),
    ]);
  });

  it('of 16 MiB is taken at /graphql, one byte more is not', async () => {
    const [head, tail] = ['{"query":"{ hello }","extensions":{"pad":"', '"}}'];
    const body = (bytes: number): string =>
      head + 'x'.repeat(bytes - head.length - tail.length) + tail;
    const send = (bytes: number): ReturnType<typeof http.post> =>
      http
        .post('/graphql')
        .set('authorization', `Bearer ${KEY}`)
        .set('content-type', 'application/json')
        .send(body(bytes));

    const fits = await send(GRAPHQL_BODY_BYTES_MAX);
    const tooLarge = await send(GRAPHQL_BODY_BYTES_MAX + 1);

    expect(fits.status).toBe(200);
    expect(tooLarge.status).toBe(413);
    expect(tooLarge.body).toEqual({
      errors: [
        {
          message: 'The body is larger than 16 MiB, the most that is taken here.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    });
  });

  it('of 1 MiB is taken elsewhere, one byte more is not', async () => {
    const body = (bytes: number): string => `"${'x'.repeat(bytes - 2)}"`;
    const send = (bytes: number): ReturnType<typeof http.post> =>
      http.post('/echo').set('content-type', 'application/json').send(body(bytes));

    const fits = await send(MIB);
    const tooLarge = await send(MIB + 1);

    expect(fits.body).toEqual({ length: MIB });
    expect(tooLarge.status).toBe(413);
    expect(tooLarge.text).toContain('1 MiB');
  });

  it('that no route takes, or of another content type, is answered in the form of GraphQL', async () => {
    const nowhere = await http.get('/nowhere?token=x');
    const form = await http.post('/echo').type('form').send({ a: 1 });
    const noJson = await http.post('/echo').set('content-type', 'application/json').send('{');
    const fault = await http.get('/broken');

    expect([nowhere.status, form.status, noJson.status, fault.status]).toEqual([
      404, 415, 400, 500,
    ]);
    expect(nowhere.body).toMatchObject({
      errors: [{ message: 'There is nothing at GET /nowhere.', extensions: { code: 'NOT_FOUND' } }],
    });
    expect(noJson.body).toMatchObject({ errors: [{ message: 'The body is not valid JSON.' }] });
    expect(fault.body).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    expect(fault.text).not.toContain('secret_table');
  });

  it('under way is finished when the server closes, and no new one is accepted', async () => {
    const { port } = server.server.address() as { port: number };
    const answer = ask('{ slow }').then(({ body }) => body as unknown);
    while (logged().length < 1) await delay(5);
    await delay(50);

    const closed = server.close();
    await delay(50);
    const late = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => 'refused');
    release();
    await closed;

    expect(late).toBe('refused');
    expect(await answer).toEqual({ data: { slow: 'done' } });
  });
});

describe('what runs the gateway', () => {
  it('learns whether it runs and whether it can answer', async () => {
    const ready = await http.get('/health/ready');
    isReady = false;
    const unready = await http.get('/health/ready');
    const live = await http.get('/health/live');

    expect([ready.status, unready.status, live.status]).toEqual([200, 503, 200]);
  });

  it('gets measurements by route, operation type and error code', async () => {
    await ask('query Greet { hello }');
    await ask('{ missing }');
    await http.get('/nowhere/1');

    const { text } = await http.get('/metrics');

    expect(text).toContain(
      'http_request_duration_seconds_count{method="POST",route="/graphql",status="200"} 2',
    );
    expect(text).toContain('graphql_operation_duration_seconds_count{type="query",code="OK"} 1');
    expect(text).toContain(
      'graphql_operation_duration_seconds_count{type="query",code="NOT_FOUND"} 1',
    );
    expect(text).toContain('process_cpu_user_seconds_total');
    expect(text).not.toContain('nowhere');
    expect(text).not.toContain('Greet');
  });
});

describe('the pages', () => {
  it.each(['/', '/graphiql'])('%s ask nobody but this server', async (url) => {
    const { headers, text } = await http.get(url);

    const policy = String(headers['content-security-policy']);
    expect(policy).toContain(`default-src 'none'`);
    expect(policy).toContain(`connect-src 'self'`);
    expect(policy).not.toContain('http');
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('bring the explorer`s files along', async () => {
    const { text } = await http.get('/graphiql');
    const files = [...text.matchAll(/(?:src|href)="(\/graphiql\/[^"]+)"/g)].map(([, url]) => url);

    const answers = await Promise.all(files.map((url) => http.get(url ?? '')));

    expect(files).toHaveLength(4);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    const again = await http
      .get('/graphiql/graphiql.js')
      .set('if-none-match', String(answers.at(-1)?.headers['etag']));
    expect(again.status).toBe(304);
  });
});
