// Runs an entry point: compiled, when dist/ was made of the sources as they are now, else from the sources by tsx.

import process from 'node:process';
import { isFresh } from './dist.mjs';

/**
 * @param name dist/NAME.js
 * @param source what it was made of, relative to this file
 * @param onStale is told that the sources themselves are run
 */
export async function run(name, source, onStale = () => {}) {
  process.setSourceMapsEnabled(true);
  if (await isFresh()) {
    await import(`../dist/${name}.js`);
    return;
  }
  onStale();
  const { register } = await import('tsx/esm/api');
  register();
  await import(source);
}
