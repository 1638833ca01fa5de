// Three pools of connections, each owned by a DataSource of TypeORM: one opens the rows of one account at a time, one those
// of all, and one those of an account for as long as a caller takes to read them. Transactions are opened only here, and each
// says whose rows it opens. The statements of stores run through the Tx that they are passed.

import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { invariant, UnavailableError } from '../core/errors.ts';
import { CONNECT_WITHIN_MS, Connection, type Role, sessionOptions } from './connection.ts';
import { ms, type Row } from './decode.ts';
import { sql, type Sql } from './sql.ts';
import { HealthCheck } from './health-check.ts';
import { Listener } from './listener.ts';
import { turns } from './turns.ts';
import { waitsFor } from './waits.ts';
import { accountSetting, spansAccounts, type Whose } from './whose.ts';

const SERIALISATION_RETRIES = 4;
const BEGIN_SNAPSHOT = 'begin isolation level repeatable read read only';
const BEGIN_WITHOUT_WAITING = 'begin; set local synchronous_commit to off';
/** How many long snapshots there can be at the same time. */
export const LONG_SNAPSHOTS_MAX = 6;
/** For a long snapshot between two statements; whoever reads more slowly is given up. */
export const LONG_IDLE_MS = 60_000;
const RETRYABLE = new Set(['40001', '40P01']);

/** A transaction. */
export interface Tx {
  /** Runs one statement. */
  query(statement: Sql): Promise<readonly Row[]>;
  /** Allows each further statement `withinMs`. Others are cancelled after five seconds. */
  allowLong(withinMs: number): Promise<void>;
}

/** A read-only transaction in which every statement sees the same state. */
export interface Snapshot {
  readonly tx: Tx;
  /** Gives up the statement that runs, and with it the connection; it and all later ones fail with `reason`. */
  cancel(reason: Error): void;
  close(): Promise<void>;
}

/** Observes statements: tests count them per request, metrics count all. */
export type StatementListener = (sql: string) => void;

export interface PoolOptions {
  /** As the accounts' login. */
  readonly url: string;
  /** As the operators' login; default: `url`. */
  readonly operatorUrl?: string;
  /** Of the accounts' pool. */
  readonly poolSize: number;
  readonly entities: NonNullable<DataSourceOptions['entities']>;
}

/** Connects as the gateway's roles. The schema must have been migrated. */
export async function openDatabase({
  url,
  operatorUrl = url,
  poolSize,
  entities,
}: PoolOptions): Promise<Database> {
  const pools: Pools = {
    accounts: dataSource(url, { role: 'billing_gateway', poolSize, entities }),
    operators: dataSource(operatorUrl, {
      role: 'billing_operator',
      poolSize: operatorPoolSize(poolSize),
      entities,
    }),
    long: dataSource(url, {
      role: 'billing_gateway',
      poolSize: LONG_SNAPSHOTS_MAX,
      entities: [],
      settings: [`idle_in_transaction_session_timeout=${2 * LONG_IDLE_MS}`],
    }),
  };
  const opened: DataSource[] = [];
  try {
    for (const pool of [pools.accounts, pools.operators, pools.long]) {
      opened.push(await pool.initialize());
    }
  } catch (error) {
    await Promise.all(opened.map((pool) => pool.destroy()));
    throw error;
  }
  return new Database(pools, { url, poolSize });
}

/** Connections for operators and for looking what there is to do, beside a pool for accounts. */
function operatorPoolSize(poolSize: number): number {
  return Math.max(2, Math.ceil(poolSize / 2));
}

function dataSource(
  url: string,
  {
    role,
    poolSize,
    entities,
    settings = [],
  }: { readonly role: Role; readonly settings?: readonly string[] } & Pick<
    PoolOptions,
    'poolSize' | 'entities'
  >,
): DataSource {
  const options = sessionOptions(role, [
    // Views are many small index scans: parallel workers and JIT would cost more than the whole query.
    'max_parallel_workers_per_gather=0',
    'jit=off',
    ...settings,
  ]);
  return new DataSource({
    type: 'postgres',
    url,
    entities,
    poolSize,
    connectTimeoutMS: CONNECT_WITHIN_MS,
    applicationName: 'billing-gateway',
    installExtensions: false,
    extra: { options, Client: Connection },
  });
}

