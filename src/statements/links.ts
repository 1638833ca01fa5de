// How the statements of one account hang together: each holds the SHA-256 of the one before, and goes on where that ended.

import { parseInstant } from '../core/instant.ts';
import { parseMicro } from '../core/micro.ts';
import type { SignedStatement, StatementDocument } from './document.ts';

/** A statement to be verified, and what it is called: the file that it is in, for example. */
export interface NamedStatement {
  readonly name: string;
  readonly signed: SignedStatement;
}

/** Something that is wrong with a statement, as a sentence. */
export interface StatementFault {
  readonly name: string;
  readonly what: string;
}

/** What does not fit between statements of one account. They may begin with any number. */
export function linkFaults(statements: readonly NamedStatement[]): readonly StatementFault[] {
  const sorted = [...statements].sort((a, b) => numberOf(a) - numberOf(b));
  const [first] = sorted;
  const faults: StatementFault[] = first === undefined ? [] : [...beginFaults(first)];
  for (const [index, one] of sorted.slice(1).entries()) {
    const before = sorted[index];
    if (before !== undefined) faults.push(...stepFaults(before, one));
  }
  return faults;
}

function numberOf({ signed }: NamedStatement): number {
  return signed.document.number;
}

function beginFaults({ name, signed: { document } }: NamedStatement): readonly StatementFault[] {
  const isFirst = document.number === 1;
  const faults: string[] = [];
  if (isFirst !== (document.previousSha256 === null)) {
    const should = isFirst
      ? 'is the first of its account, but names one before'
      : 'names none before';
    faults.push(`It is statement ${document.number}, and ${should}.`);
  }
  if (isFirst && document.ledger.firstSequence !== 1) {
    faults.push(
      `It is the first of its account, but begins with entry ${document.ledger.firstSequence}.`,
    );
  }
  return faults.map((what) => ({ name, what }));
}

function stepFaults(before: NamedStatement, one: NamedStatement): readonly StatementFault[] {
  const { name } = one;
  const [number, numberBefore] = [numberOf(one), numberOf(before)];
  if (number === numberBefore) {
    const isSame = before.signed.sha256 === one.signed.sha256;
    const what = `It is another statement ${number} than ${before.name}: one of the two was put in the other's place.`;
    return isSame ? [] : [{ name, what }];
  }
  if (number > numberBefore + 1) {
    const missing = range(numberBefore + 1, number - 1);
    return [
      { name, what: `${missing} before it ${missing.includes(' to ') ? 'are' : 'is'} missing.` },
    ];
  }
  return joinFaults(before, one.signed.document).map((what) => ({ name, what }));
}

function joinFaults(before: NamedStatement, next: StatementDocument): readonly string[] {
  const { document, sha256 } = before.signed;
  const faults: string[] = [];
  if (next.previousSha256 !== sha256) {
    faults.push(
      `It follows another statement ${document.number} than ${before.name}: one of the two was replaced.`,
    );
  }
  if (parseInstant(next.cycle.from) !== parseInstant(document.cycle.to)) {
    faults.push(
      `Its cycle begins at ${next.cycle.from}, the one before ends at ${document.cycle.to}.`,
    );
  }
  if (parseMicro(next.credits.opening) !== parseMicro(document.credits.closing)) {
    faults.push(
      `It opens with ${next.credits.opening}, the one before closes with ${document.credits.closing}.`,
    );
  }
  if (next.ledger.firstSequence !== document.ledger.lastSequence + 1) {
    faults.push(
      `It begins with entry ${next.ledger.firstSequence}, the one before ends with entry ${document.ledger.lastSequence}.`,
    );
  }
  return faults;
}

function range(first: number, last: number): string {
  return first === last ? `Statement ${first}` : `Statements ${first} to ${last}`;
}
