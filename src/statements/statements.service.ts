// Issues a statement for each billing cycle that has ended, in the order of their numbers, and hands them out. The books of such a
// cycle never change any more, so it does not matter how much later, by which gateway, or after how many crashes it is done.

import { requireRef } from '../access/authorize.ts';
import type { AccountService } from '../account/account.service.ts';
import { decodeId, type Actor, unknownId } from '../core/identity.ts';
import { parseMicro } from '../core/micro.ts';
import type { Database, Tx } from '../db/database.ts';
import { whoseOf } from '../db/whose.ts';
import { type LotsLeft, loadBooks } from './books.service.ts';
import { canonicalText } from './canonical.ts';
import { bookFaults, composeStatement } from './compose.ts';
import type { StatementDocument } from './document.ts';
import type { StatementKeys } from './keys.service.ts';
import { readDocument } from './read.ts';
import { sha256Of, signText } from './signature.service.ts';
import type { Statement, StoredStatement } from './statement.ts';
import {
  findStatement,
  insertStatement,
  loadStatementHead,
  loadStatements,
  lockStatements,
  type StatementHead,
} from './statements.store.ts';

/** For each statement of a cycle with millions of events. */
const WITHIN_MS = 600_000;

export interface StatementDeps {
  readonly database: Database;
  /** Who issues the statements, as they name it. */
  readonly issuerName: string;
}

export class StatementService {
  constructor(
    private readonly deps: StatementDeps,
    private readonly accounts: AccountService,
    readonly keys: StatementKeys,
  ) {}

  /** The statement with an id, without its document. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<Statement> {
    const [statement] = await loadStatements(tx, [refOf(actor, id)]);
    if (statement === undefined) throw unknownId(id, ['id']);
    return statement;
  }

  /** The statement with an id. @throws FORBIDDEN, NOT_FOUND also for another account's */
  async open(actor: Actor, id: string): Promise<StoredStatement> {
    const ref = refOf(actor, id);
    const found = await this.deps.database.inSnapshot(whoseOf(actor), (tx) =>
      findStatement(tx, ref),
    );
    if (found === null) throw unknownId(id, ['id']);
    return found;
  }

  /**
   * Issues an account's statements as far as its cycles have ended.
   * @returns how many; none also while another gateway does it
   */
  async issue(accountId: number): Promise<number> {
    let issued = 0;
    while (await this.issueNext(accountId)) issued += 1;
    return issued;
  }

  /** Whether the statement of a cycle that has ended is still to be signed; false where none can be. */
  async isAwaited(tx: Tx, accountId: number): Promise<boolean> {
    if (!this.keys.canSign) return false;
    return isBehind(await loadStatementHead(tx, accountId));
  }

  private async issueNext(accountId: number): Promise<boolean> {
    return this.deps.database.inTransaction({ accountId }, async (tx) => {
      if (!(await lockStatements(tx, accountId))) return false;
      // Read under the lock: another gateway may have issued it a moment ago.
      const head = await loadStatementHead(tx, accountId);
      if (!isBehind(head)) return false;
      await tx.allowLong(WITHIN_MS);
      const { lastNumber, lastSha256: previousSha256 } = head;
      const before = await leftOf(tx, accountId, lastNumber);
      await this.write(tx, accountId, { number: lastNumber + 1, before, previousSha256 });
      return true;
    });
  }

  private async write(
    tx: Tx,
    accountId: number,
    next: {
      readonly number: number;
      readonly before: LotsLeft;
      readonly previousSha256: string | null;
    },
  ): Promise<void> {
    const { number, previousSha256 } = next;
    const account = await this.accounts.get(tx, accountId);
    const books = await loadBooks(tx, account, next);
    const faults = bookFaults(books);
    if (faults.length > 0) {
      // What does not add up is never signed.
      throw new Error(
        `Statement ${number} of account ${accountId} is not issued. ${faults.join(' ')} Run: npm run verify -- --account ${account.externalId ?? books.account.name}`,
      );
    }
    const issuedAtMs = this.accounts.realNowMs();
    const key = await this.keys.current(tx, issuedAtMs);
    const issue = { issuer: this.deps.issuerName, issuedAtMs, previousSha256 };
    const text = canonicalText(composeStatement(books, issue));
    await insertStatement(tx, {
      ...{ accountId, number, issuedAtMs, previousSha256, text },
      sha256: sha256Of(text),
      keyId: key.keyId,
      signature: signText(text, key),
      lastSequence: books.ledger.lastSequence,
      lastHash: books.ledger.lastHash,
    });
  }
}

/** Whether a cycle has ended that has no statement. */
function isBehind(head: StatementHead | null): head is StatementHead {
  return head !== null && head.cycleId > head.lastNumber + 1;
}

/** A statement as it is handed out: one object in canonical form, with the document as it was signed. */
export function signedText({ text, keyId, sha256, signature }: StoredStatement): string {
  const names = canonicalText({ keyId, sha256, signature });
  return `{"document":${text},${names.slice(1)}`;
}

function refOf(actor: Actor, id: string): { readonly accountId: number; readonly number: number } {
  const ref = requireRef(actor, 'READ_USAGE', { id, types: ['Statement'], path: ['id'] });
  return { accountId: ref.accountId, number: ref.localId };
}

/** What a statement says is left of the allocations. */
async function leftOf(tx: Tx, accountId: number, number: number): Promise<LotsLeft> {
  if (number === 0) return new Map();
  const before = await findStatement(tx, { accountId, number });
  if (before === null) {
    throw new Error(`Statement ${number} of account ${accountId} is missing: it was deleted.`);
  }
  return leftIn(readDocument(JSON.parse(before.text)));
}

/** What a document says is left of the allocations. */
export function leftIn({ lots }: StatementDocument): LotsLeft {
  return new Map(
    lots.flatMap(({ allocationId, remaining }) => {
      const left = parseMicro(remaining);
      const ref = decodeId(allocationId);
      return left === 0n || ref === null ? [] : [[ref.localId, left] as const];
    }),
  );
}
