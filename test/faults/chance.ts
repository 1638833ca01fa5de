// What happens by chance, from one seed: the same seed makes the same plan.

import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

export class Chance {
  private readonly generator: RandomGenerator;

  constructor(private readonly seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return uniformInt(this.generator, least, most);
  }

  /** Whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.whole(0, 999_999) < probability * 1_000_000;
  }

  oneOf<T>(things: readonly [T, ...T[]] | readonly T[]): T {
    const thing = things[this.whole(0, things.length - 1)];
    if (thing === undefined) throw new Error('nothing to choose from');
    return thing;
  }

  /** Another source of chance, which what is drawn from this one does not change. */
  of(name: string): Chance {
    let seed = this.seed;
    for (const character of name) seed = (Math.imul(seed, 31) + character.charCodeAt(0)) | 0;
    return new Chance(seed);
  }
}
