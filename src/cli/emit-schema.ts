// Writes schema/schema.graphql from the classes; with --check only says whether the committed file is out of date.

import { readFileSync, writeFileSync } from 'node:fs';
import { printGatewaySchema } from '../schema.ts';

const FILE = new URL('../../schema/schema.graphql', import.meta.url);

const printed = printGatewaySchema();
if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== printed) {
    process.stderr.write('schema/schema.graphql is stale: run "npm run schema" and commit it.\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, printed);
}
