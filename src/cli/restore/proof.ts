// Proves of a restored database that it is what the gateway wrote: what each account holds fits together, and all keys open.

import type { Database, Tx } from '../../db/database.ts';
import { NO_ACCOUNT } from '../../core/identity.ts';
import { type SecretBox, secretBox } from '../../partners/secret-box.service.ts';
import { listSealed } from '../../partners/webhooks.store.ts';
import { LedgerCheckService } from '../../recording/ledger-check.service.ts';
import { RollupCheckService } from '../../rollups/check.service.ts';
import { listKeys } from '../../statements/keys.store.ts';
import { sentence } from '../verify/sentences.ts';
import { findAlertGaps, findEventsAhead, listAccounts } from './proof.store.ts';

const ENDPOINTS_AT_ONCE = 500;
/** They read all events. */
const WITHIN_MS = 3_600_000;

export interface Proof {
  readonly accounts: number;
  readonly entries: number;
  /** What is wrong, a sentence each. */
  readonly faults: readonly string[];
}

/** Checks the ledger of every account, all rollups, the numbers of alerts and events, and the sealed secrets. */
export async function prove(database: Database, keys: readonly Buffer[]): Promise<Proof> {
  const sealed = await countSealed(database, secretBox(keys));
  const faults = sealed === 0 ? [] : [unopened(sealed)];
  const accounts = await database.inSnapshot('system', listAccounts);
  const ledgers = new LedgerCheckService(database);
  let entries = 0;
  for (const accountId of accounts) {
    const ledger = await ledgers.check(accountId);
    entries += ledger?.entries ?? 0;
    faults.push(...(ledger?.faults ?? []).map((one) => of(accountId, sentence(one))));
  }
  for await (const { accountId, differences } of new RollupCheckService(database).check(null)) {
    if (differences.length > 0)
      faults.push(of(accountId, 'Its rollups are not those of its events.'));
  }
  const gaps = await looked(database, findAlertGaps);
  faults.push(...gaps.map((id) => of(id, 'Its alerts are not numbered without gaps.')));
  const ahead = await looked(database, findEventsAhead);
  faults.push(...ahead.map((id) => of(id, 'It has events after its last one.')));
  return { accounts: accounts.length, entries, faults };
}

function looked<T>(database: Database, look: (tx: Tx) => Promise<T>): Promise<T> {
  return database.inSnapshot('system', async (tx) => {
    await tx.allowLong(WITHIN_MS);
    return look(tx);
  });
}

function of(accountId: number, fault: string): string {
  return `Account ${accountId}: ${fault}`;
}

function unopened(sealed: number): string {
  return `Secrets of webhooks and keys of statements that no key opens: ${sealed}. They need the WEBHOOK_SECRET_KEY that they were sealed with.`;
}

async function countSealed(database: Database, box: SecretBox | null): Promise<number> {
  const opens = (sealed: Buffer, accountId: number): boolean =>
    box?.opens(sealed, accountId) === true;
  const keys = await database.inSnapshot('nobody', listKeys);
  let sealed = keys.filter((key) => !opens(key.sealed, NO_ACCOUNT)).length;
  let after = { accountId: 0, endpointId: 0 };
  for (;;) {
    const page = await database.inSnapshot('system', (tx) =>
      listSealed(tx, after, ENDPOINTS_AT_ONCE),
    );
    sealed += page
      .flatMap(({ endpoint, secret, previous }) =>
        [secret, previous?.secret ?? []].flat().map((one) => opens(one, endpoint.accountId)),
      )
      .filter((isOpen) => !isOpen).length;
    const last = page.at(-1);
    if (last === undefined || page.length < ENDPOINTS_AT_ONCE) return sealed;
    after = last.endpoint;
  }
}
