// Past one database: with Citus the tables are distributed over several servers by account. All rows of an account are on one of
// them, so a statement that names its account runs there alone. What belongs to no account is copied to all of them, or stays
// on the coordinator, with which the gateways talk.

import type { QueryRunner } from 'typeorm';
import { UnavailableError } from '../core/errors.ts';
import { Connection } from './connection.ts';
import type { Row } from './decode.ts';

/** Rows of accounts refer to them, so each server has a whole copy. */
const REFERENCE_TABLES = ['hardware_profile', 'hardware_rate'];
/** They are read before the account is known, and never together with its rows. */
const COORDINATOR_TABLES = ['account_directory', 'api_key'];
/** All others lie beside it. */
const FIRST_TABLE = 'account';

/** Whether the tables are distributed. @param query runs a statement */
export async function isDistributed(query: (text: string) => Promise<unknown>): Promise<boolean> {
  const [row] = rowsOf(await query(`select to_regclass('pg_catalog.pg_dist_partition') as known`));
  if (row?.['known'] == null) return false;
  const found = await query(
    `select from pg_dist_partition where logicalrelid = to_regclass('public.${FIRST_TABLE}')`,
  );
  return rowsOf(found).length > 0;
}

/** Whether the tables of a database are distributed. */
export async function isDistributedAt(url: string): Promise<boolean> {
  const connection = new Connection({ connectionString: url });
  await connection.connect();
  try {
    return await isDistributed(async (text) => (await connection.query<Row>(text)).rows);
  } finally {
    await connection.end();
  }
}

/**
 * Distributes every table that is not distributed yet, in the runner's transaction. @returns their names
 * @throws UnavailableError when the database has no Citus, or Citus no servers
 */
export async function distributeTables(runner: QueryRunner): Promise<readonly string[]> {
  await requireServers(runner);
  for (const setting of SETTINGS) await runner.query(`set local ${setting}`);
  const tables = await findTables(runner);
  const names = tables.map(({ name }) => name);
  const keys = await findForeignKeys(runner, names);
  for (const { table, name } of keys) {
    await runner.query(`alter table ${table} drop constraint "${name}"`);
  }
  for (const { name, isReference } of tables) {
    const beside = name === FIRST_TABLE ? 'none' : FIRST_TABLE;
    // Triggers would refuse to remove the rows here, once they are on the servers.
    await runner.query(`alter table ${name} disable trigger user`);
    await runner.query(
      isReference
        ? `select create_reference_table('${name}')`
        : `select create_distributed_table('${name}', 'account_id', colocate_with => '${beside}')`,
    );
    await runner.query(`select truncate_local_data_after_distributing_table('${name}')`);
    await runner.query(`alter table ${name} enable trigger user`);
  }
  for (const table of REFERENCE_TABLES) {
    // Without the right to update, Citus lets nobody take the lock that a write to all copies begins with.
    await runner.query(`grant update on ${table} to billing_operator`);
  }
  for (const { table, name, definition } of keys) {
    await runner.query(`alter table ${table} add constraint "${name}" ${definition}`);
  }
  return names;
}

/**
 * What a distributed database needs besides: settings of its sessions, and roles as which the coordinator may log in on the
 * other servers. Can be done again.
 */
export async function prepareSessions(runner: QueryRunner): Promise<void> {
  const [{ name } = {}] = await ask(runner, 'select quote_ident(current_database()) as name');
  for (const statement of settingsOfDatabase(String(name))) await runner.query(statement);
  for (const role of ['billing_gateway', 'billing_operator']) {
    await runner.query(`alter role ${role} login`);
    for (const setting of SERVER_SETTINGS) {
      await runner.query(`alter role ${role} set ${setting}`);
    }
  }
}

/**
 * Makes a runner send the statements of a text one by one: Citus sends many changes of a table to its servers as they are written, in
 * the whole text that they are a part of, and a server takes one statement.
 */
export function sendOneByOne(runner: QueryRunner): void {
  const send = runner.query.bind(runner);
  Object.assign(runner, {
    query: async (text: string, ...rest: readonly []): Promise<unknown> => {
      let answer: unknown;
      for (const statement of statementsOf(text)) answer = await send(statement, ...rest);
      return answer;
    },
  });
}

