// What is pasted from the docs must not reach anybody's account, and what is written as a table must be one.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** An account that no database has: its number is the largest that the column holds. */
const NO_ACCOUNT = 2_147_483_647;

const ROOT = new URL('../../', import.meta.url);
const pages = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((name): [string, string] => [name, readFileSync(new URL(name, ROOT), 'utf8')]);

/** Ids are base64 of "Type.account.number". */
function accountsOfIds(text: string): readonly number[] {
  return [...text.matchAll(/[A-Za-z0-9_-]{12,}/g)].flatMap(([word]) => {
    const id = /^[A-Z][A-Za-z]+\.(\d+)\.\d+$/.exec(Buffer.from(word, 'base64url').toString());
    return id === null ? [] : [Number(id[1])];
  });
}

describe.each(pages)('%s', (_name, text) => {
  it('has ids of no account that can be', () => {
    expect(accountsOfIds(text).filter((accountId) => accountId !== NO_ACCOUNT)).toEqual([]);
  });

  it('has a head over each table', () => {
    const lines = text.replace(/```.*?```/gs, '').split('\n');
    const headless = lines.filter(
      (line, index) =>
        line.startsWith('|') &&
        !(lines[index - 1] ?? '').startsWith('|') &&
        !/^\|[ :-]+\|/.test(lines[index + 1] ?? ''),
    );

    expect(headless).toEqual([]);
  });
});

it('finds ids', () => {
  expect(accountsOfIds('{ "id": "QWNjb3VudC4xLjE" }, R3VhcmRyYWlsLjEuMTQ')).toEqual([1, 1]);
});
