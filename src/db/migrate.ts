// Brings a database to the newest schema, as its owner. Several gateways may start at once: an advisory lock lets one
// migrate and the others wait.

import { DataSource, type DataSourceOptions, MigrationExecutor, type QueryRunner } from 'typeorm';
import { UnavailableError } from '../core/errors.ts';
import { CONNECT_WITHIN_MS } from './connection.ts';
import { distributeTables, isDistributed, prepareSessions, sendOneByOne } from './distribute.ts';
import { sqlState } from './sql-state.ts';
import { type Login, loginStatements } from './login.ts';
import { installJobs } from './jobs-schema.ts';
import { requireRestored } from './unfinished-restore.ts';

export const OLDEST_POSTGRES = 15;
/** Key of the advisory lock of whoever migrates. */
export const MIGRATION_LOCK = 7_238_104_411;
/** Key of the advisory lock that running backups share. Who changes tables waits for it before it locks any, else all would wait behind it. */
export const BACKUP_LOCK = 7_238_104_414;

export interface MigrateOptions {
  readonly url: string;
  readonly migrations: NonNullable<DataSourceOptions['migrations']>;
  /** Made for the gateways' pools. */
  readonly logins?: readonly Login[];
  /** Whether a restore does it, whose mark is in the database. */
  readonly isRestore?: boolean;
}

/**
 * Runs the missing migrations. @returns their names
 * @throws UnavailableError when the server is older than PostgreSQL 15, or a restore into the database has not ended
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  return withOwner(options, async (source, lock) => {
    // A gateway that only starts again need not wait for a backup.
    if (await source.showMigrations()) await awaitBackups(lock);
    const ran = await runMigrations(source, options);
    // What a migration added is distributed too.
    await inTransaction(source, async (runner) => {
      if (await isDistributed((text) => runner.query(text))) await distributeTables(runner);
    });
    return ran;
  });
}

/**
 * Runs the missing migrations, and distributes the tables by account. It can be done again. @returns the tables that were not
 * distributed before
 * @throws UnavailableError when the database has no Citus, or Citus no servers
 */
export async function migrateAndDistribute(options: MigrateOptions): Promise<readonly string[]> {
  return withOwner(options, async (source, lock) => {
    await awaitBackups(lock);
    await runMigrations(source, options);
    return inTransaction(source, async (runner) => {
      const tables = await distributeTables(runner);
      await prepareSessions(runner);
      return tables;
    });
  });
}

async function runMigrations(
  source: DataSource,
  { url, logins = [] }: MigrateOptions,
): Promise<readonly string[]> {
  const ran = await withRunner(source, async (runner) => {
    if (await isDistributed((text) => runner.query(text))) sendOneByOne(runner);
    const executor = new MigrationExecutor(source, runner);
    executor.transaction = 'each';
    return executor.executePendingMigrations();
  });
  await installJobs(url);
  for (const login of logins) await makeLogin(source, login);
  return ran.map((migration) => migration.name);
}

async function inTransaction<T>(
  source: DataSource,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  return withRunner(source, async (runner) => {
    try {
      await runner.startTransaction();
      const result = await work(runner);
      await runner.commitTransaction();
      return result;
    } catch (error) {
      await runner.rollbackTransaction();
      throw error;
    }
  });
}

async function withRunner<T>(
  source: DataSource,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    return await work(runner);
  } finally {
    await runner.release();
  }
}

/** Reverts the last `count` migrations. */
export async function migrateDown(options: MigrateOptions, count: number): Promise<void> {
  await withOwner(options, async (source, lock) => {
    await awaitBackups(lock);
    for (let step = 0; step < count; step += 1) {
      await source.undoLastMigration({ transaction: 'each' });
    }
  });
}

async function withOwner<T>(
  options: MigrateOptions,
  work: (source: DataSource, lock: QueryRunner) => Promise<T>,
): Promise<T> {
  const source = new DataSource({
    type: 'postgres',
    url: options.url,
    migrations: options.migrations,
    migrationsTableName: 'schema_migration',
    installExtensions: false,
    applicationName: 'billing-gateway-migrate',
    // A migration may take long, so only connecting and a dead link are bounded.
    connectTimeoutMS: CONNECT_WITHIN_MS,
    extra: { keepAlive: true },
  });
  await source.initialize();
  const lock = source.createQueryRunner();
  try {
    await requireVersion(source);
    await lock.query(`select pg_advisory_lock(${MIGRATION_LOCK})`);
    if (options.isRestore !== true) await requireRestored((text) => lock.query(text));
    const result = await work(source, lock);
    await takeRoles(source);
    return result;
  } finally {
    await lock.release();
    await source.destroy();
  }
}

async function awaitBackups(lock: QueryRunner): Promise<void> {
  await lock.query(`select pg_advisory_lock(${BACKUP_LOCK})`);
}

async function makeLogin(source: DataSource, login: Login): Promise<void> {
  const roles: unknown = await source.query('select from pg_roles where rolname = $1', [
    login.user,
  ]);
  const exists = Array.isArray(roles) && roles.length > 0;
  try {
    for (const statement of loginStatements(login, exists)) await source.query(statement);
  } catch (error) {
    if (sqlState(error) !== '42501') throw error;
    throw new UnavailableError(
      `The user of DATABASE_URL may not make the login ${JSON.stringify(login.user)}: give it createrole, or set DATABASE_LOGIN_URL and DATABASE_OPERATOR_LOGIN_URL.`,
      { cause: error },
    );
  }
}

// On a server where another owner created the roles, only that owner can grant them.
async function takeRoles(source: DataSource): Promise<void> {
  try {
    await source.query('grant billing_gateway, billing_operator to current_user');
  } catch (error) {
    if (sqlState(error) !== '42501') throw error;
    throw new UnavailableError(
      'The roles billing_gateway and billing_operator were made by another owner on this server; let that one run "grant billing_gateway, billing_operator to <this user> with admin option".',
      { cause: error },
    );
  }
}

async function requireVersion(source: DataSource): Promise<void> {
  const rows: unknown = await source.query(
    "select current_setting('server_version_num') as version",
  );
  const version = Number((rows as { version: string }[])[0]?.version);
  const major = Math.floor(version / 10_000);
  if (major < OLDEST_POSTGRES) {
    throw new UnavailableError(
      `The database server is PostgreSQL ${major}; the gateway needs PostgreSQL ${OLDEST_POSTGRES} or newer.`,
    );
  }
}
