// A document that was asked for before is answered the short way, and nobody can tell: each answer is compared with that of a server
// which asks Apollo and graphql-jit for everything.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { printSchema } from 'graphql';
import { RateLimitedError } from '../../src/core/errors.ts';
import { HTTP_DEFAULTS } from '../../src/http/options.ts';
import type { Points } from '../../src/http/rates.ts';
import { operation, oddPage } from '../support/row-arbitraries.ts';
import {
  type Rows,
  type RowsAnswer,
  type RowsServer,
  startRowsServer,
} from '../support/rows-server.ts';

const LEAF = { kind: 'Leaf', id: 'l-1', name: 'Ash', size: 3, colour: 'RED', atOnce: 'now' };
const PAGE = { branches: [], leaves: [LEAF, { ...LEAF, id: 'l-2', name: null }], total: 2 };
const FAULTY = { ...PAGE, leaves: [{ ...LEAF, name: new Error('in the row') }] };
const NULL_SIZE = { ...PAGE, leaves: [{ ...LEAF, size: null }] };
const ROWS = 'query Rows { page { total leaves { id name size } } }';

const rows: Rows = { page: PAGE };
let short: RowsServer;
let whole: RowsServer;

beforeEach(async () => {
  rows.page = PAGE;
  short = await startRowsServer(rows);
  whole = await startRowsServer(rows, { takesShortWays: false });
});

afterEach(() => Promise.all([short.close(), whole.close()]));

/** The second answer of the short way, which is that of the whole way. */
async function askTwice(body: unknown, headers?: Record<string, string>): Promise<RowsAnswer> {
  const ordinary = await whole.send(body, headers);
  expect(await short.send(body, headers)).toEqual(ordinary);
  const known = await short.send(body, headers);
  expect(known).toEqual(ordinary);
  return known;
}

/** How many answers of a request pass Apollo by: it copies the context that it is given. */
async function passesApolloBy(
  body: unknown,
  headers?: Record<string, string>,
  deps: Parameters<typeof startRowsServer>[1] = {},
): Promise<boolean> {
  let isCopy: unknown = null;
  const made: object[] = [];
  const looking = await startRowsServer(rows, {
    ...deps,
    createContext: () => {
      const context = {
        dispose(this: object) {
          isCopy = !made.includes(this);
          return Promise.resolve();
        },
      };
      made.push(context);
      return context;
    },
  });
  await looking.send(body, headers);
  await looking.send(body, headers);
  await looking.close();
  return isCopy === false;
}

describe('a known document', () => {
  it('passes Apollo by, and is answered as before', async () => {
    const { status, headers, text } = await askTwice({ query: ROWS });

    expect(await passesApolloBy({ query: ROWS })).toBe(true);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      'x-request-id': 'r-1',
      'cache-control': 'no-store',
    });
    expect(text).toBe(
      '{"data":{"page":{"total":2,"leaves":[{"id":"l-1","name":"Ash","size":3},' +
        '{"id":"l-2","name":null,"size":3}]}},"extensions":{"cost":{"asked":2,"allowed":40000}}}\n',
    );
  });

  it('is one of its text and its operation', async () => {
    const query = 'query A { page { total } } query B { page { leaves { id } } }';
    const a = await askTwice({ query, operationName: 'A' });
    const b = await askTwice({ query, operationName: 'B' });

    expect([a.text, b.text].map((text) => (JSON.parse(text) as { data: unknown }).data)).toEqual([
      { page: { total: 2 } },
      { page: { leaves: [{ id: 'l-1' }, { id: 'l-2' }] } },
    ]);
  });

  it.each([
    ['a null where none may be', { size: null }],
    ['an error', { name: new Error('in the row') }],
    ['a number that is none', { size: 1.5 }],
    ['a number too large', { size: 2 ** 31 }],
    ['an unknown word', { colour: 'BLUE' }],
    ['what its scalar throws at', { big: 7 }],
    ['a value that JSON cannot say', { any: 7n }],
    ['a function', { any: () => 7 }],
    ['a list that is none', { tags: 'one' }],
    ['a promise', { atOnce: Promise.resolve('later') }],
    ['a promise for a value', { name: Promise.resolve('later') }],
  ])('is answered as ever where a row holds %s', async (_what, odd) => {
    rows.page = { ...PAGE, leaves: [LEAF, { ...LEAF, ...odd }] };
    const query = '{ page { leaves { id name size colour big any tags atOnce } total } }';

    await askTwice({ query });

    const faults = (of: RowsServer): unknown[] =>
      of
        .logged()
        .filter(({ msg }) => msg === 'fault')
        .map(({ err }) => (err as Error).message);
    const once = faults(whole);
    expect(faults(short)).toEqual([...once, ...once]);
    expect(short.contexts).toEqual({ made: 2, disposed: 2 });
  });

  it('says the same of refused variables', async () => {
    const query = 'query ($n: Int!, $label: String) { page(n: $n, label: $label) { total } }';
    await askTwice({ query, variables: { n: 1 } });

    for (const variables of [{ n: 'x' }, {}, null, { n: null }, { n: 1, label: { a: 1 } }]) {
      const { text } = await askTwice({ query, variables });
      expect(text).toContain('BAD_USER_INPUT');
    }
  });

  it.each([
    ['of a field', '{ page { total fails leaves { id } } fails }'],
    ['of the whole', '{ failsWhole page { leaves { id } } }'],
  ])('says the same of an error %s, once', async (_what, query) => {
    const { text } = await askTwice({ query });

    expect(text).toContain('NOT_FOUND');
    expect(short.contexts).toEqual({ made: 2, disposed: 2 });
  });

  it.each([
    ['of rows', 'mutation { write { total leaves { id size } } }', PAGE],
    [
      'of rows with an error',
      'mutation { write { total leaves { id size fails: name } } }',
      FAULTY,
    ],
    ['of a row that is null', 'mutation { write { total leaves { id size } } }', NULL_SIZE],
    ['that is refused', 'mutation { write { total } fails again: write { total } }', PAGE],
    ['whose variables are refused', 'mutation ($n: Int!) { write(n: $n) { total } }', PAGE],
  ])('that writes is run once for each request: an answer %s', async (_what, query, page) => {
    rows.page = page;
    const written = async (of: RowsServer): Promise<[number, RowsAnswer]> => {
      rows.writes = 0;
      const answer = await of.send({ query });
      return [rows.writes, answer];
    };
    const ordinary = await written(whole);

    expect([await written(short), await written(short)]).toEqual([ordinary, ordinary]);
    expect(short.contexts).toEqual({ made: 2, disposed: 2 });
  });

  it('that writes passes Apollo by, and its fields follow one another', async () => {
    const query = 'mutation { a: slowly write { total } b: slowly }';
    const answers: unknown[] = [];
    for (const server of [whole, short, short]) {
      rows.writes = 0;
      answers.push(JSON.parse((await server.send({ query })).text));
    }

    // Each of the two sees at its end as many writes as at its beginning: the first one, and then the third.
    const data = { a: 11, write: { total: 2 }, b: 33 };
    expect(answers).toEqual(Array(3).fill({ data, extensions: expect.anything() }));
    expect(await passesApolloBy({ query })).toBe(true);
  });
});

