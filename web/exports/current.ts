// The one export that the page is downloading, or that it has downloaded last: the button shows it while the menu is closed.

import { useSyncExternalStore } from 'react';
import type { ExportChoice } from './choice.ts';
import type { ExportProblem, FinishedExport } from './download.ts';

export type CurrentExport =
  | { readonly state: 'running'; readonly choice: ExportChoice; readonly bytes: number }
  | { readonly state: 'done'; readonly choice: ExportChoice; readonly finished: FinishedExport }
  | {
      readonly state: 'failed';
      readonly choice: ExportChoice;
      readonly problem: ExportProblem;
      readonly bytes: number;
    }
  | { readonly state: 'cancelled' };

let current: CurrentExport | null = null;
const listeners = new Set<() => void>();

/** Says what the page is downloading; null: nothing, and nothing to tell of. */
export function setCurrentExport(next: CurrentExport | null): void {
  current = next;
  for (const listener of listeners) listener();
}

/** Forgets how the last one ended, once that was seen. */
export function forgetEnded(): void {
  if (current !== null && current.state !== 'running') setCurrentExport(null);
}

/** What the page is downloading; changes with it. */
export function useCurrentExport(): CurrentExport | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
