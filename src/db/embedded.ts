// The database of a gateway that is not configured with one. The server is a separate process that outlives a killed gateway;
// the next start on the folder adopts it. Every gateway that uses it holds a shared advisory lock on a separate connection,
// its presence. The last one to shut down gets the lock exclusively and stops the server, so none stops it under another.

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  findFreePort,
  findLiveServer,
  hasCluster,
  openCluster,
  startServer,
  stopServer,
  SUPERUSER,
  type Cluster,
} from './embedded-cluster.ts';
import { sql } from './sql.ts';
import { EmbeddedDatabaseError, textOf } from './embedded-runner.ts';

const PRESENCE_LOCK = 4_012_775_301;
const POLL_MS = 100;
const RESTART_PAUSE_MS = 1_000;
const START_ATTEMPTS = 20;
const START_PAUSE_MS = 500;
// Temporary causes: another gateway starts the same server, a killed server's last processes still finish (up to the
// statement timeout), or somebody took the port after we had found it free.
const CONTENTION = /lock file|shared memory block|Address already in use/;
// Recovery after a kill replays at most a gigabyte of log, which takes well under a minute.
const WAIT_MS = 300_000;
// The server is starting or stopping, or was lost during the call. Any other error is reported.
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

export interface EmbeddedOptions {
  /** Where the data is kept; relative to the working directory, created when missing. */
  readonly dataDir: string;
  /** Created when missing. */
  readonly databaseName: string;
  readonly log: (line: string) => void;
}

export interface EmbeddedDatabase {
  /** The database's address, as the superuser. */
  readonly url: string;
  /** Ends this use of the server, and the server itself when nobody else uses it. Close the pool before. */
  stop(): Promise<void>;
}

/** Whether there is a database under `dataDir`. */
export async function hasEmbedded(dataDir: string): Promise<boolean> {
  return hasCluster(path.resolve(dataDir));
}

