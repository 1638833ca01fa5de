// One server in a process of its own. Arguments: which one, and the rows it has in memory.

import { invariant } from '../../src/core/errors.ts';
import { startInMemory, startWithDatabase } from './ours.ts';
import { ACCOUNT_ID } from './page.ts';
import { startApollo, startMercurius } from './peers.ts';

export interface Serving {
  readonly port: number;
  readonly accountId: string;
}

const inMemory = { gateway: startInMemory, apollo: startApollo, mercurius: startMercurius };

const [which = '', count = '0'] = process.argv.slice(2);
if (which === 'database') {
  const { close, ...serving } = await startWithDatabase();
  process.once('message', () => {
    void close().then(() => process.exit(0));
  });
  process.send?.(serving satisfies Serving);
} else {
  const start = Object.entries(inMemory).find(([name]) => name === which)?.[1];
  invariant(start !== undefined, `a known server: ${which}`);
  const port = await start(Number(count));
  process.once('message', () => process.exit(0));
  process.send?.({ port, accountId: ACCOUNT_ID } satisfies Serving);
}
