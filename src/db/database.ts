// Three pools of connections, each owned by a DataSource of TypeORM: one opens the rows of one account at a time, one those
// of all, and one those of an account for as long as a caller takes to read them. A read replica has three of its own. Transactions are opened only here, and each
// says whose rows it opens. The statements of stores run through the Tx that they are passed.

import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { invariant } from '../core/errors.ts';
import { CONNECT_WITHIN_MS, Connection, type Role, sessionOptions } from './connection.ts';
import { ms, type Row } from './decode.ts';
import { isDistributedAt } from './distribute.ts';
import { isStale } from './prepared.ts';
import { sql, type Sql } from './sql.ts';
import { sqlState } from './sql-state.ts';
import { HealthCheck } from './health-check.ts';
import { Listener } from './listener.ts';
import type { Position } from './position.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import { type StatementListener, Transaction } from './transaction.ts';
import { waitsFor } from './waits.ts';
import { accountSetting, spansAccounts, type Whose } from './whose.ts';

const SERIALISATION_RETRIES = 4;
const BEGIN = [sql`begin`];
const BEGIN_SNAPSHOT = [sql`begin isolation level repeatable read read only`];
const BEGIN_WITHOUT_WAITING = [sql`begin`, sql`set local synchronous_commit to off`];
/** How many long snapshots there can be at the same time. */
export const LONG_SNAPSHOTS_MAX = 6;
/** For a long snapshot between two statements; whoever reads more slowly is given up. */
export const LONG_IDLE_MS = 60_000;
/** How much longer than at the database itself a read may wait for a connection to the replica. */
const REPLICA_LATER_MS = 50;
const RETRYABLE = new Set(['40001', '40P01']);

/** A transaction. */
export interface Tx {
  /** Whether accounts lie on several servers: then a statement that reads tables runs for one account at a time (by-account.ts). */
  readonly isDistributed: boolean;
  /** Runs one statement. Statements that are asked for while others run, or in the same turn, share a round trip, in their order. */
  query(statement: Sql): Promise<readonly Row[]>;
  /** Runs one with the next statement, or with the commit: they fail if it does. Nobody waits for its answer. */
  later(statement: Sql): void;
  /** Allows each further statement `withinMs`. Others are cancelled after five seconds. */
  allowLong(withinMs: number): Promise<void>;
}

/** A read-only transaction in which every statement sees the same state. */
export interface Snapshot {
  readonly tx: Tx;
  /** Whether a statement failed at a read replica. What was read is lost then, and can be read again from the database itself. */
  readonly isLost?: () => boolean;
  /** Gives up the statement that runs, and with it the connection; it and all later ones fail with `reason`. */
  cancel(reason: Error): void;
  close(): Promise<void>;
}

/** What a read replica may answer. */
export interface Reads {
  /** What the answer must include; null: it may be of any recent state. */
  readonly after: Position | null;
}

export interface ReplicaPoolOptions extends Pick<ReplicaOptions, 'onChange' | 'passedMs'> {
  /** As the accounts' login. */
  readonly url: string;
  /** As the operators' login; default: `url`. */
  readonly operatorUrl?: string;
}

export interface PoolOptions {
  /** As the accounts' login. */
  readonly url: string;
  /** As the operators' login; default: `url`. */
  readonly operatorUrl?: string;
  /** As the accounts' login, for connections that listen; default: `url`. */
  readonly listenUrl?: string;
  /** Of the accounts' pool. */
  readonly poolSize: number;
  readonly entities: NonNullable<DataSourceOptions['entities']>;
  /** Whether connections keep statements prepared; default: they do. */
  readonly prepares?: boolean;
  readonly replica?: ReplicaPoolOptions | undefined;
}

/** Connects as the gateway's roles. The schema must have been migrated. A replica need not be there yet. */
export async function openDatabase({ replica, ...options }: PoolOptions): Promise<Database> {
  const { url, listenUrl = url, poolSize } = options;
  const isDistributed = await isDistributedAt(url);
  const pools = await openPools({ ...options, isDistributed });
  if (replica === undefined) {
    return new Database(pools, { url, listenUrl, poolSize, isDistributed });
  }
  const standby = new Standby(
    new Replica({ ...replica, databaseUrl: url, replicaUrl: replica.url }),
    () => openPools({ ...options, operatorUrl: replica.url, ...replica, isDistributed }),
  );
  standby.replica.start();
  return new Database(pools, { url, listenUrl, poolSize, isDistributed, standby });
}

