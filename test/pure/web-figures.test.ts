// Figures of the page: exact from the API's string to the reader's language.

import { describe, expect, it } from '@jest/globals';
import { burnedDown, shareOf } from '../../web/figures/decimal.ts';
import { figuresOf } from '../../web/figures/figures.ts';
import { chooseLanguage } from '../../web/words/words.ts';

const english = figuresOf('en-GB', 'Europe/Berlin');
const german = figuresOf('de-DE', 'Europe/Berlin');
/** Intl sets no-break spaces where a person reads a space. */
const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

describe('the figures of an axis', () => {
  it('are short, however large', () => {
    expect([0, 0.25, 9000].map(english.tick)).toEqual(['0', '0.25', '9,000']);
    expect([250_000, 9e12].map(english.tick).map(plain)).toEqual(['250k', '9tn']);
    expect(plain(german.tick(9e12))).toBe('9 Bio.');
  });
});

describe('credits', () => {
  it('show two digits, and all six where they are asked for', () => {
    expect(english.credits('213.247742')).toBe('213.25');
    expect(german.credits('1234567.5')).toBe('1.234.567,50');
    expect(english.exactCredits('213.247742')).toBe('213.247742');
    expect(german.exactCredits('0.1')).toBe('0,10');
    expect(english.sixDigits('213.247742')).toBe('213.247742');
    expect(german.sixDigits('0.1')).toBe('0,100000');
    expect(english.signedSixDigits('0.1')).toBe('+0.100000');
  });

  it('keep digits that a Number would lose', () => {
    // 2^53 + 1 has no Number of its own.
    expect(english.exactCredits('9007199254740993.000001')).toBe('9,007,199,254,740,993.000001');
  });

  it('show no minus sign for a debt that rounds to nothing', () => {
    expect(english.credits('-0.001')).toBe('0.00');
    expect(english.credits('-0.01')).toBe('-0.01');
  });

  it('burn down by the rate an hour, and never up', () => {
    // 3.6 credits an hour are 0.001 a second.
    expect(burnedDown(5_000_000n, 3_600_000n, 1_500)).toBe(4_998_500n);
    expect(burnedDown(5_000_000n, 3_600_000n, -10_000)).toBe(5_000_000n);
  });

  it('have a place in a gauge', () => {
    expect(shareOf(212_160_000n, 300_000_000n)).toBe(0.7072);
    expect(shareOf(1n, 0n)).toBe(0);
  });
});

describe('other figures', () => {
  it('show percentages and durations', () => {
    expect(english.percent(70.72)).toBe('70.72%');
    expect(plain(german.percent(0.45))).toBe('0,45 %');
    expect(plain(english.duration('PT36H15M'))).toBe('36 h 15 min');
    expect(plain(german.duration('PT1234H15M'))).toBe('1.234 h 15 min');
    expect(plain(english.duration('PT0S'))).toBe('0 min');
    expect(plain(english.duration('PT12.5S'))).toBe('12 s');
  });

  it('show instants in the zone of the range', () => {
    // Berlin is two hours ahead in summer, one in winter.
    expect(english.time('2026-07-01T22:30:00.000Z')).toBe('00:30');
    expect(english.time('2026-01-01T22:30:00.000Z')).toBe('23:30');
    expect(english.day('2026-07-01T22:30:00.000Z')).toBe('2 Jul 2026');
  });
});

describe('the language', () => {
  it.each([
    [null, ['de-AT', 'en'], 'de', 'de-AT'],
    ['de', ['en-US'], 'de', 'de'],
    [null, ['fr-FR', 'de'], 'de', 'de'],
    [null, ['fr-FR'], 'en', 'en'],
    // What a browser without a screen reports.
    [null, ['en-US@posix'], 'en', 'en-US'],
    [null, ['!'], 'en', 'en'],
  ])(
    'asked %s of a reader of %j is %s with figures of %s',
    (asked, preferred, language, locale) => {
      expect(chooseLanguage(asked, preferred)).toEqual({ language, locale });
    },
  );
});