/**
 * Starts the database under `dataDir`, or adopts the server that runs there already. While it is used, a server that was
 * killed is started again on the same port.
 * @throws EmbeddedDatabaseError with what to change, when PostgreSQL cannot run here
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const cluster = await openCluster(path.resolve(options.dataDir), options.log);
  const password = (await fs.readFile(cluster.passwordFile, 'utf8')).trim();
  const use = new ServerUse(cluster, password, options.log);
  const port = await use.begin(options.databaseName);
  const authority = `${SUPERUSER}:${password}@127.0.0.1:${port}`;
  return {
    url: `postgresql://${authority}/${encodeURIComponent(options.databaseName)}`,
    stop: () => use.end(),
  };
}

class ServerUse {
  private readonly ending = new AbortController();
  private port: number | null = null;
  private presence: pg.Client | null = null;
  private watching: Promise<void> = Promise.resolve();

  constructor(
    private readonly cluster: Cluster,
    private readonly password: string,
    private readonly log: (line: string) => void,
  ) {}

  async begin(databaseName: string): Promise<number> {
    const { client, port } = await this.enter();
    await createDatabase(client, databaseName);
    this.port = port;
    this.keep(client);
    return port;
  }

  async end(): Promise<void> {
    if (this.isEnding()) return;
    this.ending.abort();
    await this.watching;
    const client = this.presence ?? (await this.rejoin());
    if (client === null) return;
    const isLast = await leave(client);
    if (!isLast) {
      this.log('PostgreSQL: left running, another gateway uses it');
      return;
    }
    await stopServer(this.cluster);
    this.log('PostgreSQL: stopped');
  }

  // Another gateway may start or stop the same server at any of these steps, so a failed step begins anew.
  private async enter(): Promise<{ client: pg.Client; port: number }> {
    let failures = 0;
    for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += POLL_MS) {
      const live = await findLiveServer(this.cluster);
      if (live === null) {
        try {
          await this.start();
        } catch (error) {
          failures += 1;
          if (failures >= START_ATTEMPTS || !isContention(error)) throw error;
          await this.pause(START_PAUSE_MS);
        }
      } else if (live.isReady) {
        const client = await this.tryJoin(live.port);
        if (client !== null) return { client, port: live.port };
      }
      await this.pause(live === null ? 0 : POLL_MS);
    }
    throw new EmbeddedDatabaseError(
      `PostgreSQL in ${this.cluster.dataFolder} did not become ready within ${WAIT_MS / 1000} seconds; its log is ${this.cluster.serverLog}.`,
    );
  }

  // The shutdown may begin while the server is being restarted; then there is no presence, but a server to stop.
  private async rejoin(): Promise<pg.Client | null> {
    const live = await findLiveServer(this.cluster);
    return live?.isReady === true ? this.tryJoin(live.port) : null;
  }

  private async start(): Promise<void> {
    const port = this.port ?? (await findFreePort());
    await startServer(this.cluster, port);
    this.log(`PostgreSQL: started on port ${port}`);
  }

  private async tryJoin(port: number): Promise<pg.Client | null> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: SUPERUSER,
      password: this.password,
      database: 'postgres',
      application_name: 'billing-gateway presence',
      keepAlive: true,
    });
    // The pending promise reports it. An 'error' event without listener would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ joined: boolean }>(
        sql`select pg_try_advisory_lock_shared(${PRESENCE_LOCK}) as joined`,
      );
      if (rows[0]?.joined === true) return client;
      await client.end();
      return null;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (isPassing(error)) return null;
      throw error;
    }
  }

  private keep(client: pg.Client): void {
    this.presence = client;
    client.once('end', () => {
      this.presence = null;
      if (this.isEnding()) return;
      this.watching = this.enterAgain();
    });
  }

  private async enterAgain(): Promise<void> {
    this.log('PostgreSQL: the connection was lost, looking for the server');
    while (!this.isEnding()) {
      try {
        const { client, port } = await this.enter();
        if (port !== this.port) this.log(`PostgreSQL: now on port ${port}, restart the gateway`);
        this.keep(client);
        return;
      } catch (error) {
        if (this.isEnding()) return;
        this.log(textOf(error, 'message') ?? String(error));
        await this.pause(RESTART_PAUSE_MS).catch(() => undefined);
      }
    }
  }

  // Rejects when the gateway stops meanwhile.
  private pause(durationMs: number): Promise<void> {
    return delay(durationMs, undefined, { signal: this.ending.signal });
  }

  private isEnding(): boolean {
    return this.ending.signal.aborted;
  }
}

// The exclusive lock is granted only when no other presence is left, and keeps new ones out until the server is down.
async function leave(client: pg.Client): Promise<boolean> {
  try {
    await client.query(sql`select pg_advisory_unlock_shared(${PRESENCE_LOCK})`);
    const { rows } = await client.query<{ alone: boolean }>(
      sql`select pg_try_advisory_lock(${PRESENCE_LOCK}) as alone`,
    );
    if (rows[0]?.alone === true) return true;
    await client.end();
    return false;
  } catch {
    // The server went down meanwhile: there is nothing left to stop.
    return false;
  }
}

async function createDatabase(client: pg.Client, name: string): Promise<void> {
  const known = await client.query(sql`select 1 from pg_database where datname = ${name}`);
  if (known.rows.length > 0) return;
  try {
    await client.query(`create database ${client.escapeIdentifier(name)}`);
  } catch (error) {
    // Two gateways created it at once; either way it exists.
    if (!['42P04', '23505'].includes(textOf(error, 'code') ?? '')) throw error;
  }
}

function isContention(error: unknown): boolean {
  return error instanceof EmbeddedDatabaseError && CONTENTION.test(error.message);
}

function isPassing(error: unknown): boolean {
  const code = textOf(error, 'code');
  if (code !== null) return PASSING.has(code);
  return textOf(error, 'message')?.includes('Connection terminated') === true;
}
