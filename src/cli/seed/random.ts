// Random numbers that are the same in every run: a stream for each name, so that changing one part of the demo's
// history leaves all others as they are.

export interface Chance {
  /** From 0 up to, not including, 1. */
  unit(): number;
  /** A whole number, both ends included. */
  whole(from: number, to: number): number;
}

/** The stream of a name: mulberry32, seeded with the name's FNV-1a hash. */
export function chanceOf(name: string): Chance {
  let state = 0x811c9dc5;
  for (const character of name) {
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { unit, whole: (from, to) => from + Math.floor(unit() * (to - from + 1)) };
}
