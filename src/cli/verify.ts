// npm run verify -- FILE|FOLDER … --keys FILE|URL: verifies statements by nothing but themselves and the public keys.
// npm run verify -- --account ID …: recomputes the ledgers and statements of some accounts (by id or external id) from their rows.
// Both name what is not as it was written. Status 0: all is; 1: something is not, or it failed.

import { program } from 'commander';
import type { Database } from '../db/database.ts';
import { decodeId } from '../core/identity.ts';
import { LedgerCheckService } from '../recording/ledger-check.service.ts';
import { StatementCheckService } from '../statements/check.service.ts';
import type { PublishedKey } from '../statements/keys.service.ts';
import type { StatementFault } from '../statements/links.ts';
import { type VerifiedAccount, verifyStatements } from '../statements/verify.service.ts';
import { withDatabase } from './opened.ts';
import { readKeysFrom, readStatements } from './verify/files.ts';
import { sentence } from './verify/sentences.ts';

/** The most faults to list of one account. */
const FAULTS_MAX = 50;

interface Options {
  readonly account?: readonly string[];
  readonly keys?: string;
}

program
  .name('verify')
  .description('Verifies that ledgers and statements are as they were written.')
  .argument('[paths...]', 'files of statements, or folders with such files')
  .option('--keys <file or URL>', 'the public keys: /.well-known/billing-keys.json, or a copy')
  .option('--account <ids...>', 'accounts in the database, by id or external id')
  .action(async (paths: readonly string[], options: Options) => {
    process.exitCode = (await run(paths, options)) ? 0 : 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(
  paths: readonly string[],
  { account = [], keys: from }: Options,
): Promise<boolean> {
  if (paths.length + account.length === 0) {
    throw new Error('Name files or folders of statements, or accounts by --account.');
  }
  const keys = from === undefined ? null : await readKeysFrom(from);
  const areRight = paths.length === 0 || (await verifyFiles(paths, keys, from));
  if (account.length === 0) return areRight;
  return withDatabase(async (database) => {
    let wrong = 0;
    for (const name of account) wrong += (await isRight(database, name, keys)) ? 0 : 1;
    return areRight && wrong === 0;
  });
}

async function verifyFiles(
  paths: readonly string[],
  keys: readonly PublishedKey[] | null,
  keysFile?: string,
): Promise<boolean> {
  if (keys === null) {
    throw new Error(
      'Name the public keys: --keys https://your-gateway/.well-known/billing-keys.json, or a copy of it.',
    );
  }
  const { unreadable, accounts } = verifyStatements(await readStatements(paths, keysFile), keys);
  for (const one of accounts) say(headOf(one), one.faults.map(inFile));
  if (unreadable.length > 0) say('Not all files are statements.', unreadable.map(inFile));
  return unreadable.length === 0 && accounts.every(({ faults }) => faults.length === 0);
}

function headOf({ account, firstNumber, lastNumber, faults }: VerifiedAccount): string {
  const isOne = firstNumber === lastNumber;
  const which = isOne ? `statement ${firstNumber}` : `statements ${firstNumber} to ${lastNumber}`;
  const name = account.externalId ?? account.id;
  if (faults.length > 0) return `${name}: ${which}: not everything is as it was issued.`;
  return `${name}: ${which} ${isOne ? 'is as it was' : 'are as they were'} issued.`;
}

function inFile({ name, what }: StatementFault): string {
  return `${name}: ${what}`;
}

async function isRight(
  database: Database,
  name: string,
  keys: readonly PublishedKey[] | null,
): Promise<boolean> {
  const ledgers = new LedgerCheckService(database);
  const ref = decodeId(name);
  const accountId = ref?.type === 'Account' ? ref.localId : await ledgers.findAccountId(name);
  const ledger = accountId === null ? null : await ledgers.check(accountId);
  const books =
    accountId === null ? null : await new StatementCheckService(database).check(accountId, keys);
  if (ledger === null || books === null) {
    throw new Error(`No account has the id or external id ${JSON.stringify(name)}.`);
  }
  const lines = [...ledger.faults.map(sentence), ...books.faults.map(inFile)];
  const statements = books.statements === 1 ? '1 statement' : `${books.statements} statements`;
  const counted = `all ${ledger.entries} entries and ${statements}`;
  if (lines.length === 0) say(`${name}: ${counted} are as they were written.`, lines);
  else say(`${name}: not ${counted} are as they were written.`, lines);
  sayArchived(ledger.archived, books.archived);
  if (books.pending > 0) {
    process.stdout.write(`  Cycles that have ended and have no statement yet: ${books.pending}.\n`);
  }
  return lines.length === 0;
}

function sayArchived(entries: number, statements: number): void {
  if (entries === 0) return;
  process.stdout.write(
    `  Not computed again, since events are archived: ${entries} of the entries, ${statements} of the statements.\n`,
  );
}

function say(head: string, lines: readonly string[]): void {
  const more = lines.length - FAULTS_MAX;
  const listed = lines.slice(0, FAULTS_MAX).map((line) => `  ${line}\n`);
  process.stdout.write([`${head}\n`, ...listed, more > 0 ? `  And ${more} more.\n` : ''].join(''));
}
