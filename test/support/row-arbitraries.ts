// Documents over the schema of rows-server.ts, and rows that hold what a resolver may return, odd as it may be.

import fc from 'fast-check';

/** Fields of each type, and the type below them. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string | null>>>> = {
  Query: { page: 'Page', pages: 'Page', fails: null, failsWhole: null },
  Mutation: { write: 'Page', fails: null },
  Page: {
    branches: 'Branch',
    leaves: 'Leaf',
    named: 'Named',
    things: 'Thing',
    total: null,
    count: null,
    fails: null,
  },
  Named: { id: null, name: null },
  Leaf: {
    id: null,
    name: null,
    size: null,
    share: null,
    isNew: null,
    big: null,
    day: null,
    any: null,
    tags: null,
    grid: null,
    colour: null,
    atOnce: null,
  },
  Branch: { id: null, name: null, leaves: 'Leaf', first: 'Leaf', thing: 'Thing', others: 'Named' },
  Thing: {},
};
const NARROWER: Readonly<Record<string, readonly string[]>> = {
  Named: ['Leaf', 'Branch', 'Named'],
  Thing: ['Leaf', 'Branch', 'Named', 'Thing'],
  Leaf: ['Leaf', 'Named'],
  Branch: ['Branch', 'Named'],
};
const FRAGMENTS = { LeafParts: 'Leaf', NamedParts: 'Named', PageParts: 'Page' } as const;
const SPREAD_AT: Readonly<Record<string, readonly string[]>> = {
  Leaf: ['LeafParts', 'NamedParts'],
  Named: ['LeafParts', 'NamedParts'],
  Thing: ['LeafParts', 'NamedParts'],
  Branch: ['NamedParts'],
  Page: ['PageParts'],
};
const DIRECTIVES = [
  ...Array<string>(12).fill(''),
  '@include(if: $yes)',
  '@skip(if: $yes)',
  '@include(if: $no)',
  '@skip(if: $no) @include(if: $yes)',
  '@include(if: true)',
  '@skip(if: true)',
];

/** A selection of a type, `depth` deep at most. */
function selectionOf(type: string, depth: number, spreads = true): fc.Arbitrary<string> {
  const parts = [
    { weight: 6, arbitrary: fieldOf(type, depth, spreads) },
    { weight: 1, arbitrary: fc.constantFrom('__typename', 'kind: __typename') },
  ];
  const narrower = NARROWER[type] ?? [];
  if (narrower.length > 0 && depth > 0) {
    const inline = fc
      .constantFrom(...narrower)
      .chain((on) => fc.tuple(fc.constant(on), directive, selectionOf(on, depth - 1, spreads)))
      .map(([on, said, below]) => `... on ${on} ${said} ${below}`);
    parts.push({ weight: 2, arbitrary: inline });
  }
  const named = spreads ? (SPREAD_AT[type] ?? []) : [];
  if (named.length > 0) {
    const spread = fc.tuple(fc.constantFrom(...named), directive);
    parts.push({ weight: 1, arbitrary: spread.map(([name, said]) => `...${name} ${said}`) });
  }
  return fc
    .array(fc.oneof(...parts), { minLength: 1, maxLength: 5 })
    .map((selections) => `{ ${selections.join(' ')} }`);
}

const directive = fc.constantFrom(...DIRECTIVES);

function fieldOf(type: string, depth: number, spreads: boolean): fc.Arbitrary<string> {
  const names = Object.entries(FIELDS[type] ?? {}).filter(
    ([, below]) => depth > 0 || below === null,
  );
  if (names.length === 0) return fc.constant('__typename');
  // Answers without errors are what is to be compared most.
  const usual = names.filter(([name]) => !name.startsWith('fails'));
  const rare = names.filter(([name]) => name.startsWith('fails'));
  return fc
    .constantFrom(...Array.from({ length: 20 }, () => usual).flat(), ...rare)
    .chain(([name, below]) => {
      const alias = fc.constantFrom('', '', '', `${name}2: `, `${type}_${name}: `);
      const args =
        name === 'page' || name === 'write'
          ? fc.constantFrom('', '(n: $n, label: $label)', '(n: 3)')
          : fc.constant('');
      const selection = below === null ? fc.constant('') : selectionOf(below, depth - 1, spreads);
      return fc
        .tuple(alias, args, directive, selection)
        .map(([as, given, said, of]) => `${as}${name}${given} ${said} ${of}`);
    });
}

