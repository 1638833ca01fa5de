import { setTimeout as delay } from 'node:timers/promises';
import { QUERY_LIMITS } from '../../src/graphql/documents.ts';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { GRAPHQL_BODY_BYTES_MAX } from '../../src/http/server.ts';
import { RateLimitedError } from '../../src/core/errors.ts';
import { eventually } from '../support/eventually.ts';
import { SMALL_SERVER_KEY, startSmallServer, type SmallServer } from '../support/small-server.ts';

const MIB = 1024 * 1024;

let small: SmallServer;

beforeEach(async () => {
  small = await startSmallServer();
});

afterEach(async () => {
  small.release();
  await small.server.close();
});

describe('the key', () => {
  it('is asked for before anything is parsed', async () => {
    const answer = await small.http
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
    await small.ask('{ hello }');
    await small.http
      .post('/graphql')
      .set('authorization', 'Bearer a-wrong-key')
      .send({ query: '{ a }' });
    await small.server.close();

    expect(JSON.stringify(small.logged())).not.toContain(SMALL_SERVER_KEY);
    expect(JSON.stringify(small.logged())).not.toContain('a-wrong-key');
  });
});

describe('a query', () => {
  it('is answered, and its context let go', async () => {
    const answer = await small.ask('query Greet($name: String!) { hello(name: $name) }', {
      name: 'Ada',
    });

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      data: { hello: 'Hello, Ada.' },
      extensions: { cost: { asked: 1, allowed: QUERY_LIMITS.cost } },
    });
    expect(small.disposed).toBe(1);
  });

  it('is compiled for each operation of its document', async () => {
    const query = 'query A { hello } query B { sum }';
    const send = (operationName: string): ReturnType<typeof small.http.post> =>
      small.http
        .post('/graphql')
        .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
        .send({ query, operationName });

    const answers = [await send('A'), await send('B'), await send('A')];

    expect(answers.map((answer) => answer.body as unknown)).toMatchObject([
      { data: { hello: 'Hello, you.' } },
      { data: { sum: 4 } },
      { data: { hello: 'Hello, you.' } },
    ]);
  });

  it('may read the schema', async () => {
    const answer = await small.ask(getIntrospectionQuery());

    expect(answer.body).toMatchObject({ data: { __schema: { queryType: { name: 'Query' } } } });
  });

  it.each([
    ['syntax', '{ hello', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ hallo }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('with %s is refused in the words of graphql-js', async (_what, query, code) => {
    const answer = await small.ask(query);

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ extensions: { code } }] });
    expect(JSON.stringify(answer.body)).not.toMatch(/stacktrace|Did you mean/);
  });

  it.each([
    ['of another name', { query: '{ hello }', operationName: 'Other' }],
    ['of an empty name', { query: '{ hello }', operationName: '' }],
    ['one of several, not saying which', { query: 'query A { hello } query B { hello }' }],
  ])('for an operation %s is refused', async (_what, body) => {
    const answer = await small.http
      .post('/graphql')
      .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
      .send(body);

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      errors: [
        {
          message: expect.stringMatching(/operationName must say|no operation named/),
          extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
        },
      ],
    });
  });

  it('is not taken in batches, nor where another site could send it', async () => {
    const batch = await small.http
      .post('/graphql')
      .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
      .send([{ query: '{ hello }' }]);
    const simple = await small.http
      .post('/graphql')
      .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
      .set('content-type', 'text/plain')
      .send('{"query":"{ hello }"}');
    const link = await small.http
      .get('/graphql?query={hello}')
      .set('authorization', `Bearer ${SMALL_SERVER_KEY}`);

    expect([batch.status, simple.status, link.status]).toEqual([400, 400, 400]);
  });
});

