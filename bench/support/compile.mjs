// Lets Node run TypeScript as scripts/build.mjs compiles it for `npm start`. tsx keeps the name of each function by a call, also of
// those that are made anew for each request: a benchmark of the gateway would measure that too.

import { register } from 'node:module';

register('./compile-hooks.mjs', import.meta.url);
