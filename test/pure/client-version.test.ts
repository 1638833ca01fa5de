import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { dueVersion, faultsOfDeprecations, isAtLeast } from '../../scripts/client-version.ts';

const schema = (fields: string): ReturnType<typeof buildSchema> =>
  buildSchema(`type Query { ${fields} }`);
const SMALL = schema('one: Int');
const LARGE = schema('one: Int two: Int');

describe('the version that is due', () => {
  it.each([
    ['2.3.4', SMALL, SMALL, '2.3.4'],
    ['2.3.4', SMALL, LARGE, '2.4.0'],
    ['2.3.4', LARGE, SMALL, '3.0.0'],
    ['0.3.4', SMALL, LARGE, '0.3.5'],
    ['0.3.4', LARGE, SMALL, '0.4.0'],
  ])('after %s', async (released, before, after, due) => {
    expect((await dueVersion(released, before, after)).version).toBe(due);
  });

  it('names what breaks callers', async () => {
    const { breaking } = await dueVersion('1.0.0', LARGE, schema('one: Int!'));

    expect(breaking).toEqual(["Field 'two' was removed from object type 'Query'"]);
  });
});

it.each([
  ['1.2.3', '1.2.3', true],
  ['1.10.0', '1.9.9', true],
  ['2.0.0', '1.9.9', true],
  ['1.9.9', '1.10.0', false],
  ['0.4.0', '1.0.0', false],
])('%s is at least %s: %s', (version, other, expected) => {
  expect(isAtLeast(version, other)).toBe(expected);
});

describe('a deprecation', () => {
  const deprecated = (reason: string): ReturnType<typeof buildSchema> =>
    schema(`one: Int @deprecated(reason: "${reason}")`);
  const faults = (reason: string): readonly string[] =>
    faultsOfDeprecations(SMALL, deprecated(reason), '2026-08-10');

  it('ends in a date at least six months ahead', () => {
    expect(faults('Use two. Until 2027-02-10.')).toEqual([]);
    expect(faults('Use two. Until 2027-02-09.')).toEqual([
      'Query.one is deprecated with "Use two. Until 2027-02-09."; it must end in a date from 2027-02-10 on.',
    ]);
    expect(faults('Use two.')).toHaveLength(1);
  });

  it('that was there at the release is as it was', () => {
    const before = deprecated('Use two.');

    expect(faultsOfDeprecations(before, before, '2026-08-10')).toEqual([]);
  });
});
