// The size of an operation against the plain way: write every fragment out where it is spread, then count.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  assertObjectType,
  buildSchema,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  isAbstractType,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';
import {
  measureOperation,
  type QuerySize,
  SELECTIONS_PER_POINT,
  SIZE_CEILING,
} from '../../src/graphql/query-size.ts';

const schema = buildSchema(`
  type Query { a: Thing things(first: Int = 7, last: Int): ThingConnection list: [Thing!]! n: Int }
  interface Any { a: Thing any: Any n: Int }
  interface Few implements Any { a: Thing any: Any n: Int }
  type Other implements Any & Few { a: Thing any: Any n: Int }
  type Third implements Any & Few { a: Thing any: Any n: Int }
  type Thing implements Any { a: Thing any: Any list: [Thing!]! things(first: Int = 7, last: Int): ThingConnection n: Int dear: Int }
  type ThingConnection { nodes: [Thing!]! edges: [ThingEdge!]! totalCount: Int }
  type ThingEdge { node: Thing cursor: String }
`);
const things = schema.getType('Thing');
if (things === undefined || !('getFields' in things)) throw new Error('no Thing');
Object.assign(things.getFields()['dear'] ?? {}, { extensions: { cost: { weight: 25 } } });
Object.assign(things.getFields()['list'] ?? {}, { extensions: { cost: { weight: 3, items: 4 } } });

function sizeOf(query: string, variables: Record<string, unknown> = {}): QuerySize {
  const document = parse(query);
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
  return measureOperation({ schema, document, operation }, variables);
}

