// npm run check:client: whether the version of packages/client is the one that the schema's changes since its last release ask for
// (CONTRIBUTING.md). Another commit to compare with: npm run check:client -- COMMIT

import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { buildSchema } from 'graphql';
import { dueVersion, faultsOfDeprecations, isAtLeast } from './client-version.ts';

const SCHEMA = 'schema/schema.graphql';
const MANIFEST = 'packages/client/package.json';

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}

function versionIn(manifest: string): string {
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

const [newest = ''] = git('tag', '--list', 'client-v*', '--sort=-version:refname').split('\n');
const [commit = newest] = process.argv.slice(2);
if (commit === '') {
  console.log('packages/client was not released yet: any version will do.');
} else {
  const before = buildSchema(git('show', `${commit}:${SCHEMA}`));
  const after = buildSchema(await readFile(SCHEMA, 'utf8'));
  const released = versionIn(git('show', `${commit}:${MANIFEST}`));
  const version = versionIn(await readFile(MANIFEST, 'utf8'));
  const due = await dueVersion(released, before, after);
  const faults = faultsOfDeprecations(before, after, git('show', '-s', '--format=%cs', 'HEAD'));
  for (const message of due.breaking) console.log(`breaks callers: ${message}`);
  for (const fault of faults) console.log(fault);
  const isDue = isAtLeast(version, due.version);
  console.log(
    `packages/client is ${version} after ${released}; ${due.version} or later ${isDue ? 'was' : 'is'} due.`,
  );
  process.exitCode = isDue && faults.length === 0 ? 0 : 1;
}
