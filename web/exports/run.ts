// Runs the page's one download. It goes on while the menu is closed and the view changes; it ends with the session.

import { currentSession, onSession, tokenRefused } from '../session/session.ts';
import type { ExportChoice } from './choice.ts';
import { setCurrentExport } from './current.ts';
import { download, ExportFailure } from './download.ts';
import { type OpenedFile, openFile } from './file.ts';

let running: AbortController | null = null;

/** Stops the download that runs. Nothing of it is saved. */
export function cancelExport(): void {
  running?.abort();
}

export interface NewExport {
  readonly choice: ExportChoice;
  readonly path: string;
  readonly suggestedName: string;
}

/** Downloads an export. To be called while the browser takes it for an act of the person: it may ask where to save the file. */
export async function startExport({ choice, path, suggestedName }: NewExport): Promise<void> {
  const session = currentSession();
  if (running !== null || session.state !== 'signed-in') return;
  const { token } = session;
  const controller = new AbortController();
  running = controller;
  let bytes = 0;
  const stopListening = onSession(() => {
    if (currentSession().state !== 'signed-in') controller.abort();
  });
  try {
    const file = await opened(suggestedName);
    if (file === null) return;
    window.addEventListener('beforeunload', askFirst);
    setCurrentExport({ state: 'running', choice, bytes });
    const finished = await download(path, file, {
      token,
      signal: controller.signal,
      onProgress: (come) => {
        bytes = come;
        setCurrentExport({ state: 'running', choice, bytes });
      },
    });
    setCurrentExport({ state: 'done', choice, finished });
  } catch (error) {
    if (controller.signal.aborted) setCurrentExport({ state: 'cancelled' });
    else setCurrentExport({ state: 'failed', choice, bytes, problem: problemOf(error) });
    if (error instanceof ExportFailure && error.problem.kind === 'refused') tokenRefused(token);
  } finally {
    running = null;
    stopListening();
    window.removeEventListener('beforeunload', askFirst);
  }
}

async function opened(suggestedName: string): Promise<OpenedFile | null> {
  return openFile(suggestedName).catch(() => {
    throw new ExportFailure({ ...NO_ANSWER, kind: 'unwritable' });
  });
}

const NO_ANSWER = { message: null, reference: null, retryAfterSeconds: null };

function problemOf(error: unknown): ExportFailure['problem'] {
  return error instanceof ExportFailure ? error.problem : { ...NO_ANSWER, kind: 'failed' };
}

// Leaving the page would break the download off.
function askFirst(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
