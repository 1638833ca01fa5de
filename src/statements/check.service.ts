// Verifies the statements of an account against the rows of its ledger: whoever can sign, but has not issued it in its time, cannot
// put another statement into the place of one. It changes nothing.

import type { Account } from '../account/account.ts';
import { loadAccounts } from '../account/account.store.ts';
import { ArchivedError, InvariantError } from '../core/errors.ts';
import { encodeId } from '../core/identity.ts';
import { parseInstant } from '../core/instant.ts';
import type { Database, Tx } from '../db/database.ts';
import { leftAfter, loadBooks, type LotsLeft } from './books.service.ts';
import { bookFaults, type Books, composeStatement } from './compose.ts';
import { differences } from './differences.ts';
import type { StatementDocument } from './document.ts';
import { type PublishedKey, published } from './keys.service.ts';
import { listKeys } from './keys.store.ts';
import type { StatementFault } from './links.ts';
import { readDocument } from './read.ts';
import { sha256Of } from './signature.service.ts';
import type { StoredStatement } from './statement.ts';
import { leftIn, signedText } from './statements.service.ts';
import { listStored, loadStatementHead, type StatementHead } from './statements.store.ts';
import { verifyStatements } from './verify.service.ts';

const WITHIN_MS = 3_600_000;
const STATEMENTS_PER_READ = 20;

export interface CheckedStatements {
  readonly statements: number;
  /** Statements that were not compared with their cycles' rows: events of these are archived. */
  readonly archived: number;
  /** Cycles that have ended and have no statement yet. */
  readonly pending: number;
  readonly faults: readonly StatementFault[];
}

export class StatementCheckService {
  constructor(private readonly database: Database) {}

  /**
   * Checks an account's statements in one snapshot.
   * @param keys that are known from elsewhere; null: those of the database
   * @returns null when there is no such account
   */
  async check(
    accountId: number,
    keys: readonly PublishedKey[] | null,
  ): Promise<CheckedStatements | null> {
    return this.database.inSnapshot({ accountId }, async (tx) => {
      await tx.allowLong(WITHIN_MS);
      const head = await loadStatementHead(tx, accountId);
      const [account] = await loadAccounts(tx, [accountId]);
      if (head === null || account === undefined) return null;
      const stored = await allStored(tx, accountId);
      const claimed = stored.map((one) => ({ name: nameOf(one), value: parsed(signedText(one)) }));
      const { unreadable, accounts } = verifyStatements(
        claimed,
        keys ?? published(await listKeys(tx)),
      );
      const booked = await bookedFaults(tx, account, stored);
      const faults = [
        ...unreadable,
        ...accounts.flatMap((one) => one.faults),
        ...stored.flatMap((one) => rowFaults(one, head)),
        ...endFaults(stored, head),
        ...booked.faults,
      ];
      const pending = Math.max(0, head.cycleId - 1 - head.lastNumber);
      return { statements: stored.length, archived: booked.archived, pending, faults };
    });
  }
}

function nameOf({ number }: { readonly number: number }): string {
  return `Statement ${number}`;
}

async function allStored(tx: Tx, accountId: number): Promise<readonly StoredStatement[]> {
  const all: StoredStatement[] = [];
  for (let after = 0; ;) {
    const page = await listStored(tx, accountId, { after, limit: STATEMENTS_PER_READ });
    all.push(...page);
    const last = page.at(-1);
    if (last === undefined) return all;
    after = last.number;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Null: it is unreadable, which is told elsewhere. */
function documentOf({ text }: StoredStatement): StatementDocument | null {
  try {
    return readDocument(parsed(text));
  } catch {
    return null;
  }
}

/** Where a row says something else than its document. */
function rowFaults(stored: StoredStatement, head: StatementHead): readonly StatementFault[] {
  const name = nameOf(stored);
  const document = documentOf(stored);
  if (document === null) return [];
  const { accountId, number } = stored;
  const isRow =
    document.id === encodeId('Statement', accountId, number) &&
    document.previousSha256 === stored.previousSha256 &&
    document.ledger.lastSequence === stored.lastSequence &&
    document.ledger.lastHash === stored.lastHash &&
    parseInstant(document.issuedAt) === stored.issuedAtMs;
  const faults = isRow ? [] : [{ name, what: 'Its row says something else than its document.' }];
  if (number > head.lastNumber) {
    const what = `It was inserted: the account's row names statement ${head.lastNumber} as the last one.`;
    return [...faults, { name, what }];
  }
  if (number === head.lastNumber && sha256Of(stored.text) !== head.lastSha256) {
    const what = `It is the last one, but not the one that was issued: the account's row names another SHA-256, ${String(head.lastSha256)}.`;
    return [...faults, { name, what }];
  }
  return faults;
}

/** Statements that are missing at either end; those between are told by what follows them. */
function endFaults(
  stored: readonly StoredStatement[],
  { lastNumber }: StatementHead,
): readonly StatementFault[] {
  const [first, last] = [stored[0]?.number ?? lastNumber + 1, stored.at(-1)?.number ?? 0];
  const missing = [
    ...numbersFrom(1, Math.min(first - 1, lastNumber)),
    ...(last > 0 ? numbersFrom(last + 1, lastNumber) : []),
  ];
  return missing.map((number) => ({ name: nameOf({ number }), what: 'It was deleted.' }));
}

function numbersFrom(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

/** Where a statement says something else than what its cycle's entries come to, and of how many that cannot be said. */
async function bookedFaults(
  tx: Tx,
  account: Account,
  stored: readonly StoredStatement[],
): Promise<Pick<CheckedStatements, 'archived' | 'faults'>> {
  const faults: StatementFault[] = [];
  let archived = 0;
  const byNumber = new Map(stored.map((one) => [one.number, one]));
  let before: LotsLeft = new Map();
  for (const number of numbersFrom(1, stored.at(-1)?.number ?? 0)) {
    const name = nameOf({ number });
    const one = byNumber.get(number);
    const document = one === undefined ? null : documentOf(one);
    try {
      const books = await loadBooks(tx, account, { number, before });
      before = leftAfter(books.ended.lots);
      const found = [
        ...bookFaults(books),
        ...(document === null ? [] : differences(document, composedAgain(books, document))),
      ];
      faults.push(...found.map((what) => ({ name, what })));
    } catch (error) {
      const what = whyNotRead(error);
      if (document !== null) before = leftIn(document);
      if (what === null) archived += 1;
      else faults.push({ name, what });
    }
  }
  return { archived, faults };
}

/** What is wrong with books that cannot be read; null: events of them are archived. */
function whyNotRead(error: unknown): string | null {
  if (error instanceof ArchivedError) return null;
  if (!(error instanceof InvariantError)) throw error;
  return `The rows of its cycle contradict each other. This does not hold: ${ruleOf(error)}.`;
}

function ruleOf({ message }: InvariantError): string {
  return message.replace('Invariant broken: ', '');
}

/** The document that the rows come to now. What may change after it was issued is taken from the one that was. */
function composedAgain(books: Books, issued: StatementDocument): StatementDocument {
  const { issuer, issuedAt, previousSha256, account, used } = issued;
  const issuedAtMs = parseInstant(issuedAt);
  const again = composeStatement(books, { issuer, issuedAtMs, previousSha256 });
  const names = new Map(used.byResource.map(({ id, name }) => [id, name]));
  return {
    ...again,
    account: { ...again.account, name: account.name, timeZone: account.timeZone },
    used: {
      ...again.used,
      byResource: again.used.byResource.map((row) => ({
        ...row,
        name: names.get(row.id) ?? row.name,
      })),
    },
  };
}
