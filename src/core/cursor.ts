// What a cursor holds: the place of its row in the list and, for a list of a view, which view that is.

/** The largest page of any list. */
export const ROWS_PER_PAGE_MAX = 500;

/** Which way a list is ordered. */
export const orderDirections = { ASC: 'ASC', DESC: 'DESC' } as const;
export type OrderDirection = keyof typeof orderDirections;

/** A cursor's place: the sort value of its row (null: none) and the row's id within its list. */
export interface CursorKey {
  readonly value: string | number | null;
  readonly id: number;
}

/** How far an account was written: its last event, its last new row, its last change of an existing row. */
export interface Written {
  readonly lastSeq: number;
  readonly lastLocalId: number;
  readonly lastChange: number;
}

/** What the first page of a view's list was computed as of. */
export interface AsOf extends Written {
  readonly nowMs: number;
}

/** Binds a cursor to its list and to the view whose first page it came from. */
export interface ViewMark {
  /** The fingerprint of the list with its order, filter and range. */
  readonly list: string;
  readonly asOf: AsOf;
}

export interface ViewCursor {
  readonly key: CursorKey;
  readonly mark: ViewMark;
}

/** A cursor as the API gives it. @param mark of a view's list */
export function encodeCursor(key: CursorKey, mark: ViewMark | null = null): string {
  const place = [key.value, key.id];
  if (mark === null) return encoded(place);
  const { list, asOf } = mark;
  return encoded([...place, list, asOf.nowMs, asOf.lastSeq, asOf.lastLocalId, asOf.lastChange]);
}

/** The place that a list's cursor holds; null when the text is no such cursor. */
export function decodeCursor(cursor: string): CursorKey | null {
  const parts = decoded(cursor);
  return parts?.length === 2 ? keyOf(parts) : null;
}

/** What a cursor of a view's list holds; null when the text is no such cursor. */
export function decodeViewCursor(cursor: string): ViewCursor | null {
  const parts = decoded(cursor);
  const key = parts?.length === 7 ? keyOf(parts) : null;
  if (key === null || parts === null) return null;
  const [list, ...numbers] = parts.slice(2);
  const [nowMs, lastSeq, lastLocalId, lastChange] = numbers.filter(isCount);
  if (typeof list !== 'string' || nowMs === undefined || lastSeq === undefined) return null;
  if (lastLocalId === undefined || lastChange === undefined) return null;
  return { key, mark: { list, asOf: { nowMs, lastSeq, lastLocalId, lastChange } } };
}

function encoded(parts: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

function decoded(cursor: string): readonly unknown[] | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function keyOf([value, id]: readonly unknown[]): CursorKey | null {
  const isKnown = value === null || typeof value === 'string' || typeof value === 'number';
  return isKnown && isCount(id) ? { value, id } : null;
}

// Rows are numbered from zero or one: a lower number belongs to no list, and not every column can hold it.
function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