describe('the size of an operation', () => {
  it('is what its fields come to, by hand', () => {
    // things: 1 + 3 rows x (node 1 + dear 25) + totalCount 0; a: 1 + list (3 + 4 items x a 1); a has an alias.
    expect(
      sizeOf('{ things(first: 3) { nodes { dear n } totalCount } x: a { list { a { n } } } }'),
    ).toEqual({
      depth: 4,
      introspectionDepth: 0,
      selections: 9,
      aliases: 1,
      directives: 0,
      rootFields: 2,
      cost: 79 + 1 + 3 + 4,
    });
  });

  it('counts what stands below an interface once for each type that it can be', () => {
    // a and any; the fragment and id for each of three, n for each of two, a and its n for one.
    expect(
      sizeOf('{ a { any { ... on Few { n } __typename ... on Thing { a { n } } } } }').selections,
    ).toBe(2 + 3 + 2 + 3 + 3 + 2);
    expect(sizeOf('{ a { any { any { any { n } } } } }').selections).toBe(2 + 3 + 9 + 27);
  });

  it('counts a fragment on an interface for the type that it is spread in', () => {
    const parts = 'fragment Parts on Any { n ... on Any { n } }';
    expect(sizeOf(`{ a { ...Parts } } ${parts}`).selections).toBe(2 + 3);
    expect(sizeOf(`{ a { any { ...Parts } ...Parts } } ${parts}`).selections).toBe(
      3 + 3 + 3 * 3 + 3,
    );
  });

  it.each([
    ['the default', '{ things { nodes { n } } }', {}, 1 + 7],
    ['last', '{ things(last: 2) { nodes { n } } }', {}, 1 + 2],
    ['a variable', 'query ($n: Int) { things(first: $n) { nodes { n } } }', { n: 5 }, 1 + 5],
    [
      "a variable's default",
      'query ($n: Int = 4) { things(first: $n) { nodes { n } } }',
      {},
      1 + 4,
    ],
    ['null', 'query ($n: Int) { things(first: $n) { nodes { n } } }', { n: null }, 1 + 7],
    [
      "null instead of a variable's default",
      'query ($n: Int = 0) { things(first: $n) { nodes { n } } }',
      { n: null },
      1 + 7,
    ],
    [
      'a variable that is not sent and has the name of what every object has',
      'query ($constructor: Int) { things(first: $constructor) { nodes { n } } }',
      {},
      1 + 7,
    ],
    ['edges too', '{ things(first: 2) { edges { node { n } } nodes { n } } }', {}, 1 + 2 * (2 + 1)],
    ['what cannot be', 'query ($n: Int) { things(first: $n) { nodes { n } } }', { n: 'x' }, 1],
  ])('counts the rows of a page by %s', (_what, query, variables, cost) => {
    expect(sizeOf(query, variables).cost).toBe(cost);
  });

  it('counts unknown names, and fragments that spread themselves, without end', () => {
    expect(sizeOf('{ no { such { field } } ...F ...G } fragment F on Thing { ...F n }')).toEqual({
      depth: 3,
      introspectionDepth: 0,
      selections: 7,
      aliases: 0,
      directives: 0,
      rootFields: 2,
      cost: 2,
    });
  });

  it('adds no points for a name of a type', () => {
    expect(sizeOf('{ __typename a { n __typename } }').cost).toBe(1);
  });

  it.each([
    [1, 1],
    [11, 1],
    [12, 2],
    [24, 3],
  ])('costs a point for each twelve selections at least: a and %i fields below it', (n, cost) => {
    expect(sizeOf(`{ a { ${'n '.repeat(n)} } }`).cost).toBe(cost);
  });

  it('costs a point when nothing of it has any', () => {
    expect(sizeOf('{ __typename }').cost).toBe(1);
  });

  it('counts the depth of introspection by itself', () => {
    const query = '{ a { n } __schema { types { fields { type { ofType { name } } } } } }';
    expect(sizeOf(query)).toMatchObject({ depth: 2, introspectionDepth: 6 });
  });

  it('stops at the ceiling where a document writes out to 2 to the power of 40 fields', () => {
    const fragments = Array.from(
      { length: 40 },
      (_, i) => `fragment F${i} on Thing { x: a { ...F${i + 1} } y: a { ...F${i + 1} } }`,
    );
    const size = sizeOf(`{ a { ...F0 } } ${fragments.join(' ')} fragment F40 on Thing { n }`);
    expect(size).toEqual({
      depth: 42,
      introspectionDepth: 0,
      selections: SIZE_CEILING,
      aliases: SIZE_CEILING,
      directives: 0,
      rootFields: 1,
      cost: SIZE_CEILING,
    });
  });

  it('stops at it where fragments without aliases do, which merge when they run', () => {
    const fragments = Array.from(
      { length: 60 },
      (_, i) => `fragment F${i} on Thing { n ...F${i + 1} ...F${i + 1} }`,
    );
    const size = sizeOf(`{ a { ...F0 } } ${fragments.join(' ')} fragment F60 on Thing { n }`);
    expect(size).toMatchObject({ depth: 2, aliases: 0, selections: SIZE_CEILING });
    expect(size.cost).toBe(Math.ceil(SIZE_CEILING / SELECTIONS_PER_POINT));
  });

  it('agrees with the plain way for any document', () => {
    fc.assert(
      fc.property(anyDocument, (query) => {
        expect(sizeOf(query)).toEqual(plainly(parse(query)));
      }),
      { numRuns: 500 },
    );
  });
});

// Fragments spread later ones only, so that all can be written out.
const FRAGMENTS = 4;
const field = (depth: number, from: number): fc.Arbitrary<string> => {
  const leaf = fc.constantFrom('n', 'dear', 'x: n', 'n @skip(if: false)');
  if (depth === 0) return leaf;
  const set = selections(depth - 1, from);
  const page = fc.constantFrom('', '(first: 2)', '(last: 3)', '(first: 0)');
  return fc.oneof(
    leaf,
    set.map((below) => `a { ${below} }`),
    set.map((below) => `y: a @include(if: true) { ${below} }`),
    set.map((below) => `list { ${below} }`),
    fc.tuple(page, set).map(([args, below]) => `things${args} { nodes { ${below} } totalCount }`),
    fc
      .tuple(page, set)
      .map(([args, below]) => `z: things${args} { edges { cursor node { ${below} } } }`),
    set.map((below) => `... on Thing { ${below} }`),
    set.map((below) => `any { n ... on Thing { ${below} } ... on Few { n any { n } } }`),
    set.map((below) => `... on Any { any { ... on Few { a { ${below} } ... on Any { n } } } }`),
    fc.integer({ min: from, max: FRAGMENTS }).map((i) => (i === FRAGMENTS ? 'n' : `...F${i}`)),
  );
};
function selections(depth: number, from: number): fc.Arbitrary<string> {
  return fc.array(field(depth, from), { minLength: 1, maxLength: 4 }).map((of) => of.join(' '));
}
const anyDocument = fc
  .tuple(selections(3, 0), ...Array.from({ length: FRAGMENTS }, (_, i) => selections(2, i + 1)))
  .map(
    ([root, ...fragments]) =>
      `query { a { ${root} } } ${fragments.map((below, i) => `fragment F${i} on Thing { ${below} }`).join(' ')}`,
  );

