import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startEmbedded, type EmbeddedDatabase } from '../../src/db/embedded.ts';
import {
  findFreePort,
  findLiveServer,
  openCluster,
  startServer,
} from '../../src/db/embedded-cluster.ts';
import { EmbeddedDatabaseError } from '../../src/db/embedded-runner.ts';

const isRoot = process.getuid?.() === 0;
const itAsRoot = isRoot ? it : it.skip;
const itAsOrdinaryUser = isRoot ? it.skip : it;
let folder = '';
const lines: string[] = [];

function start(dataDir = folder): Promise<EmbeddedDatabase> {
  return startEmbedded({ dataDir, databaseName: 'billing', log: (line) => lines.push(line) });
}

function cluster(): ReturnType<typeof openCluster> {
  return openCluster(folder, () => undefined);
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

async function killServer(): Promise<void> {
  const pidFile = path.join(folder, 'postgres', 'data', 'postmaster.pid');
  const pid = Number((await fs.readFile(pidFile, 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGKILL');
}

async function isRunning(): Promise<boolean> {
  return (await findLiveServer(await cluster())) !== null;
}

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'billing-embedded-'));
  // As root the server runs as another user, who must get in.
  await fs.chmod(folder, 0o755);
  const database = await start();
  await ask(database.url, 'create table note (text text)');
  await ask(database.url, `insert into note values ('first start')`);
  await database.stop();
});

afterAll(async () => {
  await fs.rm(folder, { recursive: true, force: true });
});

describe('startEmbedded', () => {
  it('keeps its data over a restart, and stops the server at the end', async () => {
    const database = await start();

    const notes = await ask(database.url, 'select text from note');
    await database.stop();

    expect(notes).toEqual([{ text: 'first start' }]);
    expect(await isRunning()).toBe(false);
  });

  it('runs in UTC and UTF-8, on the loopback address alone, with durable commits', async () => {
    const database = await start();

    const settings = await ask(
      database.url,
      `select current_setting('TimeZone') as zone, current_setting('server_encoding') as encoding,
        current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as commit, current_setting('full_page_writes') as pages,
        (select datcollate from pg_database where datname = 'billing') as collation`,
    );
    await database.stop();

    expect(settings).toEqual([
      {
        zone: 'UTC',
        encoding: 'UTF8',
        addresses: '127.0.0.1',
        fsync: 'on',
        commit: 'on',
        pages: 'on',
        collation: 'C',
      },
    ]);
  });

  it('asks for the password, which only its owner can read', async () => {
    const database = await start();
    const wrong = new URL(database.url);
    wrong.password = 'wrong';

    const refusal = await ask(wrong.href, 'select 1').catch((error: unknown) => error);
    await database.stop();

    const { mode } = await fs.stat(path.join(folder, 'postgres', 'password'));
    expect(refusal).toMatchObject({ code: '28P01' });
    expect(mode & 0o777).toBe(0o600);
  });

  it('adopts the server that a killed gateway left running', async () => {
    const port = await findFreePort();
    await startServer(await cluster(), port);

    const database = await start();
    await database.stop();

    expect(new URL(database.url).port).toBe(String(port));
    expect(await isRunning()).toBe(false);
  });

  it('starts after the gateway and the server were both killed', async () => {
    await startServer(await cluster(), await findFreePort());
    await killServer();

    const database = await start();
    const notes = await ask(database.url, 'select text from note');
    await database.stop();

    expect(notes).toEqual([{ text: 'first start' }]);
  });

  it('starts a server that was killed under it again on the same port', async () => {
    const database = await start();

    await killServer();
    let notes: unknown[] = [];
    for (let attempt = 0; attempt < 200 && notes.length === 0; attempt += 1) {
      notes = await ask(database.url, 'select text from note').catch(() => delay(100, []));
    }
    await database.stop();

    expect(notes).toEqual([{ text: 'first start' }]);
    expect(await isRunning()).toBe(false);
  });

  it('leaves the server to a second gateway on the same folder', async () => {
    const first = await start();
    const second = await start();

    await first.stop();
    const notes = await ask(second.url, 'select text from note');
    await second.stop();

    expect(second.url).toBe(first.url);
    expect(notes).toHaveLength(1);
    expect(await isRunning()).toBe(false);
  });

  it('makes one database of several first starts at once, over what a crashed one left', async () => {
    const shared = path.join(folder, 'several');
    // No process has this number: it is above the largest that Linux gives.
    await fs.mkdir(path.join(shared, 'postgres.new-4194305-aBcDeF', 'data'), { recursive: true });

    const databases = await Promise.all([start(shared), start(shared)]);
    await Promise.all(databases.map((database) => database.stop()));

    expect(databases[1].url).toBe(databases[0].url);
    expect(await fs.readdir(shared)).toEqual(['postgres']);
  });

  itAsOrdinaryUser('names the folder that it may not write', async () => {
    const closed = path.join(folder, 'closed');
    await fs.mkdir(closed, { mode: 0o500 });

    const refusal = await start(path.join(closed, 'data')).catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(EmbeddedDatabaseError);
    expect(String(refusal)).toContain(closed);
    expect(String(refusal)).toContain('set DATA_DIR');
  });

  itAsRoot('runs as root where no other user may enter', async () => {
    const closed = path.join(folder, 'closed');
    await fs.mkdir(closed, { mode: 0o700 });

    const first = await start(path.join(closed, 'data'));
    await first.stop();
    const again = await start(path.join(closed, 'data'));
    await again.stop();

    expect((await fs.stat(path.join(closed, 'data', 'postgres'))).uid).toBe(0);
  });
});
