/** A cursor's content: the sort value of its row (null: none) and the row's id within its list. */
export interface CursorKey {
  readonly value: string | number | null;
  readonly id: number;
}
