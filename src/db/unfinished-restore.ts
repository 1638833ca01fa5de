// A database into which a backup is being restored has a mark until all of it is there and proven. No gateway starts on it, and the
// next restore clears it away. The mark is a schema, so it needs none of the tables.

import { UnavailableError } from '../core/errors.ts';

/** The schema that is the mark. */
export const UNFINISHED_RESTORE = 'unfinished_restore';

/** The tables of the gateway and of its jobs. */
export const OUR_SCHEMAS: readonly string[] = ['public', 'graphile_worker'];

/** @param query runs a statement @throws UnavailableError when a restore into the database has not ended */
export async function requireRestored(query: (text: string) => Promise<unknown>): Promise<void> {
  const found = await query(`select from pg_namespace where nspname = '${UNFINISHED_RESTORE}'`);
  if (!Array.isArray(found) || found.length === 0) return;
  throw new UnavailableError(
    'A restore into this database has not ended, so it does not hold everything. Run npm run restore again: it begins anew.',
  );
}
