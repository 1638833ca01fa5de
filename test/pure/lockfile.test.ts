import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  faultsOf,
  type LockedPackage,
  type Lockfile,
  type PackageFile,
} from '../../scripts/lockfile.ts';

const integrity = `sha512-${'A'.repeat(86)}==`;
const good: LockedPackage = { version: '1.2.3', integrity };

function faultsOfLocked(one: LockedPackage): readonly string[] {
  return faultsOf({}, { packages: { '': {}, 'node_modules/one': one } });
}

describe('the packages', () => {
  it('of this project are pinned and held to their content', () => {
    const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

    expect(
      faultsOf(read('package.json') as PackageFile, read('package-lock.json') as Lockfile),
    ).toEqual([]);
  });

  it.each([
    good,
    { ...good, version: '2.0.0-rc.4' },
    { ...good, resolved: 'https://registry.npmjs.org/one/-/one-1.2.3.tgz' },
    { link: true, resolved: 'packages/one' },
  ])('may be %j', (one) => {
    expect(faultsOfLocked(one)).toEqual([]);
  });

  it.each([
    [{ version: '1.2.3' }, 'has no SHA-512 of its content'],
    [{ ...good, integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'has no SHA-512 of its content'],
    [{ ...good, integrity: '' }, 'has no SHA-512 of its content'],
    [{ ...good, link: true }, 'is a link to a folder'],
    [{ link: true, resolved: '../packages/one' }, 'is a link to a folder'],
    [{ integrity }, 'has no version'],
    ...[
      'http://registry.npmjs.org/one/-/one-1.2.3.tgz',
      'https://registry.npmjs.org.example.com/one.tgz',
      'https://example.com/one.tgz',
      'git+ssh://git@github.com/one/one.git#0123456789abcdef',
      'file:../one',
    ].map((resolved): [LockedPackage, string] => [
      { ...good, resolved },
      `comes from ${resolved}, not from https://registry.npmjs.org/`,
    ]),
  ])('may not be %j', (one, fault) => {
    expect(faultsOfLocked(one)).toEqual([`package-lock.json: node_modules/one ${fault}.`]);
  });

  it.each([
    '^1.2.3',
    '1.x',
    'latest',
    '*',
    '>=1',
    'github:one/one',
    'file:../one',
    'npm:two@1.2.3',
  ])('may not be asked for as %s', (version) => {
    expect(faultsOf({ devDependencies: { one: version } }, { packages: {} })).toEqual([
      `package.json asks for one ${version}, not for one version.`,
    ]);
  });

  it('may not be asked for loosely by a package of the project either', () => {
    const packages = { 'packages/own': { version: '1.2.3', dependencies: { one: '^1.2.3' } } };

    expect(faultsOf({}, { packages })).toEqual([
      'packages/own/package.json asks for one ^1.2.3, not for one version.',
    ]);
  });
});
