// What happens by chance, from one seed: the same seed makes the same plan.

import { chanceOf } from '../../src/cli/seed/random.ts';

export class Chance {
  private readonly stream: ReturnType<typeof chanceOf>;

  /** @param name of the stream: a seed, and what of it */
  constructor(private readonly name: string) {
    this.stream = chanceOf(name);
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return this.stream.whole(least, most);
  }

  /** Whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.stream.unit() < probability;
  }

  oneOf<T>(things: readonly T[]): T {
    const thing = things[this.whole(0, things.length - 1)];
    if (thing === undefined) throw new Error('nothing to choose from');
    return thing;
  }

  /** Another source of chance, which what is drawn from this one does not change. */
  of(name: string): Chance {
    return new Chance(`${this.name} ${name}`);
  }
}
