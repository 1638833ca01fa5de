// Events are kept by the month in which they were recorded. The partitions of coming months are made ahead, on any gateway.

import { Repeating } from '../core/repeating.ts';
import type { Database } from '../db/database.ts';
import { makeMonths } from './events.store.ts';

/** Three months are made ahead, so failing for days does no harm. */
const LOOK_MS = 3_600_000;

/** Makes what is missing when it starts, and looks every hour. */
export function monthsLoop(database: Database, onError: (error: unknown) => void): Repeating {
  return new Repeating(LOOK_MS, () => database.inTransaction('system', makeMonths), onError);
}