interface Pools {
  /** Opens one account's rows at a time. */
  readonly accounts: DataSource;
  /** Opens those of all. */
  readonly operators: DataSource;
  /** For long snapshots. */
  readonly long: DataSource;
}

/** How the accounts' pool connects. */
interface Access {
  readonly url: string;
  readonly poolSize: number;
}

export class Database {
  constructor(
    private readonly pools: Pools,
    private readonly access: Access,
    private readonly listeners = new Set<StatementListener>(),
    private readonly beginning = 'begin',
  ) {}

  /**
   * The same database, but its transactions do not wait until their commits are on disk. A crash of the server may lose the
   * latest of them. The next commit of this database itself puts all earlier ones on disk.
   */
  withoutWaitingForDisk(): Database {
    return new Database(this.pools, this.access, this.listeners, BEGIN_WITHOUT_WAITING);
  }

  /** How many transactions on accounts can be open at the same time. */
  get poolSize(): number {
    return this.access.poolSize;
  }

  /** How long one more transaction would wait for a connection, in milliseconds. */
  get expectedWaitMs(): number {
    const { accounts, operators } = this.pools;
    return Math.max(waitsFor(accounts).expectedMs, waitsFor(operators).expectedMs);
  }

  /**
   * Runs `work` in one transaction and commits it; any error rolls everything back. After a deadlock or serialisation
   * failure `work` runs again, so it must have no effect outside the transaction.
   * @throws UNAVAILABLE when the COMMIT was not answered; the transaction may have been committed
   */
  async inTransaction<T>(whose: Whose, work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(whose, work);
      } catch (error) {
        if (attempt > SERIALISATION_RETRIES || !RETRYABLE.has(sqlState(error) ?? '')) throw error;
      }
    }
  }

  /** Opens one consistent view of the database for reading; the caller closes it. */
  async openSnapshot(whose: Whose): Promise<Snapshot> {
    return snapshotOf(await this.begin(whose, BEGIN_SNAPSHOT));
  }

  /**
   * The same of one account for as long as a caller takes to read it, so that it keeps no connection from others. At most
   * LONG_SNAPSHOTS_MAX at a time: further ones wait.
   */
  async openLongSnapshot(accountId: number): Promise<Snapshot> {
    const snapshot = await this.begin({ accountId }, BEGIN_SNAPSHOT, this.pools.long);
    return snapshotOf(snapshot);
  }

  /** Runs `read` in a snapshot that is opened for it. */
  async inSnapshot<T>(whose: Whose, read: (tx: Tx) => Promise<T>): Promise<T> {
    const snapshot = await this.openSnapshot(whose);
    try {
      return await read(snapshot.tx);
    } finally {
      await snapshot.close();
    }
  }

  /** Calls `listener` with the text of every statement from now on. @returns a function that stops it */
  onStatement(listener: StatementListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Listens for notifications on a channel, on a separate connection. */
  listen(
    channel: string,
    callbacks: {
      readonly onNotice: (payload: string) => void;
      /** Called whenever it starts or resumes listening: notifications before may have been lost. */
      readonly onListening: () => void;
    },
  ): { readonly stop: () => Promise<void> } {
    const applicationName = 'billing-gateway listener';
    return new Listener({ url: this.access.url, applicationName, channel, ...callbacks });
  }

  /** Asks whether the database answers, on a separate connection that is opened when it is first asked. */
  healthCheck(): HealthCheck {
    return new HealthCheck(this.access.url);
  }

  /** The database's clock, epoch ms. Gateways correct their own clock by it, so that they agree. */
  async clockMs(): Promise<number> {
    const [row] = await this.ask('select clock_timestamp() as now');
    return ms(row ?? {}, 'now');
  }

  async close(): Promise<void> {
    await Promise.all(Object.values({ ...this.pools }).map((pool) => pool.destroy()));
  }

  private async once<T>(whose: Whose, work: (tx: Tx) => Promise<T>): Promise<T> {
    const transaction = await this.begin(whose, this.beginning);
    try {
      const result = await work(transaction);
      await transaction.commit();
      return result;
    } catch (error) {
      await transaction.end('rollback');
      throw error;
    }
  }

  /** Runs one statement outside any transaction. */
  private async ask(sql: string): Promise<readonly Row[]> {
    const { runner } = await this.connect(this.pools.accounts);
    try {
      return rowsOf(await runner.query(sql));
    } finally {
      await runner.release();
    }
  }

  private async begin(
    whose: Whose,
    beginning: string,
    pool = this.pools[spansAccounts(whose) ? 'operators' : 'accounts'],
  ): Promise<Transaction> {
    const { runner, connection } = await this.connect(pool);
    try {
      await runner.query(`${beginning}${accountSetting(whose)}`);
    } catch (error) {
      // It may hang in a half-begun transaction.
      void connection.end();
      await runner.release();
      throw error;
    }
    return new Transaction(runner, connection, this.listeners);
  }

  // After one connection fell silent, idle ones are not tried one after the other: each would take as long to fail.
  private async connect(
    pool: DataSource,
  ): Promise<{ runner: QueryRunner; connection: Connection }> {
    for (;;) {
      const runner = pool.createQueryRunner();
      try {
        const connection: unknown = await waitsFor(pool).during(runner.connect());
        invariant(connection instanceof Connection, 'the pool opens connections of ours');
        if (!connection.isSuspect) return { runner, connection };
        void connection.end();
      } catch (error) {
        await runner.release();
        throw error;
      }
      await runner.release();
    }
  }
}

