// Starts the gateway: compiled, when dist/ was made of the sources as they are now, else from the sources by tsx.

import process from 'node:process';
import { isFresh } from './dist.mjs';

process.setSourceMapsEnabled(true);
if (await isFresh()) {
  await import('../dist/main.js');
} else {
  process.stderr.write(
    'dist/ is missing or older than the sources, which are run themselves: that starts more slowly. To compile them: npm run build\n',
  );
  const { register } = await import('tsx/esm/api');
  register();
  await import('../src/main.ts');
}
