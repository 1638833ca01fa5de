// The pages of a view's lists: all of them are of the view that the first one was of.

import { createHash } from 'node:crypto';
import type { AsOf, ViewMark } from '../core/cursor.ts';
import type { ErrorPath } from '../core/errors.ts';
import {
  type ListArgs,
  parseViewPage,
  type ViewPageRequest,
  wrongCursor,
} from '../graphql/page.ts';
import { viewAsOf, type View } from './view.ts';

/** Enough to tell the lists of one caller apart. */
const FINGERPRINT_LENGTH = 16;
/** Gateways' clocks may differ by so much: one may be asked for the page after that of another. */
const AHEAD_MAX_MS = 60_000;
/** Views reach no further back (account/range.ts). */
const EARLIEST_MS = Date.UTC(1990, 0, 1);

/** A page of a list, and the view that it is of. */
export interface ViewPage<V extends View> {
  readonly request: ViewPageRequest;
  readonly view: V;
  /** The fingerprint of the list. */
  readonly list: string;
}

/**
 * The page that is asked for, of the view that its cursor says.
 * @param asked.list what tells the list from others of the view, its order and filter among it
 * @throws UserInputError when a cursor is none of this list in this order, filter and range
 */
export function openViewPage<V extends View>(asked: {
  readonly view: V;
  readonly list: readonly unknown[];
  readonly args: ListArgs;
  readonly defaultFirst: number;
  readonly path?: ErrorPath;
}): ViewPage<V> {
  const { args, path = [] } = asked;
  const request = parseViewPage(args, asked.defaultFirst, path);
  const { mark } = request;
  if (mark === null) return { request, view: asked.view, list: listOf(asked.view, asked.list) };
  const wrong = wrongCursor([...path, args.after == null ? 'before' : 'after']);
  const { nowMs } = mark.asOf;
  if (nowMs < EARLIEST_MS || nowMs > asked.view.range.nowMs + AHEAD_MAX_MS) throw wrong;
  const view = viewAsOf(asked.view, mark.asOf);
  const list = listOf(view, asked.list);
  if (list !== mark.list) throw wrong;
  return { request, view, list };
}

/** What the cursors of a page hold besides their places. @param asOf what its view is of */
export function markOf({ list }: { readonly list: string }, asOf: AsOf): ViewMark {
  return { list, asOf };
}

// The range as it is resolved: whatever named it, and so that another zone of the account is another range.
function listOf({ account, range }: View, list: readonly unknown[]): string {
  const of = [account.accountId, range.fromMs, range.toMs, range.timeZone, ...list];
  const hash = createHash('sha256').update(JSON.stringify(of)).digest('base64url');
  return hash.slice(0, FINGERPRINT_LENGTH);
}
