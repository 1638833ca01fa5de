// `npm start` on a small project with the scripts of this one: what runs must be the sources as they are.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const MAIN = `
import { place } from './place.ts';
console.log(place, import.meta.url.split('/').at(-1));
`;
/** A command, as those of src/cli are. */
const TELL = `
const what: string = process.argv.slice(2).join(' ');
console.log(what, import.meta.url.split('/').at(-1));
`;

describe('npm start', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-start-'));
    await fs.cp('scripts', path.join(folder, 'scripts'), { recursive: true });
    await fs.copyFile('tsconfig.json', path.join(folder, 'tsconfig.json'));
    const scripts = { tell: 'node scripts/command.mjs tell' };
    await write('package.json', JSON.stringify({ type: 'module', scripts }));
    await write('src/cli/tell.ts', TELL);
    await fs.symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  });

  afterAll(async () => {
    await fs.rm(folder, { recursive: true, force: true });
  });

  it('runs the sources while nothing is compiled, and says so', async () => {
    await writeSources();
    await fs.rm(path.join(folder, 'dist'), { recursive: true, force: true });

    const { stdout, stderr } = await start();

    expect(stdout).toBe('here main.ts\n');
    expect(stderr).toMatch(/^dist\/ is missing .* npm run build\n$/);
  });

  it('runs what was compiled', async () => {
    await writeSources();
    await build();

    expect(await start()).toEqual({ stdout: 'here main.js\n', stderr: '' });
  });

  it('runs commands with their arguments as it runs itself', async () => {
    await writeSources();
    await build();

    expect(await runScript('command', 'tell', 'one', 'two')).toEqual({
      stdout: 'one two tell.js\n',
      stderr: '',
    });
    await write('src/cli/tell.ts', `${TELL} // Changed.`);
    expect(await runScript('command', 'tell', 'one', 'two')).toEqual({
      stdout: 'one two tell.ts\n',
      stderr: '',
    });
    await write('src/cli/tell.ts', TELL);
  });

  it('runs what was compiled after a file came that is imported nowhere', async () => {
    await writeSources();
    await build();
    await write('src/new.ts', `console.log('new');`);

    expect((await start()).stdout).toBe('here main.js\n');
  });

  it.each([
    ['a module', 'src/place.ts', `export const place: string = 'there';`, 'there main.ts\n'],
    ['the compiler’s settings', 'tsconfig.json', '{ "compilerOptions": {} }', 'here main.ts\n'],
  ])('runs the sources after %s changed', async (_what, file, content, expected) => {
    await writeSources();
    const before = await fs.readFile(path.join(folder, file), 'utf8');
    await build();
    await write(file, content);

    const changed = await start();
    await write(file, before);
    const changedBack = await start();

    expect(changed.stdout).toBe(expected);
    expect(changedBack.stdout).toBe('here main.js\n');
  });

  it('runs the sources after a build that did not end', async () => {
    await writeSources();
    await build();
    await write('src/main.ts', 'import');
    await expect(build()).rejects.toThrow('Unexpected end of file');
    await writeSources();

    expect((await start()).stdout).toBe('here main.ts\n');
  });

  it('names the lines of the sources in a stack', async () => {
    await writeSources();
    await write('src/place.ts', `interface No {}\nexport const place = new Error('here').stack;`);
    await build();

    const { stdout } = await start();

    expect(stdout).toContain('/src/place.ts:2:22');
    expect(stdout).toContain(' main.js\n');
  });

  async function write(file: string, content: string): Promise<void> {
    await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await fs.writeFile(path.join(folder, file), content);
  }

  async function writeSources(): Promise<void> {
    await write('src/main.ts', MAIN);
    await write('src/place.ts', `export const place: string = 'here';`);
  }

  function build(): Promise<unknown> {
    return runScript('build');
  }

  function start(): Promise<{ readonly stdout: string; readonly stderr: string }> {
    return runScript('start');
  }

  // jest's own options of node are not for them.
  function runScript(
    name: string,
    ...args: readonly string[]
  ): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const env = { ...process.env, NODE_OPTIONS: '' };
    return run(process.execPath, [`scripts/${name}.mjs`, ...args], { cwd: folder, env });
  }
});