const variables = fc.oneof(
  { weight: 8, arbitrary: fc.record({ yes: fc.boolean(), label: fc.constantFrom('a', null) }) },
  {
    weight: 2,
    arbitrary: fc.record({ yes: fc.boolean(), no: fc.boolean(), n: fc.constantFrom(1, null) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      null,
      {},
      { yes: null },
      { yes: 'x' },
      { yes: true, n: 1.5 },
      { yes: true, other: 1 },
    ),
  },
);

const ROOTS = {
  Query: { type: 'query', page: 'page' },
  Mutation: { type: 'mutation', page: 'write' },
} as const;
const HEAD = 'Asked($yes: Boolean!, $no: Boolean = false, $n: Int = 2, $label: String)';
// All variables and fragments are used, so that documents are valid whatever they ask for.
const USED =
  '(n: $n, label: $label) { total @include(if: $yes) count @skip(if: $no) ...PageParts leaves { ...LeafParts ...NamedParts } }';

/** The body of a request. */
export const operation = fc.oneof(
  { weight: 3, arbitrary: operationOf('Query') },
  { weight: 1, arbitrary: operationOf('Mutation') },
);

function operationOf(
  root: keyof typeof ROOTS,
): fc.Arbitrary<{ readonly query: string; readonly variables: unknown }> {
  const { type: head, page } = ROOTS[root];
  return fc
    .tuple(
      selectionOf(root, 4),
      fc.tuple(
        selectionOf(FRAGMENTS.LeafParts, 1, false),
        selectionOf(FRAGMENTS.NamedParts, 1, false),
        selectionOf(FRAGMENTS.PageParts, 2, false),
      ),
      variables,
    )
    .map(([selection, fragments, given]) => {
      const parts = Object.entries(FRAGMENTS).map(
        ([name, type], index) => `fragment ${name} on ${type} ${fragments[index] ?? ''}`,
      );
      return {
        query: [`${head} ${HEAD} { used: ${page}${USED} ${selection.slice(1)}`, ...parts].join(
          '\n',
        ),
        variables: given,
      };
    });
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\u0000', '"\\/', '\n\r\t\u2028', '\ud800', 'a\udfffb', 'é😀', '', '\u007f'),
);
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 1e21, 1e-7, 2 ** 31, -(2 ** 31), 2 ** 31 - 1, 2 ** 53, NaN, Infinity),
);
const odd = fc.constantFrom<unknown>(
  null,
  undefined,
  NaN,
  '',
  'word',
  7,
  true,
  10n,
  [],
  {},
  [[1]],
  new Error('in the row'),
  new Date(NaN),
  { toJSON: () => 'of its own' },
  () => 7,
  Symbol('s'),
  Promise.resolve('later'),
  new Set(['a']),
);

/** Mostly what it should be. */
function mostly<T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 300, arbitrary: value }, { weight: 1, arbitrary: odd });
}

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return mostly(fc.option(value, { freq: 8 }));
}

const leaf = mostly(
  fc.record({
    kind: mostly(fc.constant('Leaf')),
    id: mostly(fc.oneof(text, fc.integer())),
    name: optional(text),
    size: mostly(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    share: optional(
      fc.oneof(
        { weight: 3, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
        { weight: 1, arbitrary: number },
      ),
    ),
    isNew: optional(fc.boolean()),
    big: optional(fc.bigInt()),
    day: optional(fc.date({ noInvalidDate: true })),
    any: optional(fc.oneof(text, number, fc.jsonValue())),
    tags: optional(fc.array(text, { maxLength: 3 })),
    grid: optional(
      fc.array(fc.array(fc.option(fc.integer({ min: -9, max: 9 })), { maxLength: 3 }), {
        maxLength: 2,
      }),
    ),
    colour: optional(fc.constantFrom('RED', 'GREEN')),
    atOnce: optional(text),
  }),
);

const branch = mostly(
  fc.record({
    kind: fc.constant('Branch'),
    id: mostly(text),
    name: optional(text),
    leaves: optional(fc.array(leaf, { maxLength: 3 })),
    first: optional(leaf),
    thing: optional(leaf),
    others: optional(fc.array(fc.option(leaf), { maxLength: 3 })),
  }),
);

/** A page of rows. */
export const oddPage: fc.Arbitrary<unknown> = fc.record({
  branches: optional(fc.array(branch, { maxLength: 3 })),
  leaves: mostly(fc.array(leaf, { maxLength: 4 })),
  named: optional(fc.array(fc.option(fc.oneof(leaf, branch)), { maxLength: 3 })),
  things: optional(fc.array(fc.oneof(leaf, branch), { maxLength: 3 })),
  total: mostly(fc.integer({ min: 0, max: 99 })),
});
