import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isoInstant } from '../../src/core/range.ts';

const DATE_MAX_MS = 8_640_000_000_000_000;

it('prints every instant as JavaScript does', () => {
  const instants = fc.oneof(
    fc.integer({ min: -DATE_MAX_MS, max: DATE_MAX_MS }),
    // Few days, as on a page, so that days come again.
    fc.integer({ min: -200_000_000, max: 200_000_000 }),
    fc.double({ min: -1e12, max: 1e12, noNaN: true }),
  );
  fc.assert(
    fc.property(instants, (atMs) => {
      expect(isoInstant(atMs)).toBe(new Date(atMs).toISOString());
    }),
    { numRuns: 5_000 },
  );
});

it('refuses what is no instant', () => {
  expect(() => isoInstant(Number.NaN)).toThrow(RangeError);
  expect(() => isoInstant(DATE_MAX_MS + 86_400_000)).toThrow(RangeError);
});