class Transaction implements Tx {
  private last: Promise<unknown> = Promise.resolve();
  private cancellation: Error | null = null;

  constructor(
    private readonly runner: QueryRunner,
    private readonly connection: Connection,
    private readonly listeners: ReadonlySet<StatementListener>,
  ) {}

  async query({ text, values }: Sql): Promise<readonly Row[]> {
    for (const listener of this.listeners) listener(text);
    try {
      return await this.inTurn(() => {
        this.requireUncancelled();
        return this.send(text, values);
      });
    } catch (error) {
      this.requireUncancelled();
      throw error;
    }
  }

  async allowLong(withinMs: number): Promise<void> {
    await this.query(
      sql`/* db.allowLong */ select set_config('statement_timeout', ${String(withinMs)}, true)`,
    );
    this.connection.expectWithin(withinMs);
  }

  cancel(reason: Error): void {
    this.cancellation = reason;
    void this.connection.end();
  }

  async commit(): Promise<void> {
    try {
      await this.inTurn(() => this.send('commit'));
    } catch (error) {
      throw isAnswer(error) ? error : new UnavailableError(UNKNOWN_OUTCOME, { cause: error });
    }
    await this.release();
  }

  /** Ends the transaction, even if its connection broke: then the server has rolled it back. */
  async end(sql: 'commit' | 'rollback'): Promise<void> {
    try {
      await this.inTurn(() => this.send(sql));
    } catch {
      // The pool drops a broken connection at release. The first error is the one to report.
    } finally {
      await this.release();
    }
  }

  private async release(): Promise<void> {
    this.connection.expectWithin();
    await this.runner.release();
  }

  private requireUncancelled(): void {
    if (this.cancellation !== null) throw this.cancellation;
  }

  private async send(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const result: unknown = await this.runner.query(text, [...values]);
    await turns.take();
    return rowsOf(result);
  }

  // A connection answers one statement at a time, so statements that are sent in parallel wait here for one another.
  private inTurn(send: () => Promise<readonly Row[]>): Promise<readonly Row[]> {
    const answer = this.last.then(send, send);
    this.last = answer;
    return answer;
  }
}

function snapshotOf(transaction: Transaction): Snapshot {
  return {
    tx: transaction,
    cancel: (reason) => {
      transaction.cancel(reason);
    },
    close: () => transaction.end('commit'),
  };
}

const UNKNOWN_OUTCOME =
  'The database did not confirm in time, so this may have been written or not. Please send the same call again: what bears the same id or key is not written twice.';

// If the connection broke or the server was shutting down, nobody knows how far the statement came.
function isAnswer(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && state !== 'EPIPE' && !/^(08|57P0)/.test(state);
}

/** The SQLSTATE of a database error ("23505"); null for any other error. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, driverError } = error as { code?: unknown; driverError?: { code?: unknown } };
  const state = driverError?.code ?? code;
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : null;
}

// TypeORM answers UPDATE and DELETE with [rows, count], everything else with rows.
function rowsOf(result: unknown): readonly Row[] {
  if (!isList(result)) return [];
  const [rows, count] = result;
  if (result.length === 2 && isList(rows) && typeof count === 'number') return rows.filter(isRow);
  return result.filter(isRow);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null;
}
