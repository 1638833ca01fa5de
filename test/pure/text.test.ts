import { describe, expect, it } from '@jest/globals';
import { foldText } from '../../src/core/text.ts';

describe('foldText', () => {
  it.each([
    ['Übung', 'übung'],
    ['U\u0308bung', 'ÜBUNG'],
    ['STRASSE', 'straße'],
    ['Straẞe', 'strasse'],
    ['ﬁnance', 'FINANCE'],
    ['Ｔｏｋｙｏ', 'tokyo'],
    ['ΟΔΟΣ', 'οδος'],
    ['ΟΔΟΣΑ', 'οδοςα'],
    ['İzmir', 'IZMIR'],
    ['ısparta', 'Isparta'],
    ['Ǆungla', 'ǆungla'],
    ['ПРИВЕТ', 'привет'],
  ])('takes %s and %s for alike', (one, other) => {
    expect(foldText(one)).toBe(foldText(other));
  });

  it.each([
    ['Ubung', 'Übung'],
    ['l', 'I'],
    ['0', 'O'],
  ])('tells %s from %s', (one, other) => {
    expect(foldText(one)).not.toBe(foldText(other));
  });

  it('finds a word within a longer one, wherever its letters stand', () => {
    expect(foldText('Die ΟΔΟΣΑ Straße').includes(foldText('οδος'))).toBe(true);
    expect(foldText('Größenwahn AG').includes(foldText('ÖSSEN'))).toBe(true);
  });

  it('folds every letter that has cases as its capital and its small letter, and what is folded to itself', () => {
    const characters = Array.from({ length: 0x110000 }, (_, code) => code)
      .filter((code) => code < 0xd800 || code > 0xdfff)
      .map((code) => String.fromCodePoint(code))
      .filter((character) => /[\p{CWCF}\p{CWKCF}\p{CWU}\p{CWL}]/u.test(character));
    expect(characters.length).toBeGreaterThan(10_000);
    const folds = new Map(characters.map((character) => [character, foldText(character)]));

    const wrong = characters.filter((character) => {
      const folded = folds.get(character) ?? '';
      return (
        foldText(folded) !== folded ||
        foldText(character.toUpperCase()) !== folded ||
        foldText(character.toLowerCase()) !== folded
      );
    });

    expect(wrong).toEqual([]);
  });
});