describe('Apollo still judges', () => {
  const others: readonly (readonly [string, unknown, Record<string, string>])[] = [
    ['a type that it refuses', { query: ROWS }, { accept: 'text/html' }],
    ['another content type of JSON', { query: ROWS }, { 'content-type': 'application/json; a=b' }],
    ['a form', { query: ROWS }, { 'content-type': 'text/plain' }],
    [
      'a form that says it may',
      { query: ROWS },
      { 'content-type': 'text/plain', 'x-apollo-operation-name': 'a' },
    ],
    ['variables as text', { query: ROWS, variables: '{}' }, {}],
    ['a list of variables', { query: ROWS, variables: [] }, {}],
    ['extensions as text', { query: ROWS, extensions: '{}' }, {}],
    ['a list of extensions', { query: ROWS, extensions: [] }, {}],
    ['a name that is none', { query: ROWS, operationName: 7 }, {}],
    [
      'a persisted query',
      { query: ROWS, extensions: { persistedQuery: { version: 1, sha256Hash: 'a' } } },
      {},
    ],
    ['a persisted query that is none', { query: ROWS, extensions: { persistedQuery: null } }, {}],
    ['several at once', [{ query: ROWS }], {}],
  ];

  it.each(others)('%s', async (_what, body, headers) => {
    await askTwice({ query: ROWS });
    await askTwice(body, headers);

    expect(await passesApolloBy(body, headers)).toBe(false);
  });

  it('which media type is accepted', async () => {
    const accepted = [
      'application/json',
      '*/*',
      'application/graphql-response+json',
      'application/graphql-response+json, application/json;q=0.9',
      'text/html;q=0.9, application/json;q=0.1',
      'multipart/mixed',
    ];
    for (const accept of [...accepted, ...accepted]) await askTwice({ query: ROWS }, { accept });

    const { headers } = await askTwice({ query: ROWS }, { accept: accepted[2] ?? '' });
    expect(headers['content-type']).toBe('application/graphql-response+json; charset=utf-8');
  });
});