// What is quoted, a function's body and a comment may have semicolons that end no statement.
const STATEMENT = /(?:'[^']*'|"[^"]*"|(\$\w*\$)[^]*?\1|--.*|[^;])+/g;

function statementsOf(text: string): readonly string[] {
  return [...text.matchAll(STATEMENT)].map(([one]) => one.trim()).filter((one) => one !== '');
}

/** Sets what each session of a distributed database works with. @param name quoted where it has to be */
export function settingsOfDatabase(name: string): readonly string[] {
  return SETTINGS.map((setting) => `alter database ${name} set ${setting}`);
}

const SETTINGS = [
  // The row policies of the servers read the account that each transaction sets.
  `citus.propagate_set_commands = 'local'`,
  // A transaction goes on with the connections that it has, and sees what it did.
  `citus.multi_shard_modify_mode = 'sequential'`,
  // Our triggers only refuse.
  'citus.enable_unsafe_triggers = on',
];

/** As the gateway's own sessions have them. These are of the coordinator's sessions on the servers. */
const SERVER_SETTINGS = [`lock_timeout = '2s'`, 'max_parallel_workers_per_gather = 0', 'jit = off'];

async function requireServers(runner: QueryRunner): Promise<void> {
  const extensions = await ask(runner, `select from pg_extension where extname = 'citus'`);
  if (extensions.length === 0) {
    throw new UnavailableError(
      'The database has no Citus: run "create extension citus" in it, on the coordinator and on every worker.',
    );
  }
  const nodes = await ask(
    runner,
    `select groupid = 0 as is_coordinator from pg_dist_node where isactive and noderole = 'primary'`,
  );
  if (!nodes.some((node) => node['is_coordinator'] === true)) {
    throw new UnavailableError(
      `Citus does not know the coordinator's address: run "select citus_set_coordinator_host('<host>', <port>)" in this database.`,
    );
  }
  if (nodes.every((node) => node['is_coordinator'] === true)) {
    throw new UnavailableError(
      `Citus has no workers: run "select citus_add_node('<host>', <port>)" in this database for each of them.`,
    );
  }
}

interface TableToDistribute {
  readonly name: string;
  readonly isReference: boolean;
}

/** Reference tables first, then the account's table, then the others. */
async function findTables(runner: QueryRunner): Promise<readonly TableToDistribute[]> {
  const rows = await ask(
    runner,
    `select c.relname as name, c.relname = any($1) as is_reference from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and (c.relname = any($1) or exists (
         select from pg_attribute a where a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped))
       and c.relname <> all($2) and not exists (select from pg_dist_partition p where p.logicalrelid = c.oid)
     order by 2 desc, c.relname <> '${FIRST_TABLE}', 1`,
    [REFERENCE_TABLES, COORDINATOR_TABLES],
  );
  return rows.map((row) => ({
    name: String(row['name']),
    isReference: row['is_reference'] === true,
  }));
}

interface ForeignKey {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

/** Those of some tables: a table is not distributed while one leads to or from it that is not. */
async function findForeignKeys(
  runner: QueryRunner,
  tables: readonly string[],
): Promise<readonly ForeignKey[]> {
  const rows = await ask(
    runner,
    `select f.conrelid::regclass::text as table, f.conname as name, pg_get_constraintdef(f.oid) as definition
     from pg_constraint f join pg_class c on c.oid in (f.conrelid, f.confrelid)
     where f.contype = 'f' and f.conparentid = 0 and c.relnamespace = 'public'::regnamespace and c.relname = any($1)
     group by f.oid, f.conrelid, f.conname order by 1, 2`,
    [tables],
  );
  return rows.map((row) => ({
    table: String(row['table']),
    name: String(row['name']),
    definition: String(row['definition']),
  }));
}

async function ask(
  runner: QueryRunner,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return rowsOf(await runner.query(text, [...values]));
}

function rowsOf(rows: unknown): readonly Readonly<Record<string, unknown>>[] {
  return rows as readonly Readonly<Record<string, unknown>>[];
}
