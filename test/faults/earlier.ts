// An earlier release of the gateway, out of the repository's history and compiled, to run beside this one.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/dist.mjs';

const run = promisify(execFile);
const LOCK = 'package-lock.json';

/** What stands for the last commit without the newest migration. */
export const WITHOUT_LAST_MIGRATION = 'without-last-migration';

/**
 * Writes an earlier release into a folder and compiles it there.
 * @param revision as git names it, or WITHOUT_LAST_MIGRATION
 * @param folder where it is to be; it is there, and empty
 * @returns the commit
 * @throws Error when the history has no such revision
 */
export async function writeRelease(revision: string, folder: string): Promise<string> {
  const isNamed = revision !== WITHOUT_LAST_MIGRATION;
  const commit = await commitOf(isNamed ? revision : await withoutLastMigration());
  const archive = path.join(folder, 'release.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: root });
  await run('tar', ['-xf', archive, '-C', folder]);
  await fs.rm(archive);
  await addPackages(folder);
  await run(process.execPath, ['scripts/build.mjs'], { cwd: folder });
  return commit;
}

async function commitOf(revision: string): Promise<string> {
  const asked = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const found = await run('git', asked, { cwd: root }).catch(() => null);
  if (found === null) throw new Error(`The history of this folder has no revision ${revision}.`);
  return found.stdout.trim();
}

/** The commit before the one that the newest migration came with; the present one while that is not committed. */
async function withoutLastMigration(): Promise<string> {
  const files = await fs.readdir(path.join(root, 'migrations'));
  const file = files.sort().at(-1) ?? '';
  const asked = ['log', '--diff-filter=A', '--format=%H', '-1', '--', `migrations/${file}`];
  const commit = (await run('git', asked, { cwd: root })).stdout.trim();
  return commit === '' ? 'HEAD' : `${commit}^`;
}

/** Those of this release where they are the same, else its own. */
async function addPackages(folder: string): Promise<void> {
  const [ours, theirs] = await Promise.all(
    [root, folder].map((of) => fs.readFile(path.join(of, LOCK), 'utf8')),
  );
  if (ours === theirs) {
    await fs.symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  } else await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
}
