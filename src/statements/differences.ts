// Names where two documents differ.

import type { StatementDocument } from './document.ts';

/** The most differences that are named. */
const NAMED_MAX = 10;

/** Where a document says something else than what its rows come to: one sentence each. */
export function differences(
  document: StatementDocument,
  rows: StatementDocument,
): readonly string[] {
  const found = [...differing(document, rows, '')];
  const named = found
    .slice(0, NAMED_MAX)
    .map(({ at, is, shouldBe }) => `It says ${at} ${is}, its rows come to ${shouldBe}.`);
  const more = found.length - named.length;
  return more === 0 ? named : [...named, `It says ${more} more things that its rows do not.`];
}

interface Difference {
  readonly at: string;
  readonly is: string;
  readonly shouldBe: string;
}

function* differing(is: unknown, shouldBe: unknown, at: string): Generator<Difference> {
  if (!isObject(is) || !isObject(shouldBe)) {
    if (is !== shouldBe) yield { at, is: shown(is), shouldBe: shown(shouldBe) };
    return;
  }
  for (const name of new Set([...Object.keys(is), ...Object.keys(shouldBe)])) {
    const place = Array.isArray(is) ? `${at}[${name}]` : [at, name].filter(Boolean).join('.');
    yield* differing(is[name], shouldBe[name], place);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
