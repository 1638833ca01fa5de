// scripts/build-web.mjs on small pages: what it makes, and when that counts as made of the sources as they are.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const PAGE = '<html><!-- assets --></html>';
const SOURCES = {
  'package-lock.json': '{}',
  'web/tsconfig.json': '{ "compilerOptions": { "jsx": "react-jsx" } }',
  'web/index.html': PAGE,
  'web/main.tsx': `import './main.css';\nimport { word } from './word.ts';\nimport('./later.ts');\nconsole.log(word);`,
  'web/word.ts': `export const word: string = 'here';`,
  'web/later.ts': `import { word } from './word.ts';\nconsole.log('later', word);`,
  'web/main.css': 'p { color: red }',
  'web/explorer/index.html': PAGE,
  'web/explorer/main.tsx': 'declare const WORKER_FILES: unknown;\nconsole.log(WORKER_FILES);',
  'node_modules/monaco-editor/esm/vs/editor/editor.worker.js': 'postMessage("editor");',
  'node_modules/monaco-editor/esm/vs/language/json/json.worker.js': 'postMessage("json");',
  'node_modules/monaco-graphql/esm/graphql.worker.js': 'postMessage("graphql");',
};

let folder: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-web-'));
  await fs.cp('scripts', path.join(folder, 'scripts'), { recursive: true });
  for (const [file, content] of Object.entries(SOURCES)) await write(file, content);
  await fs.symlink(path.resolve('node_modules/esbuild'), path.join(folder, 'node_modules/esbuild'));
  await build();
});

afterEach(async () => {
  await fs.rm(folder, { recursive: true, force: true });
});

async function write(file: string, content: string): Promise<void> {
  await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
  await fs.writeFile(path.join(folder, file), content);
}

function node(...args: readonly string[]): Promise<{ readonly stdout: string }> {
  return run(process.execPath, args, { cwd: folder, env: { ...process.env, NODE_OPTIONS: '' } });
}

function build(): Promise<unknown> {
  return node('scripts/build-web.mjs');
}

async function isFresh(): Promise<boolean> {
  const script = `import { isWebFresh } from './scripts/dist.mjs'; console.log(await isWebFresh());`;
  const { stdout } = await node('--input-type=module', '--eval', script);
  return stdout === 'true\n';
}

function read(file: string): Promise<string> {
  return fs.readFile(path.join(folder, 'web/dist', file), 'utf8');
}

describe('a build of the pages', () => {
  it('names each file by its content, and a page loads at once what it shows first', async () => {
    const usage = await read('usage.html');
    const files = [...usage.matchAll(/(?:src|href)="\/usage\/assets\/([^"]+)"/g)].map(
      ([, file]) => file ?? '',
    );
    const contents = await Promise.all(files.map((file) => read(path.join('assets', file))));

    expect(usage).toContain('<script type="module" src="/usage/assets/usage-');
    expect(usage).toContain('<link rel="stylesheet" href="/usage/assets/usage-');
    expect(usage).toContain('<link rel="modulepreload" href="/usage/assets/chunk-');
    for (const file of files) expect(file).toMatch(/^[a-z]+-[A-Z0-9]{8}\.(js|css)$/);
    expect(contents.join()).toContain('here');
    expect(contents.join()).not.toContain('later",');
  });

  it('tells the explorer where its workers are', async () => {
    const files = await fs.readdir(path.join(folder, 'web/dist/assets'));
    const scripts = await Promise.all(files.map((file) => read(path.join('assets', file))));
    // In the explorer's own script, or in a part that it loads.
    const [, worker = ''] = /"\/usage\/(assets\/graphql-[^"]+)"/.exec(scripts.join()) ?? [];

    expect(await read(worker)).toContain('postMessage("graphql")');
  });

  it('leaves nothing of the build before it', async () => {
    const before = await fs.readdir(path.join(folder, 'web/dist/assets'));
    await write('web/word.ts', `export const word: string = 'there';`);
    await build();
    const after = await fs.readdir(path.join(folder, 'web/dist/assets'));

    expect(after).toHaveLength(before.length);
    expect(after).not.toEqual(before);
  });
});

describe('whether a build is fresh', () => {
  it.each([
    ['a module', 'web/word.ts'],
    ['styles', 'web/main.css'],
    ['a page', 'web/explorer/index.html'],
    ['the packages', 'package-lock.json'],
    ['the build', 'scripts/build-web.mjs'],
  ])('is told by %s', async (_what, file) => {
    const before = await fs.readFile(path.join(folder, file), 'utf8');
    const isFreshAtFirst = await isFresh();
    await write(file, `${before} `);
    const isFreshChanged = await isFresh();
    await write(file, before);

    expect([isFreshAtFirst, isFreshChanged, await isFresh()]).toEqual([true, false, true]);
  });

  it('is not asked where the sources are not', async () => {
    await fs.rm(path.join(folder, 'web/index.html'));
    await fs.rm(path.join(folder, 'web/main.tsx'));

    expect(await isFresh()).toBe(true);
  });

  it('is no question where there is no build', async () => {
    await fs.rm(path.join(folder, 'web/dist'), { recursive: true });

    expect(await isFresh()).toBe(false);
  });

  it('is not so after a build that failed', async () => {
    await write('web/word.ts', 'export');

    await expect(build()).rejects.toThrow('Unexpected end of file');
    expect(await isFresh()).toBe(false);
  });
});