async function openPools({
  url,
  operatorUrl = url,
  poolSize,
  entities,
  prepares = true,
  isDistributed,
}: Omit<PoolOptions, 'replica'> & { readonly isDistributed: boolean }): Promise<Pools> {
  const settings = planSettings({ prepares, isDistributed });
  const pools: Pools = {
    accounts: dataSource(url, { role: 'billing_gateway', poolSize, entities, prepares, settings }),
    operators: dataSource(operatorUrl, {
      role: 'billing_operator',
      poolSize: operatorPoolSize(poolSize),
      entities,
      prepares,
      settings,
    }),
    long: dataSource(url, {
      role: 'billing_gateway',
      poolSize: LONG_SNAPSHOTS_MAX,
      entities: [],
      prepares,
      settings: [...settings, `idle_in_transaction_session_timeout=${2 * LONG_IDLE_MS}`],
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
  return pools;
}

async function closePools(pools: Pools): Promise<void> {
  await Promise.all(Object.values({ ...pools }).map((pool) => pool.destroy()));
}

/** A read replica with its pools, which are opened when it is first read. */
class Standby {
  private opened: Promise<Pools> | null = null;

  constructor(
    readonly replica: Replica,
    private readonly open: () => Promise<Pools>,
  ) {}

  async pools(): Promise<Pools> {
    const opened = (this.opened ??= this.open());
    try {
      return await opened;
    } catch (error) {
      if (this.opened === opened) this.opened = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.replica.stop();
    await this.opened?.then(closePools, () => undefined);
  }
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
    prepares,
    settings,
  }: { readonly role: Role; readonly settings: readonly string[] } & Pick<
    PoolOptions,
    'poolSize' | 'entities' | 'prepares'
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
    extra: { options, prepares, Client: Connection },
  });
}

// A plan for each call leaves out the months of events that the call does not need, which PostgreSQL takes for cheaper. But it
// costs more to make than it saves: a plan for all calls leaves them out when it begins. Citus can make none that is for all
// accounts of several servers.
function planSettings(of: {
  readonly prepares: boolean;
  readonly isDistributed: boolean;
}): readonly string[] {
  return of.prepares && !of.isDistributed ? ['plan_cache_mode=force_generic_plan'] : [];
}

interface Pools {
  /** Opens one account's rows at a time. */
  readonly accounts: DataSource;
  /** Opens those of all. */
  readonly operators: DataSource;
  /** For long snapshots. */
  readonly long: DataSource;
}

/** How the accounts' pool connects, and the read replica. */
interface Access {
  readonly url: string;
  readonly listenUrl?: string;
  readonly poolSize: number;
  readonly isDistributed: boolean;
  /** Left out: there is no read replica. */
  readonly standby?: Standby;
}

export class Database {
  constructor(
    private readonly pools: Pools,
    private readonly access: Access,
    private readonly listeners = new Set<StatementListener>(),
    private readonly beginning: readonly Sql[] = BEGIN,
  ) {}

  /**
   * The same database, but its transactions do not wait until their commits are on disk. A crash of the server may lose the
   * latest of them. The next commit of this database itself puts all earlier ones on disk.
   */
  withoutWaitingForDisk(): Database {
    return new Database(this.pools, this.access, this.listeners, BEGIN_WITHOUT_WAITING);
  }

  /** The read replica; null: there is none. */
  get replica(): Replica | null {
    return this.access.standby?.replica ?? null;
  }

  /** Whether accounts lie on several servers. */
  get isDistributed(): boolean {
    return this.access.isDistributed;
  }

  /** How many transactions on accounts can be open at the same time. */
  get poolSize(): number {
    return this.access.poolSize;
  }

  /** How long one more transaction would wait for a connection, in milliseconds. One at a replica waits hardly longer. */
  get expectedWaitMs(): number {
    const { accounts, operators } = this.pools;
    return Math.max(waitsFor(accounts).expectedMs, waitsFor(operators).expectedMs);
  }

  /**
   * Runs `work` in one transaction and commits it; any error rolls everything back. After a deadlock, a serialisation failure
   * or a change of the schema `work` runs again, so it must have no effect outside the transaction.
   * @throws UNAVAILABLE when the COMMIT was not answered; the transaction may have been committed
   */
  async inTransaction<T>(whose: Whose, work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(whose, work);
      } catch (error) {
        if (attempt > SERIALISATION_RETRIES || !canBeRunAgain(error)) throw error;
      }
    }
  }

  /**
   * Opens one consistent view of the database for reading; the caller closes it.
   * @param reads what a read replica may answer, where there is one; left out: nothing
   */
  async openSnapshot(whose: Whose, reads?: Reads): Promise<Snapshot> {
    const pool = poolFor(whose);
    return (
      (await this.openAtReplica(whose, pool, reads)) ??
      snapshotOf(await this.begin(whose, BEGIN_SNAPSHOT, this.pools[pool]))
    );
  }

  /**
   * The same of one account for as long as a caller takes to read it, so that it keeps no connection from others. At most
   * LONG_SNAPSHOTS_MAX at a time: further ones wait.
   */
  async openLongSnapshot(accountId: number, reads?: Reads): Promise<Snapshot> {
    const whose = { accountId };
    return (
      (await this.openAtReplica(whose, 'long', reads)) ??
      snapshotOf(await this.begin(whose, BEGIN_SNAPSHOT, this.pools.long))
    );
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
    const { url, listenUrl = url } = this.access;
    const applicationName = 'billing-gateway listener';
    return new Listener({ url: listenUrl, applicationName, channel, ...callbacks });
  }

  /** Asks whether the database answers, on a separate connection that is opened when it is first asked. */
  healthCheck(): HealthCheck {
    return new HealthCheck(this.access.url);
  }

  /** The database's clock, epoch ms. Gateways correct their own clock by it, so that they agree. */
  async clockMs(): Promise<number> {
    const { runner, connection } = await this.connect(this.pools.accounts);
    try {
      const { results, error } = await connection.run([sql`select clock_timestamp() as now`]);
      if (error !== null) throw error;
      return ms(results[0]?.rows[0] ?? {}, 'now');
    } finally {
      await runner.release();
    }
  }

  async close(): Promise<void> {
    await this.access.standby?.close();
    await closePools(this.pools);
  }

  /** Null: the database itself is to answer. */
  private async openAtReplica(
    whose: Whose,
    pool: keyof Pools,
    reads: Reads | undefined,
  ): Promise<Snapshot | null> {
    const { standby } = this.access;
    if (standby === undefined || reads === undefined) return null;
    const { replica } = standby;
    if (replica.covers(reads.after)) {
      try {
        const pools = await standby.pools();
        if (!this.isBusier(pools, pool)) {
          const begun = await this.begin(whose, BEGIN_SNAPSHOT, pools[pool]);
          replica.reads.replica += 1;
          return snapshotAt(replica, begun);
        }
      } catch {
        replica.failed();
      }
    }
    replica.reads.database += 1;
    return null;
  }

  // A busy replica leaves its reads to the database, whose own wait then tells whether the gateway is overloaded.
  private isBusier(standby: Pools, pool: keyof Pools): boolean {
    const laterMs = waitsFor(standby[pool]).expectedMs - waitsFor(this.pools[pool]).expectedMs;
    return laterMs > REPLICA_LATER_MS;
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

  private async begin(
    whose: Whose,
    beginning: readonly Sql[],
    pool = this.pools[poolFor(whose)],
  ): Promise<Transaction> {
    const { runner, connection } = await this.connect(pool);
    const opening = [...beginning, ...accountSetting(whose)];
    return new Transaction(runner, connection, {
      isDistributed: this.isDistributed,
      opening,
      listeners: this.listeners,
    });
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

function snapshotOf(transaction: Transaction): Snapshot {
  return {
    tx: transaction,
    cancel: (reason) => {
      transaction.cancel(reason);
    },
    close: () => transaction.end('commit'),
  };
}

/** A snapshot of which a failed statement says that what was read is lost with the replica. */
function snapshotAt(replica: Replica, transaction: Transaction): Snapshot {
  let isLost = false;
  let isCancelled = false;
  const judged = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      // It was given up on our side, which says nothing of the replica.
      if (isCancelled) throw error;
      isLost = true;
      // A conflict with what is replayed, or a table that is not there yet, says nothing of other reads.
      const state = sqlState(error);
      if (state === null || /^(08|57P|EPIPE)/.test(state)) replica.failed();
      throw error;
    }
  };
  return {
    ...snapshotOf(transaction),
    isLost: () => isLost,
    cancel: (reason) => {
      isCancelled = true;
      transaction.cancel(reason);
    },
    tx: {
      isDistributed: transaction.isDistributed,
      query: (statement) => judged(transaction.query(statement)),
      later: (statement) => {
        transaction.later(statement);
      },
      allowLong: (withinMs) => judged(transaction.allowLong(withinMs)),
    },
  };
}

function poolFor(whose: Whose): keyof Pools {
  return spansAccounts(whose) ? 'operators' : 'accounts';
}

function canBeRunAgain(error: unknown): boolean {
  return RETRYABLE.has(sqlState(error) ?? '') || isStale(error);
}
