// The page's addresses: what is shown survives a link, and nothing that a person types breaks the page.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fittingGranularity } from '../../web/address/inputs.ts';
import {
  type Address,
  formatAddress,
  GRANULARITIES,
  hasDays,
  PAGE_SIZES,
  parseAddress,
  PRESETS,
  START,
  TABS,
} from '../../web/address/address.ts';

it('takes an instant with and without its seconds, and no name of nothing', () => {
  const range = '2026-11-01T00:00Z..2026-11-01T00:00:30Z';
  expect(read(`/usage/models?range=${range}`).range).toEqual({
    kind: 'instants',
    from: '2026-11-01T00:00Z',
    to: '2026-11-01T00:00:30Z',
  });
  const turned = '2026-11-01T00:00:00.500Z..2026-11-01T00:00:00Z';
  expect(read(`/usage/models?range=${turned}`).range).toEqual(START.range);
  expect(read('/usage/models?open=&entry=&account=&tz=%2B02:00')).toEqual({
    ...START,
    tab: 'models',
  });
});

function read(address: string): Address {
  const [path = '', query = ''] = address.split('?');
  return parseAddress(path, query);
}

const day = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const instant = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const word = fc.stringMatching(/^[a-z_]{1,20}$/);

const address: fc.Arbitrary<Address> = fc.record({
  tab: fc.constantFrom(...TABS),
  range: fc.oneof(
    fc.constantFrom(...PRESETS).map((preset) => ({ kind: 'preset' as const, preset })),
    fc.tuple(day, day).map((days) => {
      const [from, to] = days.sort();
      return { kind: 'days' as const, from, to };
    }),
    fc
      .tuple(instant, instant)
      .filter(([one, other]) => one !== other)
      .map((instants) => {
        const [from, to] = instants.sort();
        return { kind: 'instants' as const, from, to };
      }),
  ),
  timeZone: fc.constantFrom(null, 'Europe/Berlin', 'Asia/Kolkata', 'UTC'),
  granularity: fc.constantFrom(null, ...GRANULARITIES),
  search: fc.string({ maxLength: 40 }),
  statuses: fc.array(word, { maxLength: 3 }),
  types: fc.array(word, { maxLength: 3 }),
  // A letter case of its own would be lost: the address has one.
  languages: fc.array(fc.stringMatching(/^[a-z0-9+#&=. ]{1,20}$/), { maxLength: 3 }),
  sort: fc.option(fc.record({ field: word, descending: fc.boolean() })),
  pageSize: fc.constantFrom(...PAGE_SIZES),
  page: fc.option(
    fc.record({
      rowsBefore: fc.nat(100_000),
      direction: fc.constantFrom('after' as const, 'before' as const),
      cursor: fc.base64String({ minLength: 1 }).filter((cursor) => cursor !== ''),
    }),
  ),
  open: fc.option(fc.base64String({ minLength: 4 })),
  statement: fc.option(fc.integer({ min: 1, max: 999_999_999 })),
  entry: fc.option(fc.base64String({ minLength: 4 })),
  accountId: fc.option(fc.base64String({ minLength: 4 })),
});

describe('an address', () => {
  it('shows a colleague the same', () => {
    fc.assert(
      fc.property(address, (shown) => {
        expect(read(formatAddress(shown))).toMatchObject(shown);
      }),
    );
  });

  it('is short for what is shown at first', () => {
    expect(formatAddress(START)).toBe('/usage/overview');
    expect(read('/usage')).toEqual(START);
  });

  it('reads as a person would write it', () => {
    const shown = read(
      '/usage/models?range=2026-11-01..2026-11-30&tz=Europe/Berlin&q=whisper&status=deployed,failed&type=fine_tuned&language=Python,c%23&sort=-credits&size=50',
    );

    expect(shown).toMatchObject({
      tab: 'models',
      range: { kind: 'days', from: '2026-11-01', to: '2026-11-30' },
      timeZone: 'Europe/Berlin',
      search: 'whisper',
      statuses: ['deployed', 'failed'],
      types: ['fine_tuned'],
      languages: ['python', 'c#'],
      sort: { field: 'credits', descending: true },
      pageSize: 50,
    });
    expect(formatAddress(shown)).toContain('range=2026-11-01..2026-11-30&tz=Europe/Berlin');
  });

  it.each([
    ['a range that is none', 'range=yesterday'],
    ['a day that is none', 'range=2026-02-30..2026-03-01'],
    ['days in the wrong order', 'range=2026-03-02..2026-03-01'],
    ['no time between two instants', 'range=2026-03-01T10:00Z..2026-03-01T10:00Z'],
    ['three ends', 'range=2026-03-01..2026-03-02..2026-03-03'],
    ['a zone that is none', 'tz=Mars/Olympus'],
    ['a granularity that is none', 'by=minute'],
    ['an order that is none', 'sort=;drop'],
    ['a page that is none', 'page=2'],
    ['a page size that is none', 'size=7'],
    ['a status that is none', 'status=%3Cb%3E'],
    ['a type that is none', 'type=1'],
    ['a language that is none', 'language=,%00'],
  ])('shows what stands at first instead of %s', (_what, query) => {
    expect(read(`/usage/overview?${query}`)).toEqual(START);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
        expect(TABS).toContain(parseAddress(path, query).tab);
      }),
    );
  });
});

describe('a range', () => {
  it.each([
    ['range=90d', true],
    ['range=30d', false],
    ['range=last-cycle', false],
    // January to March of 2026 are 31 + 28 + 31 days.
    ['range=2026-01-01..2026-03-31', true],
    ['range=2026-01-01..2026-03-30', false],
    ['range=2026-01-01T00:00Z..2026-04-01T00:00Z', true],
    ['range=2026-01-01T00:00Z..2026-03-31T23:59Z', false],
  ])('%s of 90 days or more: %s', (query, isLong) => {
    expect(hasDays(read(`/usage/models?${query}`).range, 90)).toBe(isLong);
  });
});

describe('the granularity of the address', () => {
  // 2,500 hours are 104 days and 4 hours; a range of whole days has a partial hour at neither end.
  it.each([
    ['by=hour&range=2026-01-01..2026-04-14', 'hour'],
    ['by=hour&range=2026-01-01..2026-04-15', null],
    ['by=hour&range=90d', 'hour'],
    ['by=day&range=2020-01-01..2026-10-31', 'day'],
    ['by=day&range=2020-01-01..2026-12-31', null],
    ['by=month&range=2000-01-01..2099-12-31', 'month'],
    ['range=7d', null],
  ])('of %s is %s: automatic where it gives more bars than the API', (query, granularity) => {
    expect(fittingGranularity(read(`/usage/overview?${query}`))).toBe(granularity);
  });
});
