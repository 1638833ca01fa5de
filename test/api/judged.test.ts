// Apollo reads a request by itself, after our reader has. It runs what was judged and nothing else, whatever made the two differ.

import { type ApolloServer, HeaderMap } from '@apollo/server';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { pino } from 'pino';
import { Documents } from '../../src/graphql/documents.ts';
import { type GraphQLContext, servedRequest } from '../../src/http/graphql-context.ts';
import { startGraphQLServer } from '../../src/http/graphql-server.ts';
import { Operations } from '../../src/http/operations.ts';

const QUERY = 'query A($n: Int) { things(first: $n) } query B($n: Int) { other(first: $n) }';
const JUDGED = { query: QUERY, operationName: 'A', variables: { n: 1 } };

const schema = buildSchema('type Query { things(first: Int): Int other(first: Int): Int }');
const documents = new Documents(schema);
let apollo: ApolloServer<GraphQLContext>;

beforeAll(async () => {
  const log = pino({ level: 'silent' });
  apollo = await startGraphQLServer({
    schema,
    documents,
    operations: new Operations(schema),
    log,
  });
});

afterAll(() => apollo.stop());

/** The answer to a request of which our reader saw something else. */
async function run(body: object, seen: object | null): Promise<unknown> {
  const context: GraphQLContext = {};
  const read = seen === null ? [] : documents.read(seen);
  if ('document' in read) {
    const judged = { read, cost: { asked: read.cost, allowed: 100 } };
    context[servedRequest] = { judged, facts: null, outcome: null };
  }
  const { body: answer } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'POST',
      headers: new HeaderMap([['content-type', 'application/json']]),
      body,
      search: '',
    },
    context: () => Promise.resolve(context),
  });
  return answer.kind === 'complete' ? JSON.parse(answer.string) : null;
}

describe('an operation', () => {
  it('runs as it was judged', async () => {
    expect(await run(JUDGED, JUDGED)).toMatchObject({ data: { things: null } });
  });

  it.each([
    ['was not judged', null],
    ['is of another text', { ...JUDGED, query: `${QUERY} ` }],
    ['is another of the document', { ...JUDGED, operationName: 'B' }],
    ['has other variables', { ...JUDGED, variables: { n: 500 } }],
    ['has variables, and was judged without', { ...JUDGED, variables: null }],
  ])('that %s does not run', async (_what, seen) => {
    expect(await run(JUDGED, seen)).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });
});
