// The compiled gateway is one file, in which names that stand twice are changed. Some names of classes are read while it runs.

import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const CLASS = /^(?:export )?(?:abstract )?class (\w+)/gm;

async function classesIn(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder, { recursive: true });
  const texts = await Promise.all(
    files
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFile(path.join(folder, file), 'utf8')),
  );
  return texts.flatMap((text) => [...text.matchAll(CLASS)].map(([, name = '']) => name));
}

describe('dist/main.js', () => {
  it('keeps the names of migrations, by which they are ordered, and of errors, which are logged', async () => {
    const compiled = await readFile('dist/main.js', 'utf8');
    const migrations = await classesIn('migrations');
    const errors = (await classesIn('src')).filter((name) => name.endsWith('Error'));
    const isRenamed = (name: string): boolean =>
      new RegExp(`class _${name}\\b|class ${name}\\d+ |${name}\\d+ = class`).test(compiled);

    expect(migrations.length).toBeGreaterThan(10);
    expect(errors).toContain('UserInputError');
    expect([...migrations, ...errors].filter(isRenamed)).toEqual([]);
    const isThere = (name: string): boolean =>
      new RegExp(`class ${name} |${name} = class `).test(compiled);
    expect(migrations.filter((name) => !isThere(name))).toEqual([]);
  });
});
