// How much a browser loads before the Usage page shows anything, of the build that `npm ci` made.

import * as fs from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';

const FIRST_LOAD_BYTES_MAX = 200_000;

it('the first load of the Usage page has at most 200 KB of scripts, compressed', async () => {
  const page = await fs.readFile('web/dist/usage.html', 'utf8');
  const files = [...page.matchAll(/"\/usage\/(assets\/[^"]+\.js)"/g)].map(([, file]) => file ?? '');
  const scripts = await Promise.all(files.map((file) => fs.readFile(`web/dist/${file}`)));
  const bytes = scripts.reduce((sum, script) => sum + gzipSync(script).length, 0);

  expect(files.length).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
});
