// A transaction on a connection. Its BEGIN leaves with its first statements, and its COMMIT with the last ones that nobody
// waits for. A connection answers one group of statements at a time: what is asked for meanwhile is the next group.

import type { QueryRunner } from 'typeorm';
import { GatewayError, UnavailableError } from '../core/errors.ts';
import type { Connection } from './connection.ts';
import type { Row } from './decode.ts';
import { sql, type Sql } from './sql.ts';
import { sqlState } from './sql-state.ts';
import type { GroupResult, StatementResult } from './statement-group.ts';
import { turns } from './turns.ts';

const COMMIT = sql`commit`;
const ROLLBACK = sql`rollback`;
const UNKNOWN_OUTCOME =
  'The database did not confirm in time, so this may have been written or not. Please send the same call again: what bears the same id or key is not written twice.';

/** Observes statements: tests count them per request, metrics count all. */
export type StatementListener = (sql: string) => void;

interface Waiting {
  readonly statement: Sql;
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (error: Error | null) => void;
}

export interface TransactionOptions {
  readonly isDistributed: boolean;
  /** BEGIN, and what has to follow it. */
  readonly opening: readonly Sql[];
  readonly listeners: ReadonlySet<StatementListener>;
}

export class Transaction {
  private waiting: Waiting[] = [];
  /** Whether somebody waits for an answer of those that are waiting. */
  private isAwaited = false;
  private sending: Promise<void> | null = null;
  private isOpen = false;
  /** Why it has not been opened: nothing more is sent then. */
  private whyClosed: Error | null = null;
  /** Why a statement failed: all of it will be rolled back. */
  private failure: Error | null = null;

  constructor(
    private readonly runner: QueryRunner,
    private readonly connection: Connection,
    private readonly options: TransactionOptions,
  ) {}

  get isDistributed(): boolean {
    return this.options.isDistributed;
  }

  async query(statement: Sql): Promise<readonly Row[]> {
    for (const listener of this.options.listeners) listener(statement.text);
    return (await this.answerOf(statement)).rows;
  }

  later(statement: Sql): void {
    for (const listener of this.options.listeners) listener(statement.text);
    this.waiting.push({ statement, resolve: ignore, reject: ignore });
  }

  async allowLong(withinMs: number): Promise<void> {
    await this.query(
      sql`/* db.allowLong */ select set_config('statement_timeout', ${String(withinMs)}, true)`,
    );
    this.connection.expectWithin(withinMs);
  }

  cancel(reason: Error): void {
    this.whyClosed = reason;
    void this.connection.end();
  }

  /** @throws UNAVAILABLE when it was not answered: nobody knows whether it was committed */
  async commit(): Promise<void> {
    if (this.isOpen || this.waiting.length > 0 || this.failure !== null) await this.confirm();
    await this.release();
  }

  /** Ends the transaction, even if its connection broke: then the server has rolled it back. */
  async end(how: 'commit' | 'rollback'): Promise<void> {
    try {
      this.waiting = this.waiting.filter(({ resolve }) => resolve !== ignore);
      if (this.isOpen || this.sending !== null) {
        await this.answerOf(how === 'commit' ? COMMIT : ROLLBACK);
      }
    } catch {
      // The pool drops a broken connection at release. The first error is the one to report.
    } finally {
      await this.release();
    }
  }

  private async confirm(): Promise<void> {
    let command: string;
    try {
      ({ command } = await this.answerOf(COMMIT));
    } catch (error) {
      throw isAnswer(error) ? error : new UnavailableError(UNKNOWN_OUTCOME, { cause: error });
    }
    // The server commits nothing of a transaction in which a statement failed, even if its error was caught.
    if (command === 'ROLLBACK' && this.failure !== null) throw this.failure;
  }

  private async release(): Promise<void> {
    this.connection.expectWithin();
    await this.runner.release();
  }

  private async answerOf(statement: Sql): Promise<StatementResult> {
    try {
      return await new Promise<StatementResult>((resolve, reject) => {
        this.waiting.push({ statement, resolve, reject });
        this.isAwaited = true;
        this.sending ??= this.send();
      });
    } catch (error) {
      // Ours say all that there is to say.
      if (error instanceof GatewayError) throw error;
      throw new StatementError(error as Error, statement.text);
    }
  }

  private async send(): Promise<void> {
    await endOfTurn();
    while (this.isAwaited) {
      const group = this.waiting;
      this.waiting = [];
      this.isAwaited = false;
      settle(group, await this.sendGroup(group));
    }
    this.sending = null;
  }

  private async sendGroup(group: readonly Waiting[]): Promise<GroupResult> {
    if (this.whyClosed !== null) return { results: [], error: this.whyClosed };
    const opening = this.isOpen ? [] : this.options.opening;
    const statements = [...opening, ...group.map(({ statement }) => statement)];
    const { results, error } = await this.connection.run(statements).catch(failedBeforeSent);
    await turns.take();
    this.isOpen ||= results.length >= opening.length;
    if (!this.isOpen && error !== null) this.cancel(error);
    this.failure ??= error;
    return { results: results.slice(opening.length), error: error && this.reasonOf(error) };
  }

  // What broke the connection on our side says more than what it looks like from there.
  private reasonOf(error: Error): Error {
    return this.whyClosed ?? error;
  }
}

function ignore(): void {
  // Nobody waits for it.
}

function settle(group: readonly Waiting[], { results, error }: GroupResult): void {
  group.forEach(({ resolve, reject }, index) => {
    const result = results[index];
    if (result === undefined) reject(error);
    else resolve(result);
  });
}

function failedBeforeSent(error: unknown): GroupResult {
  return { results: [], error: new Error('The statements cannot be sent.', { cause: error }) };
}

/** After all that has been asked for in this turn of the event loop. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => {
      process.nextTick(resolve);
    });
  });
}

/** A statement that failed. The driver's error is its cause: it comes from where answers are read, and knows no caller. */
class StatementError extends Error {
  override readonly name = 'StatementError';
  /** "23505", "ECONNRESET". */
  readonly code: unknown;

  constructor(
    cause: { readonly message: string; readonly code?: unknown },
    readonly query: string,
  ) {
    super(cause.message, { cause });
    this.code = cause.code;
  }
}

// If the connection broke or the server was shutting down, nobody knows how far the statement came.
function isAnswer(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && state !== 'EPIPE' && !/^(08|57P0)/.test(state);
}
