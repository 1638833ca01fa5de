import { archivedErrors } from '../archives/archives.store.ts';
import { loader } from '../graphql/loader.ts';
import type { RecordedEvent } from './event.ts';
import { loadEvents } from './events.store.ts';

interface EventRef {
  readonly accountId: number;
  readonly seq: number;
}

function keyOf({ accountId, seq }: EventRef): string {
  return `${accountId}.${seq}`;
}

/** Events and hosting periods by account and number; null where there is none, ARCHIVED where it is archived. */
export const eventLoader = loader<EventRef, RecordedEvent | null>(async (tx, refs) => {
  const found = new Map((await loadEvents(tx, refs)).map((event) => [keyOf(event), event]));
  const missing = refs.filter((ref) => !found.has(keyOf(ref)));
  const errors = await archivedErrors(
    tx,
    missing.map(({ accountId, seq }) => ({ accountId, seqs: { first: seq, last: seq } })),
  );
  const errorOf = new Map(missing.map((ref, index) => [ref, errors[index] ?? null]));
  return refs.map((ref) => found.get(keyOf(ref)) ?? errorOf.get(ref) ?? null);
}, keyOf);
