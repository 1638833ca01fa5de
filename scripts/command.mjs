// Runs a command of src/cli. Its arguments come after its name, and it finds them where it would find them if it were run itself.

import process from 'node:process';
import { run } from './run.mjs';

const [name] = process.argv.splice(2, 1);
await run(name, `../src/cli/${name}.ts`);
