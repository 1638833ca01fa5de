// What the answers of one gateway share: values that are the same for every caller as long as the state of the database that
// their keys name stands. A key, or the value itself, has the numbers of that state, read in the answer's own snapshot, so nothing is
// ever taken for what it is no longer.

import { LRUCache } from 'lru-cache';
import type { RequestContext } from './context.ts';

/** What is remembered of one kind of thing. */
export type Remembered<V extends object> = Pick<LRUCache<string, V>, 'get' | 'set'>;

/**
 * Declares a kind of thing to remember, for each database by itself.
 * @param options.bytesMax of all of its keys and values; those that were not asked for longest go first
 * @param options.bytesOf about how much memory a value takes
 */
export function remembered<V extends object>(options: {
  readonly bytesMax: number;
  readonly bytesOf: (value: V) => number;
}): (context: RequestContext) => Remembered<V> {
  const { bytesMax, bytesOf } = options;
  const ofDatabase = new WeakMap<object, LRUCache<string, V>>();
  return ({ database }) => {
    let values = ofDatabase.get(database);
    if (values === undefined) {
      values = new LRUCache({
        maxSize: bytesMax,
        sizeCalculation: (value, key) => key.length + bytesOf(value) + 1,
      });
      ofDatabase.set(database, values);
    }
    return values;
  };
}
