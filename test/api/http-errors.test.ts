import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { graphql } from 'graphql';
import { errorFormatter } from '../../src/graphql/format-errors.ts';
import { startSmallServer, type SmallServer } from '../support/small-server.ts';

let small: SmallServer;

beforeEach(async () => {
  small = await startSmallServer();
});

afterEach(async () => {
  small.release();
  await small.server.close();
});

describe('an error of a resolver', () => {
  it('of ours is told with its code and argument path', async () => {
    const answer = await small.ask('{ missing }');

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
    const answer = await small.ask('{ broken }');

    const [error] = (answer.body as { errors: { message: string; extensions: object }[] }).errors;
    const fault = small.logged().find((line) => line['msg'] === 'fault');
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
    const answer = await small.ask('{ nothing }');

    expect(answer.body).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });

  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'EPIPE',
    'EAI_AGAIN',
    '57P01',
    '57P02',
    '57P03',
    '57P05',
    '25P03',
    '25006',
    '28P01',
    '3D000',
    '53300',
    '08000',
    '08006',
    '40001',
    '40P01',
    '55P03',
    '57014',
    'Query runner already released. Cannot run queries anymore.',
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'Query read timeout',
    'Cannot use a pool after calling end on the pool',
  ])('of the database (%s) asks to try again', async (kind) => {
    const answer = await small.ask('query ($kind: String!) { databaseDown(kind: $kind) }', {
      kind,
    });

    expect(answer.body).toMatchObject({
      errors: [
        {
          message: expect.stringMatching(/please try again\.$/),
          extensions: { code: 'UNAVAILABLE' },
        },
      ],
    });
    expect(answer.text).not.toContain('driver says');
  });

  it('of a statement is a fault of ours', async () => {
    const answer = await small.ask('{ databaseDown(kind: "42P01") }');

    expect(answer.body).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });
});

describe('a refused value', () => {
  const nested = { items: [{ amount: 2 }, { parts: [{ amount: 3 }] }] };
  const path = ['items', 1, 'parts', 0, 'amount'];

  it.each([
    ['a variable', 'query ($items: [Item!]) { sum(items: $items) }', nested],
    ['a variable of another name', 'query ($x: [Item!]) { sum(items: $x) }', { x: nested.items }],
    [
      'a variable within a literal',
      'query ($x: [Part!]) { sum(items: [{ amount: 2 }, { parts: $x }]) }',
      { x: [{ amount: 3 }] },
    ],
    ['a literal', '{ sum(items: [{ amount: 2 }, { parts: [{ amount: 3 }] }]) }', undefined],
  ])('as %s is told with its path, alike by both executors', async (_how, query, variables) => {
    const expected = {
      message: 'items[1].parts[0].amount: An even number is expected.',
      extensions: { code: 'BAD_USER_INPUT', path },
    };

    const answer = await small.ask(query, variables);
    const plain = await graphql({
      schema: small.schema,
      source: query,
      variableValues: variables ?? null,
    });

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
    const answer = await small.ask('query ($items: [Item!]) { sum(items: $items) }', variables);

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', path: place } }],
    });
  });

  it('that is missing is BAD_USER_INPUT', async () => {
    const required = await small.ask('query ($name: String!) { hello(name: $name) }');
    const explicit = await small.ask('query ($name: String) { hello(name: $name) }', {
      name: null,
    });

    expect(required.body).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(explicit.body).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });

  it('does not fill the answer with errors, however many there are', async () => {
    const items = Array.from({ length: 5_000 }, () => ({ amount: 3 }));

    const answer = await small.ask('query ($items: [Item!]) { sum(items: $items) }', { items });

    expect((answer.body as { errors: unknown[] }).errors).toHaveLength(51);
    expect(answer.text).not.toContain('INTERNAL_SERVER_ERROR');
  });
});
