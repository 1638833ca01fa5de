// npm run verify -- --account ID …: recomputes the hashes of the ledgers of some accounts (by id or external id) from their rows, and
// names what was changed, deleted, inserted or moved by hand. Status 0: all is as it was written; 1: something is not, or it failed.

import { program } from 'commander';
import { decodeId } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import { LedgerCheckService, type LedgerFault } from '../recording/ledger-check.service.ts';
import { withDatabase } from './opened.ts';

/** The most faults to list of one account. */
const FAULTS_MAX = 50;

program
  .name('verify')
  .description('Verifies that ledgers are as they were written.')
  .requiredOption('--account <ids...>', 'accounts, by id or external id')
  .action(async ({ account }: { readonly account: readonly string[] }) => {
    process.exitCode = await run(account);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(names: readonly string[]): Promise<number> {
  return withDatabase(async (database) => {
    const service = new LedgerCheckService(database);
    let wrong = 0;
    for (const name of names) wrong += (await isRight(service, name)) ? 0 : 1;
    return wrong === 0 ? 0 : 1;
  });
}

async function isRight(service: LedgerCheckService, name: string): Promise<boolean> {
  const ref = decodeId(name);
  const accountId = ref?.type === 'Account' ? ref.localId : await service.findAccountId(name);
  const checked = accountId === null ? null : await service.check(accountId);
  if (checked === null) {
    throw new Error(`No account has the id or external id ${JSON.stringify(name)}.`);
  }
  const { entries, faults } = checked;
  if (faults.length === 0) {
    process.stdout.write(`${name}: all ${entries} entries are as they were written.\n`);
    return true;
  }
  const lines = faults.slice(0, FAULTS_MAX).map((fault) => `  ${sentence(fault)}\n`);
  const more = faults.length - lines.length;
  if (more > 0) lines.push(`  And ${more} more.\n`);
  process.stdout.write(`${name}: not all ${entries} entries are as they were written.\n`);
  process.stdout.write(lines.join(''));
  return false;
}

function sentence(fault: LedgerFault): string {
  switch (fault.what) {
    case 'MISSING':
    case 'MOVED':
      return rangeSentence(fault);
    case 'CHARGES_CHANGED':
      return `The charges of entry ${fault.sequence} were changed: they add up to ${formatMicro(fault.chargedMicro)}, its amount is ${formatMicro(fault.amountMicro)}.`;
    case 'LAST_ENTRY':
      return `The account's row names another last entry or hash than entry ${fault.lastSequence}.`;
    case 'BALANCE':
      return `The account's balance is ${formatMicro(fault.balanceMicro)}, that of its last entry ${formatMicro(fault.lastEntryBalanceMicro)}.`;
    case 'CHANGED':
    case 'HASH_CHANGED':
    case 'INSERTED':
    case 'UNREADABLE':
      return ENTRY_SENTENCES[fault.what](fault.sequence);
  }
}

const ENTRY_SENTENCES = {
  CHANGED: (sequence: number) => `Entry ${sequence} or one of its charges was changed.`,
  HASH_CHANGED: (sequence: number) =>
    `The hash of entry ${sequence} was changed; the entry was not.`,
  INSERTED: (sequence: number) => `Entry ${sequence} was inserted: the gateway did not write it.`,
  UNREADABLE: (sequence: number) => `From entry ${sequence} on, nothing is as it was written.`,
};

function rangeSentence(fault: Extract<LedgerFault, { what: 'MISSING' | 'MOVED' }>): string {
  const { from, to } = fault;
  const named = from === to ? `Entry ${from} was` : `Entries ${from} to ${to} were`;
  if (fault.what === 'MISSING') return `${named} deleted.`;
  const [first, last] = [from - fault.by, to - fault.by];
  return `${named} written as ${from === to ? `entry ${first}` : `entries ${first} to ${last}`}.`;
}
