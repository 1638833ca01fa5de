// Compiles packages/client into its dist/, for those who install it. `npm ci` runs this as `prepare`, `npm pack` before it packs.
// Nothing in this repository runs what is made here: the page, the commands and the tests import the sources. So an installation
// without development packages, which has no compiler of types, does without it.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { root } from './dist.mjs';

const folder = path.join(root, 'packages/client');
const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
// Elsewhere for a test, which must not change what others read.
const [out = path.join(folder, 'dist')] = process.argv.slice(2);

if (existsSync(compiler)) {
  await rm(out, { recursive: true, force: true });
  const project = path.join(folder, 'tsconfig.build.json');
  execFileSync(process.execPath, [compiler, '-p', project, '--outDir', out], { stdio: 'inherit' });
} else {
  process.stdout.write('packages/client is not compiled: there is no TypeScript here.\n');
}
