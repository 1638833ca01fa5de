// A PostgreSQL with a streaming standby, of the embedded binaries, which bring no pg_basebackup: the files are copied within a
// backup. Replication can be held, and the standby killed.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { migrations } from '../../ormconfig.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import {
  type Cluster,
  findFreePort,
  openCluster,
  startServer,
  stopServer,
} from '../../src/db/embedded-cluster.ts';
import { migrate } from '../../src/db/migrate.ts';
import { until } from './eventually.ts';
import { asOwner } from './gateway.ts';

const run = promisify(execFile);
const quiet = (): void => undefined;

export interface Replicated {
  /** The addresses of the database and of its standby, as the owner. */
  readonly url: string;
  readonly replicaUrl: string;
  /** Holds replay: what is committed from now on does not reach the standby's readers. */
  hold(): Promise<void>;
  /** Lets replay go on, and waits until the standby has everything. */
  release(): Promise<void>;
  stopReplica(): Promise<void>;
  startReplica(): Promise<void>;
  /** Makes a database of its own of the standby. */
  promote(): Promise<void>;
  /** The database is lost, with all that a stopped standby lacks; the standby takes its place. */
  failOver(): Promise<void>;
  close(): Promise<void>;
}

export async function startReplicated(): Promise<Replicated> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-replica-'));
  await fs.chmod(folder, 0o755);
  const home = path.join(folder, 'database');
  const database = await startEmbedded({ dataDir: home, databaseName: 'replicated', log: quiet });
  await migrate({ url: database.url, migrations });
  const replica = await copied(home, path.join(folder, 'replica'), database.url);
  const port = await findFreePort();
  await startServer(replica, port);
  const replicaUrl = withPort(database.url, port);
  const untilAll = async (): Promise<void> => {
    const [row] = await asOwner(database.url, 'select pg_current_wal_lsn()::text as at');
    const text = `select pg_last_wal_replay_lsn() >= '${String(row?.['at'])}' as has`;
    await until(async () => (await asOwner(replicaUrl, text))[0]?.['has'] === true, 'the replay');
  };
  await untilAll();
  let isRunning = true;
  const stopReplica = async (): Promise<void> => {
    if (isRunning) await stopServer(replica);
    isRunning = false;
  };
  return {
    url: database.url,
    replicaUrl,
    hold: async () => {
      await untilAll();
      await asOwner(replicaUrl, 'select pg_wal_replay_pause()');
      const state = 'select pg_get_wal_replay_pause_state() as now';
      await until(
        async () => (await asOwner(replicaUrl, state))[0]?.['now'] === 'paused',
        'the pause',
      );
    },
    release: async () => {
      await asOwner(replicaUrl, 'select pg_wal_replay_resume()');
      await untilAll();
    },
    stopReplica,
    startReplica: async () => {
      await startServer(replica, port);
      isRunning = true;
      await untilAll();
    },
    promote: async () => {
      await asOwner(replicaUrl, 'select pg_promote()');
    },
    failOver: async () => {
      await database.stop();
      await startServer(replica, port);
      isRunning = true;
      await asOwner(replicaUrl, 'select pg_promote()');
    },
    close: async () => {
      await stopReplica();
      await database.stop();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

/** A standby's cluster: a copy of a running one. */
async function copied(home: string, copy: string, url: string): Promise<Cluster> {
  const from = path.join(home, 'postgres');
  const to = path.join(copy, 'postgres');
  await fs.mkdir(copy, { mode: 0o755 });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`select pg_backup_start('standby', true)`);
    await run('cp', ['-a', from, to]);
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(false)',
    );
    const data = path.join(to, 'data');
    const { hostname, port, username, password } = new URL(url);
    const source = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`;
    await fs.rm(path.join(data, 'postmaster.pid'));
    await fs.writeFile(path.join(data, 'backup_label'), rows[0]?.labelfile ?? '');
    await fs.writeFile(path.join(data, 'standby.signal'), '');
    await fs.appendFile(
      path.join(data, 'postgresql.auto.conf'),
      `primary_conninfo = '${source}'\n`,
    );
    const { uid, gid } = await fs.stat(data);
    for (const name of ['backup_label', 'standby.signal']) {
      await fs.chown(path.join(data, name), uid, gid);
    }
  } finally {
    await client.end();
  }
  return openCluster(copy, quiet);
}

function withPort(url: string, port: number): string {
  const moved = new URL(url);
  moved.port = String(port);
  return moved.href;
}
