// Which documents are kept in memory once they were read.

import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { Documents, QUERY_LIMITS } from '../../src/graphql/documents.ts';

const documents = new Documents(buildSchema('type Query { a: Int b: Query c(l: [Int]): Int }'));
const isKept = (text: string): boolean =>
  documents.find(createHash('sha256').update(text).digest('hex')) !== undefined;

describe('a document that was read', () => {
  it('is kept when it is valid', () => {
    documents.read({ query: '{ a }' });
    expect(isKept('{ a }')).toBe(true);
  });

  it.each(['{ no }', '{ a ', `{ ${'b { '.repeat(20)} a ${'} '.repeat(20)} }`])(
    'is not kept when it was refused: %s',
    (query) => {
      expect(documents.read({ query })).toMatchObject({ errors: [expect.anything()] });
      expect(isKept(query)).toBe(false);
    },
  );

  it.each([
    ['tokens', (i: number) => `{ c(l: [${'1 '.repeat(300)} ${i}]) }`],
    ['comments', (i: number) => `{ a } ${'#\n'.repeat(30_000)} # ${i}`],
  ])('makes room for others by the memory of its %s', (_what, textOf) => {
    const first = textOf(0);
    documents.read({ query: first });
    expect(isKept(first)).toBe(true);
    for (let i = 1; i < 1_000; i += 1) documents.read({ query: textOf(i) });
    expect(isKept(first)).toBe(false);
  });

  it.each([
    ['all, when it is not valid', '{ no(a: "b c") } # d', 8],
    ['those before the one that is not expected, and that', '{ a } ) { a }', 4],
    ['those before what is no token', '{ a "', 2],
    ['one more than is allowed', '{ a } '.repeat(1_000), QUERY_LIMITS.tokens + 1],
    ['none, when it is too long', `{ a } #${' '.repeat(QUERY_LIMITS.characters)}`, 0],
  ])('and refused says how many of its tokens were read: %s', (_what, query, tokens) => {
    expect(documents.read({ query })).toMatchObject({ tokens });
  });
});
