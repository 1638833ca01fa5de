// Compiles the gateway into dist/. `npm ci` runs this as `prepare`, `npm run build` by hand.

import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { dist, hashOf, record, root } from './dist.mjs';

// Modules read these files from beside themselves: beside dist/main.js, once they are compiled.
const pages = ['src/http/pages/graphiql.html', 'src/http/pages/start.html'];
const settings = ['package.json', 'tsconfig.json', 'scripts/build.mjs'];

// A build that is interrupted leaves no record, so it counts as none.
await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outdir: dist,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: true,
  // TypeORM and type-graphql read the names of classes.
  keepNames: true,
  metafile: true,
  logLevel: 'warning',
});
for (const page of pages) {
  await cp(path.join(root, page), path.join(dist, 'pages', path.basename(page)));
}
const inputs = [...Object.keys(metafile.inputs), ...pages, ...settings].sort();
await writeFile(record, JSON.stringify({ hash: await hashOf(inputs), inputs }));
