import { useState } from 'react';

export interface Pages {
  /** The cursor that the page follows; null: it is the first. */
  readonly after: string | null;
  /** How many pages stand before it. */
  readonly before: number;
  readonly next: (endCursor: string | null) => void;
  readonly previous: () => void;
}

/**
 * The pages of a list in the panel.
 * @param key what cursors belong to (the range, an order): with another one the list is at its first page again
 */
export function usePages(key: string): Pages {
  const [walked, setWalked] = useState<{
    readonly key: string;
    readonly cursors: readonly string[];
  }>({ key, cursors: [] });
  const cursors = walked.key === key ? walked.cursors : [];
  return {
    after: cursors.at(-1) ?? null,
    before: cursors.length,
    next: (endCursor) => {
      if (endCursor !== null) setWalked({ key, cursors: [...cursors, endCursor] });
    },
    previous: () => {
      setWalked({ key, cursors: cursors.slice(0, -1) });
    },
  };
}
