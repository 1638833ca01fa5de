// The databases of a test run: on an embedded server that the run starts for itself, or on the server that TEST_DATABASE_URL
// names. One is migrated, and each gateway under test works on a clone of it. All names begin with that of the run.
//
// If the database that TEST_DATABASE_URL names is that of a coordinator of Citus with workers, the migrated database is distributed
// over them. Its clones are made on each server.

import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrations } from '../../ormconfig.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import { settingsOfDatabase } from '../../src/db/distribute.ts';
import { migrate, migrateAndDistribute } from '../../src/db/migrate.ts';
import type { Sql } from '../../src/db/sql.ts';

/** Set by the run for its workers: where databases are made, and what their names begin with. */
const SERVER = 'GATEWAY_TEST_SERVER';
const RUN = 'GATEWAY_TEST_RUN';
/** The addresses of Citus' workers, as JSON. */
const WORKERS = 'GATEWAY_TEST_WORKERS';

/** Starts what the run's databases are made on, and makes the one that is cloned. @returns what ends and removes all of it */
export async function startServer(): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL'] ?? '';
  const server =
    given === '' ? await startOwnServer() : { url: given, stop: () => dropDatabases(runName()) };
  process.env[SERVER] = server.url;
  process.env[RUN] = `gateway_test_${randomUUID().slice(0, 8)}`;
  const workers = await findWorkers();
  process.env[WORKERS] = JSON.stringify(workers);
  if (workers.length === 0) {
    await migrate({ url: await createOn(serverUrl(), templateName()), migrations });
  } else {
    await migrateAndDistribute({ url: await createDistributed(templateName()), migrations });
    // Citus keeps connections to each database that it was used in, and none may be cloned that has any.
    for (const node of nodes()) await closeDatabase(node, templateName());
  }
  return server.stop;
}

async function startOwnServer(): Promise<{
  readonly url: string;
  readonly stop: () => Promise<void>;
}> {
  const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-test-'));
  await fs.chmod(dataDir, 0o755);
  const server = await startEmbedded({ dataDir, databaseName: 'postgres', log: () => undefined });
  // No test asks what is left after the server's crash, and tests commit some ten thousand times.
  await asOwner(server.url, 'alter system set synchronous_commit = off');
  await asOwner(server.url, 'select pg_reload_conf()');
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await fs.rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Where the databases of the run are made, as their owner. */
export function serverUrl(): string {
  return process.env[SERVER] ?? '';
}

/** Who owns the databases of the run, as a name in SQL. */
export function serverOwner(): string {
  return pg.escapeIdentifier(decodeURIComponent(new URL(serverUrl()).username));
}

/** Makes an empty database. @param options of CREATE DATABASE @returns its address, as its owner */
export async function createDatabase(options = ''): Promise<string> {
  return createOn(serverUrl(), await nextName(), options);
}

/** Makes a migrated database. @returns its address, as its owner */
export async function cloneTemplate(): Promise<string> {
  const name = await nextName();
  const [url = ''] = await Promise.all(
    nodes().map((node) => createOn(node, name, `template ${templateName()}`)),
  );
  if (isDistributedRun()) {
    for (const setting of settingsOfDatabase(name)) await asOwner(serverUrl(), setting);
  }
  return url;
}

/** Makes an empty database on each server of Citus, which know one another. @returns its address, as its owner */
export async function createDistributed(name?: string): Promise<string> {
  const named = name ?? (await nextName());
  const [url = '', ...workers] = await Promise.all(nodes().map((node) => createOn(node, named)));
  for (const one of [url, ...workers]) await asOwner(one, 'create extension citus');
  const { hostname, port } = new URL(url);
  await asOwner(url, `select citus_set_coordinator_host('${hostname}', ${port})`);
  for (const worker of workers) {
    await asOwner(
      url,
      `select citus_add_node('${new URL(worker).hostname}', ${new URL(worker).port})`,
    );
  }
  return url;
}

/** Whether the run's databases are distributed over several servers. */
export function isDistributedRun(): boolean {
  return nodes().length > 1;
}

/** How many connections to a database of the run wait for a lock, on all of its servers. */
export async function countLockWaits(url: string): Promise<number> {
  const { pathname } = new URL(url);
  const counts = await Promise.all(
    nodes().map((node) =>
      asOwner(
        new URL(pathname, node).href,
        `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      ),
    ),
  );
  return counts.flat().reduce((sum, { waiting }) => sum + Number(waiting), 0);
}

/** Where the servers' databases are made: the coordinator's, then the workers'. */
function nodes(): readonly string[] {
  return [serverUrl(), ...(JSON.parse(process.env[WORKERS] ?? '[]') as string[])];
}

async function findWorkers(): Promise<readonly string[]> {
  const known = await asOwner(
    serverUrl(),
    `select from pg_extension where extname = 'citus' and current_setting('shared_preload_libraries') like '%citus%'`,
  );
  if (known.length === 0) return [];
  const workers = await asOwner(
    serverUrl(),
    `select nodename, nodeport from pg_dist_node where groupid > 0 and isactive and noderole = 'primary' order by nodeid`,
  );
  return workers.map(({ nodename, nodeport }) => {
    const url = new URL(serverUrl());
    url.hostname = String(nodename);
    url.port = String(nodeport);
    return url.href;
  });
}

async function closeDatabase(node: string, name: string): Promise<void> {
  await asOwner(node, `alter database ${name} allow_connections false`);
  await asOwner(
    node,
    `select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '${name}'`,
  );
}

async function createOn(node: string, name: string, options = ''): Promise<string> {
  await asOwner(node, `create database ${name} ${options}`);
  const url = new URL(node);
  url.pathname = `/${name}`;
  return url.href;
}

function runName(): string {
  return process.env[RUN] ?? '';
}

function templateName(): string {
  return `${runName()}_template`;
}

let inFile: Promise<string> | null = null;
let made = 0;

// A worker runs one file of tests after the other, so what an earlier one left is no longer used. The run's own server goes as a whole.
async function nextName(): Promise<string> {
  const ofWorker = `${runName()}_${process.env['JEST_WORKER_ID'] ?? '0'}_`;
  inFile ??= clear(ofWorker).then(() => ofWorker + randomUUID().slice(0, 8));
  // Counted before it waits: several are made side by side.
  const number = (made += 1);
  return `${await inFile}_${number}`;
}

async function clear(ofWorker: string): Promise<void> {
  if ((process.env['TEST_DATABASE_URL'] ?? '') !== '') await dropDatabases(ofWorker);
}

async function dropDatabases(beginning: string): Promise<void> {
  for (const node of nodes()) {
    const found = await asOwner(
      node,
      `select datname from pg_database where starts_with(datname, '${beginning}')`,
    );
    for (const { datname } of found) {
      await asOwner(node, `drop database ${String(datname)} with (force)`);
    }
  }
}

/** Runs SQL as the database's owner. */
export async function asOwner(
  url: string,
  statement: string | Sql,
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement);
    return rows;
  } finally {
    await client.end();
  }
}
