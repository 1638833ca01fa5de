// Compiles the gateway into dist/. `npm ci` runs this as `prepare`, `npm run build` by hand.

import { rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { compiling } from './compiling.mjs';
import { dist, hashOf, record, root } from './dist.mjs';

const settings = ['package.json', 'tsconfig.json', 'scripts/build.mjs', 'scripts/compiling.mjs'];

// A build that is interrupted leaves no record, so it counts as none.
await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  ...compiling,
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outdir: dist,
  bundle: true,
  packages: 'external',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
});
const inputs = [...Object.keys(metafile.inputs), ...settings].sort();
await writeFile(record, JSON.stringify({ hash: await hashOf(inputs), inputs }));
