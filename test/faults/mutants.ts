// Gateways with a fault in their code: built from the sources, a few words of which are replaced.

import fs from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { compiling } from '../../scripts/compiling.mjs';
import { dist, root } from '../../scripts/dist.mjs';

/** What is written in a source, and what is to be there instead. */
export interface Mutation {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Replaces these words while something is built. @throws Error when a source no longer has them */
export async function mutations(replaced: readonly Mutation[]): Promise<Plugin> {
  const mutated = new Map<string, string>();
  for (const { file, from, to } of replaced) {
    const full = path.join(root, file);
    const source = mutated.get(full) ?? (await fs.readFile(full, 'utf8'));
    if (source.split(from).length !== 2) {
      throw new Error(`${file} does not have once: ${from}`);
    }
    mutated.set(
      full,
      source.replace(from, () => to),
    );
  }
  return {
    name: 'mutations',
    setup: (building) => {
      building.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const contents = mutated.get(file);
        return contents === undefined ? undefined : { contents, loader: 'ts' };
      });
    },
  };
}

/**
 * Builds a gateway with these mutations beside the real one, where it finds the same files.
 * @returns the script that starts it, which the caller removes
 * @throws Error when a source no longer has the words to replace
 */
export async function buildMutant(name: string, replaced: readonly Mutation[]): Promise<string> {
  const outfile = path.join(dist, `mutant-${name}.js`);
  await build({
    ...compiling,
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile,
    bundle: true,
    packages: 'external',
    logLevel: 'warning',
    plugins: [await mutations(replaced)],
  });
  return outfile;
}
