// What the fields of one answer ask for in the same tick is one statement, and what was asked for once is not asked for
// again: a loader for each kind of thing, made at its first use in a request.

import DataLoader from 'dataloader';
import type { Tx } from '../db/database.ts';
import type { RequestContext } from './context.ts';

/** A request's loader. */
type Loader<K, V> = (context: RequestContext) => DataLoader<K, V, unknown>;

/**
 * Declares a loader.
 * @param load answers each key, in their order, or says what is wrong with it
 * @param keyOf what two keys have alike that ask for the same; default: the key itself
 */
export function loader<K, V>(
  load: (tx: Tx, keys: readonly K[], context: RequestContext) => Promise<readonly (V | Error)[]>,
  keyOf: (key: K) => unknown = (key) => key,
): Loader<K, V> {
  const make: Loader<K, V> = (context) =>
    new DataLoader(async (keys) => load(await context.reader(), keys, context), {
      cacheKeyFn: keyOf,
    });
  return (context) => context.once(make);
}

/** What keys have alike that say the same. */
export function byContent(key: unknown): string {
  return JSON.stringify(key);
}

/**
 * Declares a loader of rows that carry their key; null where there is none.
 * @param load the rows that there are, in any order
 * @param keyOf what a key and its row have alike
 */
export function rowLoader<K, R extends K>(
  load: (tx: Tx, keys: readonly K[]) => Promise<readonly R[]>,
  keyOf: (of: K) => unknown,
): Loader<K, R | null> {
  return loader(async (tx, keys) => {
    const rows = new Map((await load(tx, keys)).map((row) => [keyOf(row), row]));
    return keys.map((key) => rows.get(keyOf(key)) ?? null);
  }, keyOf);
}
