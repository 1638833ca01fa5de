// Recomputes the rollups from what was recorded and compares them: a proof that they are right, and the first place to look
// when a figure is in doubt. It changes nothing.

import { findAccountIds } from '../account/account.store.ts';
import type { Database } from '../db/database.ts';
import { loadUnitDifferences } from './check-units.store.ts';
import {
  listFoldedAccounts,
  loadDifferences,
  loadSpan,
  loadTotalDifferences,
  rollupTables,
  type RollupDifference,
} from './check.store.ts';

export type { RollupDifference, RollupFigures } from './check.store.ts';

/** The most differences to report for one table. */
const DIFFERENCES_MAX = 50;
/** An account with many millions of events takes minutes. */
const WITHIN_MS = 3_600_000;

export interface CheckedAccount {
  readonly accountId: number;
  readonly differences: readonly RollupDifference[];
}

export class RollupCheckService {
  constructor(private readonly database: Database) {}

  /** The ids of the accounts with these external ids; unknown ones are left out. */
  async findAccountIds(externalIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.database.inSnapshot('system', (tx) => findAccountIds(tx, externalIds));
  }

  /**
   * Checks accounts one after the other, each in a separate snapshot, so that folding can go on meanwhile.
   * @param accountIds only these; null: all that have rollups
   */
  async *check(accountIds: readonly number[] | null): AsyncGenerator<CheckedAccount> {
    const accounts = await this.database.inSnapshot('system', (tx) =>
      listFoldedAccounts(tx, accountIds),
    );
    for (const { accountId } of accounts) yield await this.checkAccount(accountId);
  }

  private async checkAccount(accountId: number): Promise<CheckedAccount> {
    return this.database.inSnapshot({ accountId }, async (tx) => {
      await tx.allowLong(WITHIN_MS);
      // Read again, because the account's zone may have changed since it was listed.
      const [account] = await listFoldedAccounts(tx, [accountId]);
      const span = await loadSpan(tx, accountId);
      if (account === undefined || span === null) return { accountId, differences: [] };
      const differences: RollupDifference[] = [];
      for (const table of Object.values(rollupTables)) {
        const limit = DIFFERENCES_MAX;
        differences.push(...(await loadDifferences(tx, table, { account, span, limit })));
        differences.push(...(await loadTotalDifferences(tx, table, account)));
      }
      const limit = DIFFERENCES_MAX;
      differences.push(...(await loadUnitDifferences(tx, accountId, { span, limit })));
      return { accountId, differences };
    });
  }
}
