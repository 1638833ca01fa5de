// Compiles the gateway and its commands into dist/. `npm ci` runs this as `prepare`, `npm run build` by hand.

import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { compiling } from './compiling.mjs';
import { dist, hashOf, record, root } from './dist.mjs';

const settings = ['package.json', 'tsconfig.json', 'scripts/build.mjs', 'scripts/compiling.mjs'];

const manifest = await readFile(path.join(root, 'package.json'), 'utf8');
const commands = [...manifest.matchAll(/scripts\/command\.mjs ([\w-]+)/g)].map(([, name]) => name);

// A build that is interrupted leaves no record, so it counts as none.
await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  ...compiling,
  absWorkingDir: root,
  entryPoints: ['src/main.ts', ...commands.map((name) => `src/cli/${name}.ts`)],
  // All in one folder: each is as far from the root.
  entryNames: '[name]',
  outdir: dist,
  bundle: true,
  packages: 'external',
  // Its sources, so that no build of it is stale.
  alias: {
    '@billing-gateway/client': path.join(root, 'packages/client/src/index.ts'),
    '@billing-gateway/client/exports': path.join(root, 'packages/client/src/exports.ts'),
  },
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
});
const inputs = [...Object.keys(metafile.inputs), ...settings].sort();
await writeFile(record, JSON.stringify({ hash: await hashOf(inputs), inputs }));
