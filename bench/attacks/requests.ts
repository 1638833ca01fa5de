// Requests that ask for far more than they send, each by a key that may ask. No two bodies of an attack are the same, as an
// attacker would not let an earlier refusal be remembered.

/** A request that is to be refused, or answered, at little cost. */
export interface Attack {
  readonly name: string;
  /** The body of the n-th of them. */
  readonly body: (n: number) => string;
  /** How many are sent; default 40. */
  readonly times?: number;
  /** Sent with keys that nobody has. */
  readonly isUnknown?: true;
}

const HOUR_OF_400_DAYS =
  'usage(range: { from: "2025-01-01T00:00:00Z", to: "2026-02-05T00:00:00Z" }) { trend(granularity: HOUR) { buckets { credits } } }';

const query = (text: string, variables: unknown = {}) => {
  return (n: number): string => JSON.stringify({ query: `${text} # ${n}`, variables });
};

function repeated(count: number, of: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => of(index)).join(' ');
}

function nested(count: number, open: string, inner: string, close = '}'): string {
  return open.repeat(count) + inner + close.repeat(count);
}

const bomb = repeated(16, (index) => {
  const next = index === 15 ? 'range { from }' : `...F${index + 1}`;
  return `fragment F${index} on AccountUsage { a: previous { ${next} } b: previous { ${next} } }`;
});

/** 16 MiB, the largest body that is taken, less a little. */
const LARGEST = 16 * 1024 * 1024 - 1_024;

/** The table of attacks. */
export const attacks: readonly Attack[] = [
  { name: 'nothing: { __typename }', body: query('{ __typename }'), times: 200 },
  {
    name: '16 fragments, each twice the next',
    body: query(`{ account { usage { ...F0 } } } ${bomb}`),
  },
  ...[800, 2_000].map((deep) => ({
    name: `previous, ${deep} deep`,
    body: query(`{ account { usage { ${nested(deep, 'previous {', 'range { from }')} } } }`),
  })),
  {
    name: '300 × credits { stopsAt }',
    body: query(`{ account { ${repeated(300, (index) => `a${index}: credits { stopsAt }`)} } }`),
  },
  {
    name: '300 × deploymentQuote',
    body: query(
      `{ ${repeated(300, (index) => `a${index}: deploymentQuote(input: { hardware: "a100" }) { allowed }`)} }`,
    ),
  },
  { name: '9,000 unknown fields', body: query(`{ ${repeated(9_000, (index) => `f${index}`)} }`) },
  { name: '990 unknown fields', body: query(`{ ${repeated(990, (index) => `f${index}`)} }`) },
  {
    name: '300 × trend(HOUR) of 400 days',
    body: query(`{ account { ${repeated(300, (index) => `a${index}: ${HOUR_OF_400_DAYS}`)} } }`),
  },
  {
    name: '60,000 aliases',
    body: query(`{ ${repeated(60_000, (index) => `a${index}: __typename`)} }`),
    times: 20,
  },
  {
    name: '60 directives',
    body: query(`{ __typename ${'@include(if: true) '.repeat(60)} }`),
  },
  { name: 'one field 1,900 times', body: query(`{ account { ${'id '.repeat(1_900)} } }`) },
  {
    name: 'one field 500 times, with fields below',
    body: query(`{ account { ${'usage { range { from } } '.repeat(250)} } }`),
  },
  {
    name: '300 fragments of one field each, spread together',
    body: query(
      `{ account { ${repeated(240, (index) => `...F${index}`)} } } ${repeated(240, (index) => `fragment F${index} on Account { id }`)}`,
    ),
  },
  {
    name: '280 operations',
    body: query(repeated(280, (index) => `query Q${index} { __typename }`)),
  },
  {
    name: 'introspection, 200 deep',
    body: query(`{ __schema { ${nested(200, 'types { fields { type {', 'name', '} } }')} } }`),
  },
  {
    name: 'introspection, ofType 600 deep',
    body: query(
      `{ __schema { types { fields { type { ${nested(600, 'ofType {', 'name')} } } } } }`,
    ),
  },
  {
    name: 'a value 900 deep in an argument',
    body: query(`{ account(id: ${nested(900, '[', '1', ']')}) { id } }`),
  },
  {
    name: '1,000 operations in a batch',
    body: (n) =>
      JSON.stringify(Array.from({ length: 1_000 }, () => ({ query: `{ __typename } # ${n}` }))),
  },
  {
    name: 'a list of 1,000,000 in a variable',
    body: query(
      'query ($kinds: [AlertKind!]) { account { alerts(kinds: $kinds) { totalCount } } }',
      {
        kinds: Array.from({ length: 1_000_000 }, () => 'LOW_CREDITS'),
      },
    ),
    times: 10,
  },
  {
    name: 'a variable 1,000,000 deep',
    body: (n) =>
      `{"query":"query ($kinds: [AlertKind!]) { account { alerts(kinds: $kinds) { totalCount } } } # ${n}","variables":{"kinds":${nested(1_000_000, '[', '1', ']')}}}`,
    times: 10,
  },
  {
    name: 'a comment of 16 MiB',
    body: (n) => JSON.stringify({ query: `{ __typename } # ${n}${'x'.repeat(LARGEST)}` }),
    times: 10,
  },
  {
    name: 'a text of 16 MiB in an argument',
    body: (n) => JSON.stringify({ query: `{ node(id: "${n}${'x'.repeat(LARGEST)}") { id } }` }),
    times: 10,
  },
  { name: '10,000 wrong keys', body: query('{ __typename }'), times: 10_000, isUnknown: true },
];
