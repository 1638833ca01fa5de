// The pages of a view's lists. All pages show the view of the first page.

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

/** Enough to distinguish the lists of one caller. */
const FINGERPRINT_LENGTH = 16;
/** How far gateways' clocks may differ: one may be asked for the page after that of another. */
const AHEAD_MAX_MS = 60_000;
/** No view begins earlier (account/range.ts). */
const EARLIEST_MS = Date.UTC(1990, 0, 1);

/** A page of a list, and its view. */
export interface ViewPage<V extends View> {
  readonly request: ViewPageRequest;
  readonly view: V;
  /** What the cursors of the page hold besides their places. @param asOf of the page's view */
  readonly markAt: (asOf: AsOf) => ViewMark;
}

/**
 * The requested page, of the view in its cursor.
 * @param asked.list what distinguishes the list from others of the view, including order and filter
 * @throws UserInputError when a cursor is not of this list in this order, filter and range
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
  if (mark === null) {
    return { request, view: asked.view, markAt: (asOf) => new FirstMark(asked, asOf) };
  }
  const wrong = wrongCursor([...path, args.after == null ? 'before' : 'after']);
  const { nowMs } = mark.asOf;
  if (nowMs < EARLIEST_MS || nowMs > asked.view.range.nowMs + AHEAD_MAX_MS) throw wrong;
  const view = viewAsOf(asked.view, mark.asOf);
  const list = listOf(view, asked.list);
  if (list !== mark.list) throw wrong;
  return { request, view, markAt: (asOf) => ({ list, asOf }) };
}

/** Of a list's first page. Its fingerprint is found when a cursor is asked for, which is seldom. */
class FirstMark implements ViewMark {
  private found: string | undefined;

  constructor(
    private readonly of: { readonly view: View; readonly list: readonly unknown[] },
    readonly asOf: AsOf,
  ) {}

  get list(): string {
    this.found ??= listOf(this.of.view, this.of.list);
    return this.found;
  }
}

// The resolved range: equal ranges may be written differently, and after a change of zone the same words are another range.
function listOf({ account, range }: View, list: readonly unknown[]): string {
  const of = [account.accountId, range.fromMs, range.toMs, range.timeZone, ...list];
  const hash = createHash('sha256').update(JSON.stringify(of)).digest('base64url');
  return hash.slice(0, FINGERPRINT_LENGTH);
}
