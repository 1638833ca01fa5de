// Where the editor finds its workers: among our own files.

/** The addresses of the workers by what the editor calls them; the build puts them in. */
declare const WORKER_FILES: Readonly<Record<'editor' | 'graphql' | 'json', string>>;

/** Tells the editor, which asks the global scope. */
export function provideWorkers(): void {
  const getWorker = (_id: string, label: string): Worker =>
    new Worker(label === 'json' || label === 'graphql' ? WORKER_FILES[label] : WORKER_FILES.editor);
  Object.assign(globalThis, { MonacoEnvironment: { getWorker } });
}
