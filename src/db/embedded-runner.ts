// Which user runs PostgreSQL's programs. They refuse to run as root, so under root they run as the user postgres. Where that
// user may not enter the folders (a checkout under /root), they run in a user namespace, in which root has another number.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SYSTEM_USER = 'postgres';
/** The number that root gets inside the namespace; any but 0 works. */
const NAMESPACE_USER = ['--user', '--map-user=1000', '--map-group=1000'];

export type Runner =
  | { readonly as: 'self' }
  | { readonly as: 'namespace' }
  | { readonly as: 'user'; readonly uid: number; readonly gid: number };

/** A folder that the programs must be able to enter, and what to do where they cannot. */
export interface Wanted {
  readonly target: string;
  readonly remedy: string;
}

/** The database cannot run on this machine as it is set up; the message says what to change. */
export class EmbeddedDatabaseError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddedDatabaseError';
  }
}

/**
 * The user for a cluster's programs; for an existing cluster, its owner.
 * @param home the cluster's folder, which need not exist yet
 * @throws EmbeddedDatabaseError
 */
export async function chooseRunner(home: string, wanted: readonly Wanted[]): Promise<Runner> {
  const self = process.getuid?.();
  if (self === undefined) return { as: 'self' };
  const owner = await fs.stat(home).catch(nullIfMissing);
  if (self === 0) return runnerOfRoot(owner, wanted);
  if (owner === null || owner.uid === self) return { as: 'self' };
  throw new EmbeddedDatabaseError(
    `The database in ${home} belongs to another user (id ${owner.uid}); start the gateway as that user or as root, or set DATA_DIR to another folder.`,
  );
}

async function runnerOfRoot(owner: SystemUser | null, wanted: readonly Wanted[]): Promise<Runner> {
  if (owner?.uid === 0) return { as: 'namespace' };
  const user = owner === null ? await systemUser() : { uid: owner.uid, gid: owner.gid };
  const closed = await firstClosed(wanted, user);
  if (closed === null) return { as: 'user', ...user };
  if (owner === null && (await hasNamespaces())) return { as: 'namespace' };
  throw new EmbeddedDatabaseError(
    `As root, PostgreSQL runs as the user ${SYSTEM_USER}, which may not enter ${closed.folder} (on the way to ${closed.target}); ${closed.remedy}, run "chmod o+x ${closed.folder}", or set DATABASE_URL to a PostgreSQL of your own.`,
  );
}

/** Runs a program to its end. @throws what it printed, when it failed */
export async function runProgram(
  runner: Runner,
  program: string,
  args: readonly string[],
): Promise<void> {
  // The gateway's environment holds secrets and settings of libpq (PGPORT, PGDATA) that are not meant for this server.
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  if (runner.as === 'namespace') {
    await run('unshare', [...NAMESPACE_USER, program, ...args], { cwd: '/', env });
    return;
  }
  const user = runner.as === 'user' ? { uid: runner.uid, gid: runner.gid } : {};
  await run(program, [...args], { ...user, cwd: '/', env });
}

// Containers may forbid namespaces, and old systems lack the option.
async function hasNamespaces(): Promise<boolean> {
  try {
    await run('unshare', [...NAMESPACE_USER, 'true']);
    return true;
  } catch {
    return false;
  }
}

interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

async function systemUser(): Promise<SystemUser> {
  const known = await lookUpUser().catch(() => null);
  if (known !== null) return known;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', SYSTEM_USER]);
    return await lookUpUser();
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `PostgreSQL does not run as root, and the user ${SYSTEM_USER} could not be created (${wordsOf(error)}); start the gateway as an ordinary user.`,
      error,
    );
  }
}

async function lookUpUser(): Promise<SystemUser> {
  const [uid, gid] = await Promise.all([
    run('id', ['-u', SYSTEM_USER]),
    run('id', ['-g', SYSTEM_USER]),
  ]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function firstClosed(
  wanted: readonly Wanted[],
  user: SystemUser,
): Promise<(Wanted & { readonly folder: string }) | null> {
  for (const one of wanted) {
    const folder = await firstClosedFolder(one.target, user);
    if (folder !== null) return { ...one, folder };
  }
  return null;
}

async function firstClosedFolder(target: string, user: SystemUser): Promise<string | null> {
  const ancestors = [target];
  while (ancestors[0] !== undefined && path.dirname(ancestors[0]) !== ancestors[0]) {
    ancestors.unshift(path.dirname(ancestors[0]));
  }
  const script = 'for f in "$@"; do test -x "$f" || { printf %s "$f"; break; }; done';
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', ...ancestors], {
    ...user,
    cwd: '/',
    env: {},
  });
  return stdout === '' ? null : stdout;
}

/** For look-ups: null for a missing file; any other error is thrown. */
export function nullIfMissing(error: unknown): null {
  if (isCode(error, 'ENOENT')) return null;
  throw error;
}

/** Whether an error of the system has one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(textOf(error, 'code') ?? '');
}

/** What a program that failed printed, or the error's own message. */
export function wordsOf(error: unknown): string {
  const printed = textOf(error, 'stderr')?.trim() ?? '';
  return printed === '' ? (textOf(error, 'message') ?? String(error)) : printed;
}

/** A property of an error that is text, or null. Node's errors may come from another realm, where `instanceof` fails. */
export function textOf(error: unknown, property: string): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' ? value : null;
}
