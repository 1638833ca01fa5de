// Recomputes the hashes of an account's ledger from its rows: a proof that nothing in it was changed by hand. It changes nothing.

import type { Database } from '../db/database.ts';
import type { Tx } from '../db/database.ts';
import { findAccountId } from '../account/account.store.ts';
import { entryText } from '../settlement/entry-text.ts';
import { hashAfter } from '../settlement/ledger-hash.service.ts';
import { type ChainedEntry, type ChainFault, walkChain } from './chain-walk.ts';
import { listChained, loadLedgerOwner } from './ledger-check.store.ts';

const ENTRIES_A_READ = 100;
/** An account with many millions of events takes minutes. */
const WITHIN_MS = 3_600_000;

/** A fault of an account's ledger: of its chain, or that its row has another balance than its last entry. */
export type LedgerFault =
  | ChainFault
  | {
      readonly what: 'BALANCE';
      readonly balanceMicro: bigint;
      readonly lastEntryBalanceMicro: bigint;
    };

export interface CheckedLedger {
  readonly entries: number;
  /** Those whose hashes were taken as they are, since events that they charged are archived. What follows proves only these. */
  readonly archived: number;
  readonly faults: readonly LedgerFault[];
}

export class LedgerCheckService {
  constructor(private readonly database: Database) {}

  /** The id of the account with an external id; null when there is none. */
  async findAccountId(externalId: string): Promise<number | null> {
    return this.database.inSnapshot('system', (tx) => findAccountId(tx, externalId));
  }

  /** Checks an account's ledger in one snapshot. @returns null when there is no such account */
  async check(accountId: number): Promise<CheckedLedger | null> {
    return this.database.inSnapshot({ accountId }, async (tx) => {
      await tx.allowLong(WITHIN_MS);
      const owner = await loadLedgerOwner(tx, accountId);
      if (owner === null) return null;
      let lastEntryBalanceMicro = 0n;
      let archived = 0;
      const entries = entriesOf(tx, { accountId, creditsFromMs: owner.creditsFromMs }, (page) => {
        lastEntryBalanceMicro = page.at(-1)?.entry.balanceMicro ?? lastEntryBalanceMicro;
        archived += page.filter((one) => one.isArchived).length;
      });
      const walked = { ...(await walkChain({ entries, head: owner, hashOf })), archived };
      const { balanceMicro } = owner;
      if (balanceMicro === lastEntryBalanceMicro) return walked;
      const fault = { what: 'BALANCE', balanceMicro, lastEntryBalanceMicro } as const;
      return { ...walked, faults: [...walked.faults, fault] };
    });
  }
}

async function* entriesOf(
  tx: Tx,
  account: Parameters<typeof listChained>[1],
  onPage: (page: readonly ChainedEntry[]) => void,
): AsyncGenerator<ChainedEntry> {
  let after = 0;
  for (;;) {
    const page = await listChained(tx, account, { after, limit: ENTRIES_A_READ });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    onPage(page);
    after = last.entry.sequence;
  }
}

function hashOf(one: ChainedEntry, sequence: number, previousHash: string): string {
  if (one.isArchived && one.entry.sequence === sequence) return one.hash;
  return hashAfter(previousHash, entryText({ ...one.entry, sequence }, one.charges));
}
