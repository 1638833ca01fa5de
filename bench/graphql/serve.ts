// One server in a process of its own. Arguments: which one, and the rows it has in memory.

import { invariant } from '../../src/core/errors.ts';
import { startInMemory, startWithDatabase } from './ours.ts';
import { ACCOUNT_ID } from './page.ts';
import { startApollo, startMercurius } from './peers.ts';

export interface Serving {
  readonly port: number;
  readonly accountId: string;
}

/** What a server is asked by its parent: what it has used of the processor, or to end. */
export type Ask = 'cpu' | 'stop';

/** Processor time of the server's process so far; that of a database is not in it. */
export interface Used {
  readonly cpuMs: number;
}

const inMemory = { gateway: startInMemory, apollo: startApollo, mercurius: startMercurius };

const [which = '', count = '0'] = process.argv.slice(2);
if (which === 'database') {
  const { close, ...serving } = await startWithDatabase();
  answerUntilStopped(close);
  process.send?.(serving satisfies Serving);
} else {
  const start = Object.entries(inMemory).find(([name]) => name === which)?.[1];
  invariant(start !== undefined, `a known server: ${which}`);
  const port = await start(Number(count));
  answerUntilStopped(() => Promise.resolve());
  process.send?.({ port, accountId: ACCOUNT_ID } satisfies Serving);
}

function answerUntilStopped(close: () => Promise<void>): void {
  process.on('message', (ask: Ask) => {
    if (ask === 'stop') {
      void close().then(() => process.exit(0));
      return;
    }
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1_000 } satisfies Used);
  });
}
