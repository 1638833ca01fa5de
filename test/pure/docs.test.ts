// What is pasted from the docs must not reach anybody's account, what is written as a table must be one, links must lead
// somewhere, and the configuration must be told in full.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';

/** An account that no database has: its number is the largest that the column holds. */
const NO_ACCOUNT = 2_147_483_647;

const ROOT = new URL('../../', import.meta.url);
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'packages/client/README.md'],
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

/** The anchors of a page's headings. */
function anchorsOf(page: URL): readonly string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(pages)('%s', (name, text) => {
  it('has links that lead somewhere', () => {
    const links = [...text.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    const dead = links.filter((link) => {
      const target = new URL(link, new URL(name, ROOT));
      const anchor = target.hash.slice(1);
      target.hash = '';
      return !existsSync(target) || (anchor !== '' && !anchorsOf(target).includes(anchor));
    });

    expect(dead).toEqual([]);
  });

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

it('tells every variable of the environment that is read', () => {
  const read = new Set<unknown>();
  loadConfig(new Proxy({}, { get: (_env, name) => void read.add(name) }));
  const operations = readFileSync(new URL('docs/operations.md', ROOT), 'utf8');
  const told = [...operations.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name);

  expect(told.sort()).toEqual([...read].sort());
});
