// Archiving: an account's month of events leaves the table for a file, and comes back from it, byte for byte. At any moment it is
// wholly in one of the two places, and the database says in which.

import { createHash, type Hash } from 'node:crypto';
import { UserInputError } from '../core/errors.ts';
import type { Database, Tx } from '../db/database.ts';
import { sqlState } from '../db/sql-state.ts';
import {
  type ArchivedMonth,
  becomeOwner,
  endArchive,
  type EventLine,
  type FiledMonth,
  listAccountsOf,
  listArchived,
  listMonths,
  type MonthOfAccount,
  putBack,
  readLines,
  takeOut,
} from './archiving.store.ts';

export type {
  ArchivedMonth,
  EventLine,
  FiledMonth,
  FilePlace,
  MonthOfAccount,
} from './archiving.store.ts';

/** What is in a file differs from what was archived. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
}

/** Counts lines and hashes them. */
export class LinesHash {
  private readonly hash: Hash = createHash('sha256');
  events = 0;

  add(line: string): void {
    this.hash.update(line).update('\n');
    this.events += 1;
  }

  /** In hex. It can be asked for once. */
  digest(): string {
    return this.hash.digest('hex');
  }
}

/** A month that was read: what each account has of it, and what became of the lines of those that can be archived. */
export interface ReadMonth<T> {
  readonly accounts: readonly MonthOfAccount[];
  readonly kept: T;
}

export class ArchivingService {
  /** @param database whose login is the owner's, as that of commands is */
  constructor(private readonly database: Database) {}

  /** The months before one, such as "2026-02", that have events in the table. @throws BAD_USER_INPUT where tables are distributed */
  async listMonths(before: string): Promise<readonly string[]> {
    return this.database.inSnapshot('system', async (tx) => {
      if (tx.isDistributed) {
        throw new UserInputError('Archiving is not supported where the tables are distributed.');
      }
      return listMonths(tx, before);
    });
  }

  /** Reads the events of a month that can be archived, in one snapshot, by account and seq. */
  async read<T>(
    month: string,
    keep: (lines: AsyncIterable<readonly EventLine[]>) => Promise<T>,
  ): Promise<ReadMonth<T>> {
    return this.database.inSnapshot('system', async (tx) => {
      const accounts = await listAccountsOf(tx, month);
      const ready = accounts.filter(({ waitsFor }) => waitsFor === null);
      const ids = ready.map(({ accountId }) => accountId);
      return { accounts, kept: await keep(readLines(tx, ids, month)) };
    });
  }

  /**
   * Takes an account's month out of the table, when its file is on disk.
   * @param read what the account had when the file was written
   * @returns whether it did: not when an event was voided since, something it waits for has come up, or its rows are held
   */
  async takeOut(read: MonthOfAccount, archived: ArchivedMonth): Promise<boolean> {
    try {
      await this.asOwner(async (tx) => {
        const gone = await takeOut(tx, archived);
        const isSame =
          gone !== null &&
          gone.events === archived.events &&
          gone.events === read.events &&
          gone.voided === read.voided &&
          gone.firstSeq === read.firstSeq &&
          gone.lastSeq === read.lastSeq;
        if (!isSame) throw new LeftInPlace();
      });
      return true;
    } catch (error) {
      if (error instanceof LeftInPlace || isHeld(error)) return false;
      throw error;
    }
  }

  /** What is archived of a month, or is in a file. */
  async listArchived(of: Parameters<typeof listArchived>[1]): Promise<readonly ArchivedMonth[]> {
    return this.database.inSnapshot('system', (tx) => listArchived(tx, of));
  }

  /**
   * Puts an account's month back into the table.
   * @param read its lines, from the beginning each time that they are asked for
   * @throws FileChangedError when these are not what was archived: then nothing is changed
   */
  async attach(
    archived: ArchivedMonth,
    read: () => AsyncIterable<readonly string[]>,
  ): Promise<void> {
    requireSame(archived, await hashOf(read()));
    await this.asOwner(async (tx) => {
      for await (const lines of read()) await putBack(tx, lines);
      requireSame(archived, await hashOf(linesOf(tx, archived)));
      await endArchive(tx, archived);
    });
  }

  private async asOwner(work: (tx: Tx) => Promise<void>): Promise<void> {
    await this.database.inTransaction('system', async (tx) => {
      await becomeOwner(tx);
      await work(tx);
    });
  }
}

/** Whether somebody held a row for too long: a rebuild of the account's sums, or a void. */
function isHeld(error: unknown): boolean {
  return ['55P03', '40P01'].includes(sqlState(error) ?? '');
}

/** Ends a transaction that is not to be committed. */
class LeftInPlace extends Error {}

/** Counts and hashes all lines. */
export async function hashOf(batches: AsyncIterable<readonly string[]>): Promise<LinesHash> {
  const hash = new LinesHash();
  for await (const lines of batches) for (const line of lines) hash.add(line);
  return hash;
}

async function* linesOf(
  tx: Tx,
  { accountId, month }: ArchivedMonth,
): AsyncGenerator<readonly string[]> {
  for await (const lines of readLines(tx, [accountId], month)) yield lines.map(({ line }) => line);
}

/** @throws FileChangedError when lines are not those of an account in a file */
export function requireSame(filed: FiledMonth, hash: LinesHash): void {
  if (hash.events === filed.events && hash.digest() === filed.sha256) return;
  throw new FileChangedError(
    `${filed.file} does not hold what was archived of account ${filed.accountId}: nothing of it was changed in the database.`,
  );
}
