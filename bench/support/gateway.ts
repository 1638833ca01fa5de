// A gateway of its own for one benchmark: the embedded PostgreSQL in a temporary folder, or a database on the server that
// TEST_DATABASE_URL names, as tests have it; the schema; and the real doors.

import { mkdir, mkdtemp, chmod, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { entities, migrations } from '../../ormconfig.ts';
import { createApp, type App } from '../../src/app.ts';
import type { Clock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import type { Actor } from '../../src/core/identity.ts';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { HTTP_DEFAULTS, type HttpOptions } from '../../src/http/options.ts';
import { startServer } from '../../src/server.ts';
import { cloneTemplate, startServer as startTestServer } from '../../test/support/databases.ts';

export const OPERATOR_KEY = 'operator-key-of-the-benchmarks-0123456789';

export interface BenchGateway {
  readonly app: App;
  readonly actor: Actor;
  readonly database: Database;
  /** The database as its owner: for data sets and for the plain SQL that ours is compared with. */
  readonly owner: pg.Pool;
  readonly ownerUrl: string;
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  close(): Promise<void>;
}

export interface BenchOptions {
  /** Lets the server count statements, in pg_stat_statements. */
  readonly countsStatements?: boolean;
  /** Where the database is kept when the benchmark ends; without it, it is in a temporary folder. */
  readonly dataDir?: string | undefined;
}

/** Starts everything that a benchmark of the whole gateway needs. The folding loop is not started. */
export async function startBenchGateway(
  clock: Clock,
  options: BenchOptions = {},
): Promise<BenchGateway> {
  const postgres = await startDatabase(options);
  const database = await openDatabase({ url: postgres.url, poolSize: 10, entities });
  const app = createApp({
    database,
    clock,
    ingestWindowDays: 400,
    ingestAheadSeconds: 300,
    onError: (error) => process.stderr.write(`${String(error)}\n`),
  });
  await app.keys.ensureOperatorKey(OPERATOR_KEY);
  const actor = await app.keys.authenticate(OPERATOR_KEY);
  invariant(actor !== null && actor !== 'ENDED', 'the operator key is in force');
  const http: HttpOptions = { ...HTTP_DEFAULTS, logLevel: 'silent', pointRates: null };
  // A slow machine refuses nothing of a benchmark.
  const overload = { connectionWaitMs: () => 0, loopDelayMs: () => 0 };
  const server = await startServer({ app, database, clock, http, overload });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const owner = new pg.Pool({ connectionString: postgres.url, max: 4 });
  // When something cannot be closed, the server ends all the same: what went wrong first is to be told.
  owner.on('error', (error) => process.stderr.write(`${String(error)}\n`));
  const end = async (): Promise<void> => {
    try {
      await server.close();
      await app.close();
      await owner.end();
      await database.close();
    } finally {
      await postgres.stop();
    }
  };
  let ending: Promise<void> | null = null;
  // Once, whoever asks: an interrupted benchmark fails, and closes on its own way out too.
  const close = (): Promise<void> => (ending ??= end().finally(() => opened.delete(close)));
  closeWhenInterrupted(close);
  return {
    app,
    actor,
    database,
    owner,
    ownerUrl: postgres.url,
    origin: `http://127.0.0.1:${portOf(server.server.address())}`,
    close,
  };
}

interface BenchDatabase {
  /** The migrated database, as its owner. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

async function startDatabase(options: BenchOptions): Promise<BenchDatabase> {
  if ((process.env['TEST_DATABASE_URL'] ?? '') === '') return startOwnDatabase(options);
  const { countsStatements = false, dataDir } = options;
  invariant(
    !countsStatements && dataDir === undefined,
    'this benchmark sets its server up: run it without TEST_DATABASE_URL',
  );
  const stop = await startTestServer();
  try {
    return { url: await cloneTemplate(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startOwnDatabase({
  countsStatements = false,
  dataDir: kept,
}: BenchOptions): Promise<BenchDatabase> {
  const dataDir = kept ?? (await mkdtemp(path.join(os.tmpdir(), 'gateway-bench-')));
  await mkdir(dataDir, { recursive: true });
  // The server of a root user runs as another one, who must reach the folder.
  await chmod(dataDir, 0o755);
  const at = { dataDir, databaseName: 'bench', log: (): void => undefined };
  let embedded = await startEmbedded(at);
  if (countsStatements) {
    await run(embedded.url, `alter system set shared_preload_libraries = 'pg_stat_statements'`);
    await embedded.stop();
    embedded = await startEmbedded(at);
    await run(embedded.url, 'create extension if not exists pg_stat_statements');
  }
  await migrate({ url: embedded.url, migrations });
  return {
    url: embedded.url,
    stop: async () => {
      await embedded.stop();
      if (kept === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** What closes the gateways that are open. */
const opened = new Set<() => Promise<void>>();

// The database's server is a process of its own: it would outlive an interrupted benchmark.
function closeWhenInterrupted(close: () => Promise<void>): void {
  if (opened.size === 0) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        const closing = [...opened].map((one) => one());
        void Promise.allSettled(closing).finally(() => process.exit(1));
      });
    }
  }
  opened.add(close);
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** The port of a listening server. */
export function portOf(address: string | AddressInfo | null): number {
  invariant(address !== null && typeof address !== 'string', 'the server listens on a port');
  return address.port;
}
