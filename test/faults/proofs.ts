// What the gateway's own commands prove, `verify` and `check:rollups`: that each entry of the ledger follows from the one before
// and its charges from the events, and that the sums of the views are those of the events.

import { entities } from '../../ormconfig.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { LedgerCheckService } from '../../src/recording/ledger-check.service.ts';
import { RollupCheckService } from '../../src/rollups/check.service.ts';
import type { Violations } from './violations.ts';

/** Proves it of all accounts of these external ids. */
export async function checkProofs(
  databaseUrl: string,
  names: readonly string[],
  violations: Violations,
): Promise<void> {
  const database = await openDatabase({ url: databaseUrl, poolSize: 1, entities });
  try {
    await checkLedgers(database, names, violations);
    for await (const { accountId, differences } of new RollupCheckService(database).check(null)) {
      violations.compare('sums = events', `account ${accountId}`, differences, []);
    }
  } finally {
    await database.close();
  }
}

async function checkLedgers(
  database: Database,
  names: readonly string[],
  violations: Violations,
): Promise<void> {
  const ledgers = new LedgerCheckService(database);
  for (const name of names) {
    const accountId = await ledgers.findAccountId(name);
    const checked = accountId === null ? null : await ledgers.check(accountId);
    violations.compare('the ledger is as it was written', name, checked?.faults, []);
  }
}
