// Files and folders that are still there after the machine lost its power.

import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';

/** Makes a folder, and those that it is in, and puts them on disk. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  // Each folder that was made is on disk once the one that it is in is.
  const outermost = path.dirname(path.resolve(first));
  for (let made = path.resolve(folder); made !== outermost; made = path.dirname(made)) {
    await syncFolder(path.dirname(made));
  }
}

/** Gives a file or folder that is on disk its name, and puts the name on disk. */
export async function keep(part: string, file: string): Promise<void> {
  await rename(part, file);
  await syncFolder(path.dirname(file));
}

/** Puts the names in a folder on disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
