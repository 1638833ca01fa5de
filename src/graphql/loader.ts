// Fields of one answer that ask in the same tick share one statement, and nothing is asked for twice. Each kind of thing
// has a loader, which a request makes at its first use.

import DataLoader from 'dataloader';
import type { Tx } from '../db/database.ts';
import type { RequestContext } from './context.ts';

/** A request's loader. */
type Loader<K, V> = (context: RequestContext) => DataLoader<K, V, unknown>;

/**
 * Declares a loader.
 * @param load returns the value, or an error, for each key in order
 * @param keyOf equal for keys that mean the same; default: the key itself
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

/** A key's content as text: equal for keys with equal content. */
export function byContent(key: unknown): string {
  return JSON.stringify(key);
}

/**
 * Declares a loader of rows that carry their key; null where there is no row.
 * @param load returns the existing rows, in any order
 * @param keyOf equal for a key and its row
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
