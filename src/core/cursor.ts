/** Of any list. */
export const ROWS_PER_PAGE_MAX = 500;

/** A cursor's content: the sort value of its row (null: none) and the row's id within its list. */
export interface CursorKey {
  readonly value: string | number | null;
  readonly id: number;
}

/** A cursor as the API gives it. */
export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify([key.value, key.id])).toString('base64url');
}
