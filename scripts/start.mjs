// Starts the gateway.

import process from 'node:process';
import { run } from './run.mjs';

await run('main', '../src/main.ts', () => {
  process.stderr.write(
    'dist/ is missing or older than the sources, which are run themselves: that starts more slowly. To compile them: npm run build\n',
  );
});
