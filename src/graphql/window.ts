// Pages in both directions for lists whose rows are numbered within their account. A cursor is a row's number.

import { ArgsType, Field, Int } from 'type-graphql';
import type { CursorKey } from '../core/cursor.ts';
import type { Window } from '../core/window.ts';
import { Connection, parseCursor, parseEnd, wrongCursor } from './page.ts';

@ArgsType()
export class WindowArgs {
  @Field(() => Int, { nullable: true }) readonly first?: number | null;
  @Field(() => String, { nullable: true }) readonly after?: string | null;
  @Field(() => Int, { nullable: true }) readonly last?: number | null;
  @Field(() => String, { nullable: true }) readonly before?: string | null;
}

/**
 * The window that a list's arguments ask for.
 * @param otherwise used when neither first nor last is given
 * @throws BAD_USER_INPUT for both, for a count out of bounds, and for a cursor of another list
 */
export function parseWindow(args: WindowArgs, otherwise: Pick<Window, 'from' | 'limit'>): Window {
  return {
    ...(parseEnd(args, []) ?? otherwise),
    after: sequenceOfCursor(args.after, 'after'),
    before: sequenceOfCursor(args.before, 'before'),
  };
}

/** The number in a cursor. @throws BAD_USER_INPUT for a cursor of another list */
export function sequenceOfCursor(cursor: string | null | undefined, name: string): number | null {
  if (cursor === null || cursor === undefined) return null;
  const { value, id } = parseCursor(cursor, [name]);
  if (value !== null) throw wrongCursor([name]);
  return id;
}

/** The window to read so that we know whether there are more rows: it has one more, at the far end. */
export function withOneMore(window: Window): Window {
  return { ...window, limit: window.limit + 1 };
}

/** The page of rows that were read by `withOneMore`, ascending. */
export function pageOfWindow<T>(
  rows: readonly T[],
  window: Window,
  list: {
    readonly keyOf: (row: T) => CursorKey;
    readonly countAll: () => number | Promise<number>;
  },
): Connection<T> {
  const isFirst = window.from === 'FIRST';
  const hasMore = rows.length > window.limit;
  return new Connection({
    nodes: isFirst ? rows.slice(0, window.limit) : rows.slice(hasMore ? 1 : 0),
    keyOf: list.keyOf,
    hasNextPage: window.before !== null || (isFirst && hasMore),
    hasPreviousPage: window.after !== null || (!isFirst && hasMore),
    countAll: list.countAll,
  });
}
