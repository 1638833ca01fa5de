// Reads statements that come from outside: files, and the rows of a database that somebody may have changed.

import { UserInputError } from '../core/errors.ts';
import { parseInstant } from '../core/instant.ts';
import { parseMicro } from '../core/micro.ts';
import type { SignedStatement, StatementDocument } from './document.ts';

/** In hex. */
const SHA256 = /^[\da-f]{64}$/;
/** 64 bytes in base64. */
const SIGNATURE = /^[\d+/A-Za-z]{86}==$/;

/** @throws UserInputError naming the member at fault */
export function readSigned(value: unknown): SignedStatement {
  const signed = new Members(value, '');
  return {
    document: readDocument(signed.value('document')),
    sha256: signed.text('sha256', SHA256),
    keyId: signed.text('keyId'),
    signature: signed.text('signature', SIGNATURE),
  };
}

/** The document of a signed statement with all members that are there, known or not. @throws UserInputError */
export function rawDocument(signed: unknown): unknown {
  return new Members(signed, '').value('document');
}

/** @throws UserInputError naming the member at fault */
export function readDocument(value: unknown): StatementDocument {
  const of = new Members(value, 'document');
  const [account, cycle, credits, used, ledger] = [
    of.member('account'),
    of.member('cycle'),
    of.member('credits'),
    of.member('used'),
    of.member('ledger'),
  ];
  return {
    type: of.constant('type', 'billing-statement'),
    version: of.constant('version', 1),
    id: of.text('id'),
    number: of.whole('number'),
    issuer: of.text('issuer'),
    account: {
      id: account.text('id'),
      externalId: account.textOrNull('externalId'),
      name: account.text('name'),
      timeZone: account.text('timeZone'),
    },
    cycle: {
      number: cycle.whole('number'),
      from: cycle.instant('from'),
      to: cycle.instant('to'),
    },
    issuedAt: of.instant('issuedAt'),
    credits: {
      opening: credits.amount('opening'),
      allocated: credits.amount('allocated'),
      used: credits.amount('used'),
      expired: credits.amount('expired'),
      adjusted: credits.amount('adjusted'),
      closing: credits.amount('closing'),
    },
    used: readUse(used),
    lots: of.list('lots', (lot) => ({
      allocationId: lot.text('allocationId'),
      source: lot.text('source'),
      amount: lot.amount('amount'),
      remaining: lot.amount('remaining'),
      priority: lot.whole('priority'),
      effectiveAt: lot.instant('effectiveAt'),
      expiresAt: lot.value('expiresAt') === null ? null : lot.instant('expiresAt'),
    })),
    ledger: {
      firstSequence: ledger.whole('firstSequence'),
      lastSequence: ledger.whole('lastSequence'),
      lastHash: ledger.text('lastHash', SHA256),
    },
    previousSha256: of.value('previousSha256') === null ? null : of.text('previousSha256', SHA256),
  };
}

function readUse(used: Members): StatementDocument['used'] {
  return {
    byCategory: used.list('byCategory', (row) => ({
      category: row.text('category'),
      credits: row.amount('credits'),
    })),
    byComponent: used.list('byComponent', (row) => ({
      component: row.text('component'),
      credits: row.amount('credits'),
    })),
    byHardware: used.list('byHardware', (row) => ({
      hardware: row.text('hardware'),
      credits: row.amount('credits'),
    })),
    byResource: used.list('byResource', (row) => ({
      id: row.text('id'),
      kind: row.text('kind'),
      name: row.text('name'),
      externalId: row.text('externalId'),
      credits: row.amount('credits'),
    })),
  };
}

/** The members of an object of JSON. Each reader throws UserInputError, naming the member, when it is something else. */
export class Members {
  private readonly members: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly place: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UserInputError(`${place === '' ? 'It' : place} is not an object of JSON.`);
    }
    this.members = { ...value };
  }

  value(name: string): unknown {
    return this.members[name];
  }

  member(name: string): Members {
    return new Members(this.value(name), this.at(name));
  }

  text(name: string, pattern?: RegExp): string {
    const value = this.value(name);
    if (typeof value === 'string' && (pattern?.test(value) ?? true)) return value;
    throw this.wrong(name, pattern === undefined ? 'a text' : `a text of the form ${pattern}`);
  }

  textOrNull(name: string): string | null {
    return this.value(name) === null ? null : this.text(name);
  }

  whole(name: string): number {
    const value = this.value(name);
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw this.wrong(name, 'a whole number');
  }

  constant<T extends string | number>(name: string, expected: T): T {
    if (this.value(name) === expected) return expected;
    throw this.wrong(name, JSON.stringify(expected));
  }

  amount(name: string): string {
    const text = this.text(name);
    parseMicro(text, [this.at(name)]);
    return text;
  }

  instant(name: string): string {
    const text = this.text(name);
    parseInstant(text, [this.at(name)]);
    return text;
  }

  list<T>(name: string, read: (row: Members) => T): readonly T[] {
    const rows = this.value(name);
    if (!Array.isArray(rows)) throw this.wrong(name, 'a list');
    return rows.map((row, index) => read(new Members(row, `${this.at(name)}[${index}]`)));
  }

  private at(name: string): string {
    return this.place === '' ? name : `${this.place}.${name}`;
  }

  private wrong(name: string, expected: string): UserInputError {
    return new UserInputError(`${this.at(name)} is not ${expected}.`);
  }
}