describe('a request', () => {
  it('keeps the id that it came with when that is short and plain', async () => {
    const kept = await small.http.get('/health/live').set('x-request-id', 'job-7:retry.2');
    const replaced = await small.http.get('/health/live').set('x-request-id', 'a b"c');

    expect(kept.headers['x-request-id']).toBe('job-7:retry.2');
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is one line of the log', async () => {
    await small.ask('query Greet { hello missing }').set('x-request-id', 'r-1');
    await small.server.close();

    const lines = small.logged().filter((line) => line['requestId'] === 'r-1');
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

  it.each([
    ['refused for its rate', '{ hello }', SMALL_SERVER_KEY, 429, 'RATE_LIMITED'],
    ['without a right key', '{ hello }', 'wrong', 401, 'UNAUTHENTICATED'],
  ])('%s has its code in its line of the log', async (_what, query, key, status, code) => {
    const refusing = await startSmallServer({
      takePoints: () => Promise.reject(new RateLimitedError('Too much was asked.', 7)),
    });
    const answer = await refusing.http
      .post('/graphql')
      .set('authorization', `Bearer ${key}`)
      .set('x-request-id', 'r-2')
      .send({ query });
    await refusing.server.close();

    expect(answer.status).toBe(status);
    expect(refusing.logged().filter((line) => line['requestId'] === 'r-2')).toEqual([
      expect.objectContaining({ status, errorCodes: [code], references: [] }),
    ]);
  });

  it('of 16 MiB is taken at /graphql, one byte more is not', async () => {
    const [head, tail] = ['{"query":"{ hello }","extensions":{"pad":"', '"}}'];
    const body = (bytes: number): string =>
      head + 'x'.repeat(bytes - head.length - tail.length) + tail;
    const send = (bytes: number): ReturnType<typeof small.http.post> =>
      small.http
        .post('/graphql')
        .set('authorization', `Bearer ${SMALL_SERVER_KEY}`)
        .set('content-type', 'application/json')
        .send(body(bytes));

    const fits = await send(GRAPHQL_BODY_BYTES_MAX);
    const tooLarge = await send(GRAPHQL_BODY_BYTES_MAX + 1);

    expect(fits.status).toBe(200);
    expect(tooLarge.status).toBe(413);
    expect(tooLarge.body).toEqual({
      errors: [
        {
          message: 'The body is larger than 16 MiB, the most that is accepted here.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    });
  });

  it('of 1 MiB is taken elsewhere, one byte more is not', async () => {
    const body = (bytes: number): string => `"${'x'.repeat(bytes - 2)}"`;
    const send = (bytes: number): ReturnType<typeof small.http.post> =>
      small.http.post('/echo').set('content-type', 'application/json').send(body(bytes));

    const fits = await send(MIB);
    const tooLarge = await send(MIB + 1);

    expect(fits.body).toEqual({ length: MIB });
    expect(tooLarge.status).toBe(413);
    expect(tooLarge.text).toContain('1 MiB');
  });

  it('that no route takes, or of another content type, is answered in the form of GraphQL', async () => {
    const nowhere = await small.http.get('/nowhere?token=x');
    const form = await small.http.post('/echo').type('form').send({ a: 1 });
    const noJson = await small.http.post('/echo').set('content-type', 'application/json').send('{');
    const fault = await small.http.get('/broken');

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
    const { port } = small.server.server.address() as { port: number };
    const answer = small.ask('{ slow }').then(({ body }) => body as unknown);
    while (small.logged().length < 1) await delay(5);
    await delay(50);

    const closed = small.server.close();
    await eventually(async () => {
      const late = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => 'refused');
      expect(late).toBe('refused');
    });
    small.release();
    await closed;

    expect(await answer).toMatchObject({ data: { slow: 'done' } });
  });
});

describe('what runs the gateway', () => {
  it('learns whether it runs and whether it can answer', async () => {
    const ready = await small.http.get('/health/ready');
    small.isReady = false;
    const unready = await small.http.get('/health/ready');
    const live = await small.http.get('/health/live');

    expect([ready.status, unready.status, live.status]).toEqual([200, 503, 200]);
  });

  it('gets measurements by route, operation type and error code', async () => {
    await small.ask('query Greet { hello }');
    await small.ask('{ missing }');
    await small.ask('{ unknown }');
    await small.http.get('/nowhere/1');

    const { text } = await small.http.get('/metrics');

    expect(text).toContain(
      'http_request_duration_seconds_count{method="POST",route="/graphql",status="200"} 2',
    );
    expect(text).toContain('graphql_operation_duration_seconds_count{type="query",code="OK"} 1');
    expect(text).toContain(
      'graphql_operation_duration_seconds_count{type="query",code="NOT_FOUND"} 1',
    );
    // Refused before it ran.
    expect(text).toContain(
      'graphql_operation_duration_seconds_count{type="none",code="GRAPHQL_VALIDATION_FAILED"} 1',
    );
    expect(text).toContain('process_cpu_user_seconds_total');
    expect(text).not.toContain('nowhere');
    expect(text).not.toContain('Greet');
  });
});