interface Written {
  readonly node: FieldNode;
  readonly below: readonly Written[];
}

/** All fields with fragments written out; directives of spreads are counted where they stand. */
function plainly(document: DocumentNode): QuerySize {
  const count = { aliases: 0, directives: 0 };
  const fragmentOf = (name: string): FragmentDefinitionNode => {
    const found = document.definitions.find(
      (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name,
    );
    if (found?.kind !== Kind.FRAGMENT_DEFINITION) throw new Error(name);
    return found;
  };
  const writeOut = (set: SelectionSetNode): readonly Written[] =>
    set.selections.flatMap((selection): readonly Written[] => {
      count.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FRAGMENT_SPREAD)
        return writeOut(fragmentOf(selection.name.value).selectionSet);
      if (selection.kind === Kind.INLINE_FRAGMENT) return writeOut(selection.selectionSet);
      if (selection.alias !== undefined) count.aliases += 1;
      const below = selection.selectionSet === undefined ? [] : writeOut(selection.selectionSet);
      return [{ node: selection, below }];
    });
  const operation = document.definitions[0];
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
  const root = writeOut(operation.selectionSet);
  const selections = compiled(operation.selectionSet, 'Query', fragmentOf);
  const points = root.reduce((sum, one) => sum + costOf(one), 0);
  return {
    depth: Math.max(...root.map(depthOf)),
    introspectionDepth: 0,
    selections,
    ...count,
    rootFields: root.length,
    cost: Math.max(points, Math.ceil(selections / SELECTIONS_PER_POINT)),
  };
}

/** Selections of a set where the value is of one object type; those of a fragment that is of other types only are left out. */
function compiled(
  { selections: all }: SelectionSetNode,
  type: string,
  fragmentOf: (name: string) => FragmentDefinitionNode,
): number {
  const within = (set: SelectionSetNode, condition: string): number =>
    possible(condition).includes(type) ? compiled(set, type, fragmentOf) : 0;
  return all.reduce((sum, selection) => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const { selectionSet, typeCondition } = fragmentOf(selection.name.value);
      return sum + 1 + within(selectionSet, typeCondition.name.value);
    }
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return sum + 1 + within(selection.selectionSet, selection.typeCondition?.name.value ?? type);
    }
    const { selectionSet, name } = selection;
    if (selectionSet === undefined) return sum + 1;
    const field = assertObjectType(schema.getType(type)).getFields()[name.value];
    const types = possible(field === undefined ? '' : getNamedType(field.type).name);
    return types.reduce((more, one) => more + compiled(selectionSet, one, fragmentOf), sum + 1);
  }, 0);
}

function possible(name: string): readonly string[] {
  const type = schema.getType(name);
  return isAbstractType(type) ? schema.getPossibleTypes(type).map((one) => one.name) : [name];
}

function depthOf({ below }: Written): number {
  return 1 + Math.max(0, ...below.map(depthOf));
}

function costOf({ node, below }: Written): number {
  const all = (of: readonly Written[]): number => of.reduce((sum, one) => sum + costOf(one), 0);
  const name = node.name.value;
  if (name === 'dear') return 25;
  if (name === 'list') return 3 + 4 * all(below);
  if (name === 'things') {
    const [argument] = node.arguments ?? [];
    const rows = argument?.value.kind === Kind.INT ? Number(argument.value.value) : 7;
    const isRow = (one: Written): boolean => ['nodes', 'edges'].includes(one.node.name.value);
    return 1 + rows * all(below.filter(isRow)) + all(below.filter((one) => !isRow(one)));
  }
  return node.selectionSet === undefined ? 0 : 1 + all(below);
}
