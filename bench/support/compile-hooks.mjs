import { readFile } from 'node:fs/promises';
import { fileURLToPath, URL } from 'node:url';
import { transform } from 'esbuild';
import { compiling } from '../../scripts/compiling.mjs';

const tsconfig = await readFile(new URL('../../tsconfig.json', import.meta.url), 'utf8');

/** The hook that loads modules. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const file = fileURLToPath(url);
  const options = { ...compiling, loader: 'ts', sourcefile: file, tsconfigRaw: tsconfig };
  const { code } = await transform(await readFile(file, 'utf8'), options);
  return { format: 'module', source: code, shortCircuit: true };
}
