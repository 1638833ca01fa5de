// What dist/ and web/dist were made of. The record of a build names the files that went in, with one hash over all of them. A
// file that is new goes in only when one of these imports it, so these tell whether the sources are still the same.

import { existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, URL } from 'node:url';

// This file is bundled into dist/main.js and others beside it, too, which are as far from the root.
export const root = fileURLToPath(new URL('..', import.meta.url));
export const dist = path.join(root, 'dist');
export const record = path.join(dist, 'build.json');
export const web = path.join(root, 'web');
export const webDist = path.join(web, 'dist');
export const webRecord = path.join(webDist, 'build.json');

/** One hash over the names and contents of files of the project. */
export async function hashOf(files) {
  const contents = await Promise.all(files.map((file) => readFile(path.join(root, file))));
  const hash = createHash('sha256');
  files.forEach((file, index) => {
    const content = contents[index];
    hash.update(`${file} ${content.length}\n`).update(content);
  });
  return hash.digest('hex');
}

/** Whether a build was made of the sources as they are now. */
export async function isFresh(recordFile = record) {
  try {
    const { hash, inputs } = JSON.parse(await readFile(recordFile, 'utf8'));
    return hash === (await hashOf(inputs));
  } catch {
    // There is no build, or a file that went in is gone.
    return false;
  }
}

/** Whether web/dist can be served as it is: it is fresh, or came without its sources. */
export async function isWebFresh() {
  return existsSync(path.join(web, 'index.html')) ? isFresh(webRecord) : existsSync(webRecord);
}
