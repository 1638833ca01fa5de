// Where the bytes of a download go. The page fetches files itself, because their token is no part of an address. Nothing is
// saved before the file is whole.

import { isEmbedded } from '../session/embedding.ts';

declare global {
  interface Window {
    /** Not in Firefox and Safari; refused to frames of other sites. */
    showSaveFilePicker?: (options: {
      readonly suggestedName: string;
    }) => Promise<FileSystemFileHandle>;
  }
  interface FileSystemFileHandle {
    remove?: () => Promise<void>;
  }
}

/** The most that is held in memory, in bytes. */
export const MEMORY_MAX_BYTES = 250_000_000;
/** So many bytes become one Blob, which the browser may keep outside of the page's memory. */
const BLOB_BYTES = 4_000_000;
/** The browser has begun with what it saves by then. */
const RELEASE_AFTER_MS = 60_000;

export type Chunk = Uint8Array<ArrayBuffer>;

export interface OpenedFile {
  /** @throws TooLargeError when it holds the file in memory, and that is too much */
  readonly write: (chunk: Chunk) => Promise<void>;
  /** Hands the whole file over. @returns its name */
  readonly save: (name: string) => Promise<string>;
  /** Leaves nothing behind. */
  readonly discard: () => Promise<void>;
}

/** The file does not fit into memory. */
export class TooLargeError extends Error {}

/** Whether a file is written to the disk as it comes. */
export function isWrittenToDisk(): boolean {
  return window.showSaveFilePicker !== undefined && !isEmbedded();
}

/** Opens a file, on the disk where the person chooses a place. @returns null when the person chooses none */
export async function openFile(suggestedName: string): Promise<OpenedFile | null> {
  if (window.showSaveFilePicker === undefined || isEmbedded()) return inMemory();
  try {
    return await onDisk(await window.showSaveFilePicker({ suggestedName }));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    throw error;
  }
}

// The browser writes to a copy, which takes the file's place when it is closed.
async function onDisk(handle: FileSystemFileHandle): Promise<OpenedFile> {
  const copy = await handle.createWritable();
  return {
    write: (chunk) => copy.write(chunk),
    save: async () => {
      await copy.close();
      return handle.name;
    },
    discard: async () => {
      await copy.abort();
      // The picker made it, empty. What has content is somebody's.
      if ((await handle.getFile()).size === 0) await handle.remove?.();
    },
  };
}

function inMemory(): OpenedFile {
  let size = 0;
  let blobs: Blob[] = [];
  let chunks: Chunk[] = [];
  let waiting = 0;
  return {
    write: (chunk) => {
      size += chunk.length;
      waiting += chunk.length;
      if (size > MEMORY_MAX_BYTES) return Promise.reject(new TooLargeError());
      chunks.push(chunk);
      if (waiting >= BLOB_BYTES) {
        blobs.push(new Blob(chunks));
        chunks = [];
        waiting = 0;
      }
      return Promise.resolve();
    },
    save: (name) => {
      saveBlob(new Blob([...blobs, ...chunks]), name);
      return Promise.resolve(name);
    },
    discard: () => {
      blobs = [];
      chunks = [];
      return Promise.resolve();
    },
  };
}

/** Saves a file as the browser saves what is downloaded. */
export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, RELEASE_AFTER_MS);
}
