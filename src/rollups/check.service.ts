// Works rollups out anew from what was recorded and compares: a proof that they are right, and the place to look first when
// a figure is doubted. It changes nothing.

import type { Database } from '../db/database.ts';
import {
  findAccountIds,
  listFoldedAccounts,
  loadDifferences,
  loadSpan,
  rollupTables,
  type RollupDifference,
} from './check.store.ts';

export type { RollupDifference, RollupFigures } from './check.store.ts';

/** So many differences of one table say enough. */
const DIFFERENCES_MAX = 50;
/** An account of many millions of events takes minutes. */
const WITHIN_MS = 3_600_000;

export interface CheckedAccount {
  readonly accountId: number;
  readonly differences: readonly RollupDifference[];
}

export class RollupCheckService {
  constructor(private readonly database: Database) {}

  /** The numbers of the accounts that have these external ids; unknown ones are left out. */
  async findAccountIds(externalIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.database.inSnapshot((tx) => findAccountIds(tx, externalIds));
  }

  /**
   * Checks accounts one after the other, each in a snapshot of its own, so that folding may go on meanwhile.
   * @param accountIds only these; null: all that have rollups
   */
  async *check(accountIds: readonly number[] | null): AsyncGenerator<CheckedAccount> {
    const accounts = await this.database.inSnapshot((tx) => listFoldedAccounts(tx, accountIds));
    for (const { accountId } of accounts) yield await this.checkAccount(accountId);
  }

  private async checkAccount(accountId: number): Promise<CheckedAccount> {
    return this.database.inSnapshot(async (tx) => {
      await tx.allowLong(WITHIN_MS);
      // Read again: the account may have moved to another zone since it was listed.
      const [account] = await listFoldedAccounts(tx, [accountId]);
      const span = await loadSpan(tx, accountId);
      if (account === undefined || span === null) return { accountId, differences: [] };
      const differences: RollupDifference[] = [];
      for (const table of Object.values(rollupTables)) {
        const limit = DIFFERENCES_MAX;
        differences.push(...(await loadDifferences(tx, table, { account, span, limit })));
      }
      return { accountId, differences };
    });
  }
}
