// What dist/ was made of. dist/build.json names the files that went in, with one hash over all of them. A file that is new
// goes in only when one of these imports it, so these tell whether the sources are still the same.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, URL } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const dist = path.join(root, 'dist');
export const record = path.join(dist, 'build.json');

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

/** Whether dist/ was made of the sources as they are now. */
export async function isFresh() {
  try {
    const { hash, inputs } = JSON.parse(await readFile(record, 'utf8'));
    return hash === (await hashOf(inputs));
  } catch {
    // There is no build, or a file that went in is gone.
    return false;
  }
}