describe('a trusted document', () => {
  const sha256Hash = createHash('sha256').update(ROWS).digest('hex');
  const options = { ...HTTP_DEFAULTS, trustedDocuments: new Map([[sha256Hash, ROWS]]) };
  const named = (persistedQuery: unknown): object => ({ extensions: { persistedQuery } });
  const byHash = named({ version: 1, sha256Hash });

  it.each([
    ['by its hash', byHash, true],
    ['by its hash beside its text', { query: ROWS, ...byHash }, true],
    [
      'by its hash, with other extensions',
      { extensions: { a: 1, ...named({ version: 1, sha256Hash }) } },
      false,
    ],
    ['by its text', { query: ROWS }, true],
    ['by its hash and no text', { ...byHash, query: '' }, false],
    ['by its hash and null', { ...byHash, query: null }, false],
    ['by a hash of another version', named({ version: 2, sha256Hash }), false],
    ['by a hash without a version', named({ sha256Hash }), false],
    ['by a list', named([{ version: 1, sha256Hash }]), false],
    ['by an unknown hash', named({ version: 1, sha256Hash: 'a'.repeat(64) }), false],
    ['by its hash in capitals', named({ version: 1, sha256Hash: sha256Hash.toUpperCase() }), false],
    ['by a hash that is none', named({ version: 1, sha256Hash: 7 }), false],
    ['by its hash beside another text', { query: '{ page { total } }', ...byHash }, false],
    ['by another name', { ...byHash, operationName: 'Other' }, false],
  ])('that is named %s is answered as by Apollo', async (_what, body, isShort) => {
    const trusting = await startRowsServer(rows, { options });
    const asking = await startRowsServer(rows, { options, takesShortWays: false });
    const ordinary = await asking.send(body);
    const answers = [
      await trusting.send(byHash),
      await trusting.send(body),
      await trusting.send(body),
    ].slice(1);
    await Promise.all([trusting.close(), asking.close()]);

    expect(answers).toEqual([ordinary, ordinary]);
    expect(await passesApolloBy(body, {}, { options })).toBe(isShort);
  });

  it('is not asked for by its hash alone where all documents run', async () => {
    await askTwice({ query: ROWS });

    expect((await askTwice(byHash)).text).toContain('PERSISTED_QUERY_NOT_SUPPORTED');
    expect((await askTwice({ query: ROWS, ...byHash })).text).toContain(
      'PERSISTED_QUERY_NOT_SUPPORTED',
    );
  });
});

describe('of every request', () => {
  it('the points are taken, and told', async () => {
    let left = 5;
    const points: Points = {
      requireSome: () => Promise.resolve(),
      charge: () => Promise.resolve(),
      take: (_actor, cost) => {
        if (cost > left) return Promise.reject(new RateLimitedError('Too much was asked.', 7));
        left -= cost;
        return Promise.resolve(left);
      },
    };
    const limited = await startRowsServer(rows, { points });
    const answers = [
      await limited.send({ query: ROWS }),
      await limited.send({ query: ROWS }),
      await limited.send({ query: ROWS }),
    ];
    await limited.close();

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[1]?.text).toContain('"cost":{"asked":2,"allowed":40000,"left":1}');
    expect(answers[2]?.headers['retry-after']).toBe('7');
  });

  it('the size is judged with its variables', async () => {
    const options = { ...HTTP_DEFAULTS, queryCostMax: 1 };
    const small = await startRowsServer(rows, { options });
    const { text } = await small.send({ query: ROWS });
    await small.close();

    expect(text).toContain('QUERY_TOO_COSTLY');
  });

  it('the log and the metrics have the same', async () => {
    const asked = [
      { query: ROWS },
      { query: ROWS },
      { query: '{ fails }' },
      { query: '{ fails }' },
    ];
    for (const body of asked) {
      await short.send(body);
      await whole.send(body);
    }
    const linesOf = (of: RowsServer): unknown[] =>
      of
        .logged()
        .filter(({ msg }) => msg === 'request')
        .map((line) => ({ ...line, time: null, durationMs: null }));
    const countsOf = async ({ metrics }: RowsServer): Promise<string[]> =>
      (await metrics())
        .split('\n')
        .filter((line) => /^(graphql_operation|http_request)_duration_seconds_count/.test(line));

    expect(linesOf(short)).toEqual(linesOf(whole));
    expect(linesOf(short)).toContainEqual(
      expect.objectContaining({ operation: 'query Rows', status: 200, errorCodes: [] }),
    );
    expect(await countsOf(short)).toEqual(await countsOf(whole));
  });
});

describe('the twins of lists', () => {
  it('are shown by nothing, and asked for by nobody', async () => {
    const before = printSchema(short.schema);
    await askTwice({ query: ROWS });
    const query = '{ __type(name: "Page") { fields { name } } }';
    const { text } = await askTwice({ query });
    const asked = await short.send({ query: '{ page { leaves$rows } }' });

    expect(printSchema(short.schema)).toBe(before);
    expect(text).not.toContain('$');
    expect(asked.text).toContain('GRAPHQL_PARSE_FAILED');
  });
});

describe('any answer', () => {
  it('is that of the whole way, byte for byte', async () => {
    let written = 0;
    await fc.assert(
      fc.asyncProperty(
        oddPage,
        fc.array(operation, { minLength: 1, maxLength: 4 }),
        async (page, asked) => {
          for (const body of asked) {
            rows.page = page;
            const { text } = await askTwice(body);
            if (text.startsWith('{"data"')) written += 1;
          }
        },
      ),
      { numRuns: Number(process.env['KNOWN_DOCUMENTS_RUNS'] ?? 60) },
    );
    expect(written).toBeGreaterThan(10);
  });
});
