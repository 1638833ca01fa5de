// Up to where accounts are written and folded, and the events in between. These are remembered, and only what came since is read.

import { invariant } from '../core/errors.ts';
import { byContent, loader } from '../graphql/loader.ts';
import { remembered } from '../graphql/remembered.ts';
import { TailEvents } from './tail.ts';
import {
  type FoldedUpTo,
  type Latest,
  loadFoldedUpTo,
  loadLatest,
  loadTail,
} from './tail.store.ts';

/** A longer tail is added up by the database: that is when folding is far behind. */
const TAIL_MAX = 20_000;
const TAILS_BYTES_MAX = 64 * 1024 * 1024;
const EVENT_BYTES = 250;

/** Up to where accounts are written and folded, by account id. */
export const foldedUpToLoader = loader<number, FoldedUpTo>(async (tx, accountIds) => {
  const rows = await loadFoldedUpTo(tx, accountIds);
  const byId = new Map(rows.map((row) => [row.accountId, row]));
  return accountIds.map((accountId) => {
    const row = byId.get(accountId);
    invariant(row !== undefined, 'a view is of an account that exists', { accountId });
    return row;
  });
});

/** An account's tail. It stands until an event is voided, and takes the place of the one before then: nobody needs that any more. */
interface Tail {
  readonly lastChange: number;
  readonly tail: TailEvents;
}

const rememberedTails = remembered<Tail>({
  bytesMax: TAILS_BYTES_MAX,
  bytesOf: ({ tail: { events } }) => events.length * EVENT_BYTES,
});

/** The events of an account `(fromSeq, toSeq]`. */
interface TailOf {
  readonly accountId: number;
  readonly fromSeq: number;
  readonly toSeq: number;
}

function keyOf({ run, accountId }: FoldedUpTo): string {
  return [run, accountId].join();
}

const NO_EVENTS = new TailEvents(0, 0, []);

/** The events that count of a part of an account that its rollups lack; null when they are too many. */
export const tailLoader = loader<TailOf, TailEvents | null>(async (tx, asked, context) => {
  const known = rememberedTails(context);
  const states = await Promise.all(
    asked.map(({ accountId }) => foldedUpToLoader(context).load(accountId)),
  );
  // Numbers are given in the order of commits, so what is written up to a number stays, unless an event is voided: that is a change.
  const found = asked.map(({ fromSeq }, index) => {
    const state = states[index];
    const kept = state === undefined ? undefined : known.get(keyOf(state));
    return kept?.lastChange === state?.lastChange && kept?.tail.spans(fromSeq, fromSeq) === true
      ? kept.tail
      : undefined;
  });
  const rest = asked.map((of, index) => ({ ...of, fromSeq: found[index]?.toSeq ?? of.fromSeq }));
  const isToRead = ({ fromSeq, toSeq }: TailOf): boolean =>
    toSeq > fromSeq && toSeq - fromSeq <= TAIL_MAX;
  const reading = rest.filter(isToRead);
  const events = reading.length === 0 ? [] : await loadTail(tx, reading);
  const read = new Map(reading.map((of, index) => [of, events[index] ?? []]));
  return asked.map(({ fromSeq, toSeq }, index) => {
    const of = rest[index];
    if (toSeq <= fromSeq) return NO_EVENTS;
    if (of === undefined || toSeq - fromSeq > TAIL_MAX) return null;
    const before = found[index];
    if (before?.spans(fromSeq, toSeq) === true) return before.part(fromSeq, toSeq);
    const next = new TailEvents(of.fromSeq, toSeq, read.get(of) ?? []);
    const tail = before === undefined ? next : before.extended(fromSeq, next);
    const state = states[index];
    if (state !== undefined) known.set(keyOf(state), { lastChange: state.lastChange, tail });
    return tail;
  });
}, byContent);

const LATEST_BYTES_MAX = 4 * 1024 * 1024;
const LATEST_BYTES = 100;
const rememberedLatest = remembered<Latest>({
  bytesMax: LATEST_BYTES_MAX,
  bytesOf: () => LATEST_BYTES,
});

/** What lies latest in an account's rollups: it stands as long as watermark and epoch do. */
export const latestLoader = loader<FoldedUpTo, Latest>(
  async (tx, states, context) => {
    const known = rememberedLatest(context);
    const keyOf = ({ run, accountId, watermark, epoch }: FoldedUpTo): string =>
      [run, accountId, watermark, epoch].join();
    const missing = states.filter((state) => known.get(keyOf(state)) === undefined);
    const ids = missing.map(({ accountId }) => accountId);
    const read = ids.length === 0 ? null : await loadLatest(tx, ids, context.nowMs);
    return states.map((state) => {
      const latest = read?.get(state.accountId) ?? known.get(keyOf(state));
      invariant(latest !== undefined, 'a view is of an account that exists', { ...state });
      known.set(keyOf(state), latest);
      return latest;
    });
  },
  ({ accountId }) => accountId,
);
