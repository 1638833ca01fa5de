// What the browser keeps for the page. A frame of another site may be refused its storage, which throws: then the page keeps
// things for as long as it is open.

export type Shelf = 'local' | 'session';

const memory = new Map<string, string>();

function storageOf(shelf: Shelf): Storage {
  return shelf === 'local' ? window.localStorage : window.sessionStorage;
}

/** What is kept under a name; null: nothing. */
export function recall(shelf: Shelf, name: string): string | null {
  try {
    return storageOf(shelf).getItem(name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

/** Keeps a value under a name: 'session' for this browser tab, 'local' for the browser. */
export function keep(shelf: Shelf, name: string, value: string): void {
  memory.set(name, value);
  try {
    storageOf(shelf).setItem(name, value);
  } catch {
    // It is kept while the page is open.
  }
}

/** Forgets what is kept under a name. */
export function forget(shelf: Shelf, name: string): void {
  memory.delete(name);
  try {
    storageOf(shelf).removeItem(name);
  } catch {
    // There was nothing.
  }
}
