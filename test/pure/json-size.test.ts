import { describe, expect, it } from '@jest/globals';
import { requireModestJson } from '../../src/core/json-size.ts';

const REFUSAL = 'The body holds more than 200000 values, more than any call takes.';
// Longer than what is let through unseen.
const padding = JSON.stringify({ padding: 'x'.repeat(70_000) });

describe('a JSON text', () => {
  it('is refused with more values than any call takes', () => {
    const list = (count: number): string => `[${padding}${',1'.repeat(count)}]`;
    expect(() => {
      requireModestJson(list(199_997));
    }).not.toThrow();
    expect(() => {
      requireModestJson(list(199_998));
    }).toThrow(REFUSAL);
    expect(() => {
      requireModestJson(`[${'{},'.repeat(150_000)}{}]`);
    }).toThrow(REFUSAL);
    expect(() => {
      requireModestJson('['.repeat(200_001));
    }).toThrow(REFUSAL);
  });

  it('may have in its strings what it wants, and end anywhere', () => {
    const text = JSON.stringify(`"[{,\\"`.repeat(300_000));
    for (const end of [text.length, text.length - 1, text.length - 2]) {
      expect(() => {
        requireModestJson(text.slice(0, end));
      }).not.toThrow();
    }
  });
});
