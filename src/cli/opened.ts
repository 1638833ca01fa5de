// The database of commands: the one that the gateway's variables name.

import { constants } from 'node:os';
import { entities } from '../../ormconfig.ts';
import { loadConfig, type Config } from '../config.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { hasEmbedded, startEmbedded } from '../db/embedded.ts';
import { raw } from '../db/sql.ts';
import { requireRestored } from '../db/unfinished-restore.ts';

const DATABASE_NAME = 'billing_gateway';
const POOL_SIZE = 2;
const INTERRUPTING = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a command's work on the gateway's database, and closes it afterwards. The gateway may run meanwhile.
 * @throws Error where there is none, or a restore into it has not ended
 */
export async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const config = loadConfig(process.env);
  await requireDatabase(config);
  return withServer(config, (url) =>
    withDatabaseAt(url, config, async (database) => {
      // What is not all there yet must not be found right, nor be written to.
      await database.inSnapshot('nobody', (tx) => requireRestored((text) => tx.query(raw(text))));
      return work(database);
    }),
  );
}

/** Starting a server would make an empty database where a folder is misspelt. @throws Error where there is none */
export async function requireDatabase({ databaseUrl, dataDir }: Config): Promise<void> {
  if (databaseUrl !== null || (await hasEmbedded(dataDir))) return;
  throw new Error(`There is no database in ${dataDir}: set DATA_DIR or DATABASE_URL.`);
}

/**
 * Runs work while the gateway's database can be reached. A command that is interrupted stops a server that only it uses: it would go
 * on, since it is a process of its own.
 * @param work gets its address, as the owner
 */
export async function withServer<T>(
  { databaseUrl, dataDir }: Config,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (databaseUrl !== null) return work(databaseUrl);
  const starting = startEmbedded({ dataDir, databaseName: DATABASE_NAME, log: () => undefined });
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopping ??= starting.then((server) => server.stop()));
  // It may come twice: from the terminal, and from npm.
  const interrupt = (signal: NodeJS.Signals): void => {
    const exit = (): never => process.exit(128 + constants.signals[signal]);
    stop().then(exit, exit);
  };
  for (const signal of INTERRUPTING) process.on(signal, interrupt);
  try {
    return await work((await starting).url);
  } finally {
    await stop();
    for (const signal of INTERRUPTING) process.off(signal, interrupt);
  }
}

/** Runs work on a database, and closes it afterwards. @param url as its owner */
export async function withDatabaseAt<T>(
  url: string,
  { databasePrepares: prepares }: Config,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase({ url, poolSize: POOL_SIZE, prepares, entities });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
