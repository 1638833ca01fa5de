// What is remembered of a document's cost against judging it anew each time.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildSchema } from 'graphql';
import { Documents } from '../../src/graphql/documents.ts';

const schema = buildSchema(`
  type Query { things(first: Int = 7, last: Int, any: [Int]): ThingConnection }
  type ThingConnection { nodes: [Thing!]! }
  type Thing { n: Int things(first: Int = 3, last: Int): ThingConnection }
`);
const query = `query A($first: Int = 5, $last: Int, $inner: Int, $other: Int) {
  things(first: $first, last: $last, any: [$other]) { nodes { n things(first: $inner) { nodes { n } } } }
} query B($first: Int) { things(first: $first) { nodes { n } } }`;

function costOf(
  documents: Documents,
  variables: Record<string, unknown>,
  operationName = 'A',
): unknown {
  const read = documents.read({ query, operationName, variables });
  return 'cost' in read ? read.cost : read.errors.map(({ message }) => message);
}

describe('the cost of a document that was read before', () => {
  it('is that of the variables it is asked with now', () => {
    const documents = new Documents(schema);
    const asked: readonly (readonly [Record<string, unknown>, number])[] = [
      // 1 for things, and for each row 1, 1 for its own things and 3 rows of 1.
      [{ first: 2 }, 1 + 2 * 5],
      [{ first: 2, last: 4 }, 1 + 4 * 5],
      [{ first: 2, last: null }, 1 + 2 * 5],
      // Left out, it has the operation's default; null, that of the field.
      [{}, 1 + 5 * 5],
      [{ first: null }, 1 + 7 * 5],
      [{ first: 2, inner: 1 }, 1 + 2 * 3],
      [{ first: 2, inner: null }, 1 + 2 * 5],
      [{ first: 2, other: 9 }, 1 + 2 * 5],
    ];
    for (const [variables, cost] of [...asked, ...asked]) {
      expect(costOf(documents, variables)).toBe(cost);
    }
    expect(costOf(documents, { first: 2 }, 'B')).toBe(1 + 2);
  });

  it.each([
    ['a number that JSON cannot print', JSON.parse('1e999') as number, null],
    ['a text', '2', 2],
    ['a list', [2], 2],
    ['an object', { a: 2 }, { a: 3 }],
    ['a long text', 'x'.repeat(1_000), `${'x'.repeat(1_000)}y`],
  ])('is not taken from that of another value: %s', (_what, one, other) => {
    const documents = new Documents(schema);
    for (const first of [one, other, one, other]) {
      expect(costOf(documents, { first })).toEqual(costOf(new Documents(schema), { first }));
    }
  });

  it('is that of reading it for the first time, whatever was asked before', () => {
    const value = fc.oneof(
      { weight: 3, arbitrary: fc.nat({ max: 3 }) },
      { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 40_000, -1, 1.5, '1', true, [1], {}) },
    );
    const variables = fc.record(
      { first: value, last: value, inner: value, other: value },
      { requiredKeys: [] },
    );
    const asked = fc.tuple(variables, fc.constantFrom('A', 'B', 'C'));
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 60 }), (all) => {
        const documents = new Documents(schema);
        for (const [given, name] of all) {
          expect(costOf(documents, given, name)).toEqual(
            costOf(new Documents(schema), given, name),
          );
        }
      }),
      { numRuns: 60 },
    );
  });
});
