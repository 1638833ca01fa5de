// Reads a whole database in one snapshot, table by table, for a backup. Gateways go on meanwhile. It connects as the owner, who
// alone sees all rows of all tables.

import type { Readable } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { UnavailableError } from '../core/errors.ts';
import { CONNECT_WITHIN_MS } from './connection.ts';
import { isDistributed } from './distribute.ts';
import { BACKUP_LOCK } from './migrate.ts';
import { OUR_SCHEMAS, requireRestored } from './unfinished-restore.ts';

/** Made by the restore itself, by migrating. */
const MADE_BY_MIGRATING = ['public.schema_migration', 'graphile_worker.migrations'];

/** A table; its name has its schema in front. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A partition of events by month; `from` null: of all months before `to`. */
export interface EventPartition {
  readonly name: string;
  readonly from: string | null;
  readonly to: string;
}

/** A sequence that has given a value; its name has its schema in front. */
export interface SequenceValue {
  readonly name: string;
  readonly last: string;
}

/** What a database holds besides the rows of its tables. */
export interface DumpHead {
  /** When the snapshot was taken, by the database's clock. */
  readonly takenAt: string;
  readonly postgres: string;
  readonly migrations: readonly string[];
  /** The last migration of the tables of jobs. */
  readonly jobsMigration: number;
  readonly partitions: readonly EventPartition[];
  readonly sequences: readonly SequenceValue[];
  /** Events that are in archives, so in no table. */
  readonly archivedEvents: number;
}

/** A snapshot of a database. */
export interface Dump {
  readonly head: DumpHead;
  readonly tables: readonly TableShape[];
  /** One table after the other. */
  rows(table: TableShape): DumpedRows;
}

export interface DumpedRows {
  /** As COPY prints them. */
  readonly text: Readable;
  /** How many they were, once all of the text was read. */
  readonly count: () => Promise<number>;
}

/**
 * Works on a snapshot, which ends with `work`.
 * @param url the database, as its owner
 * @throws UnavailableError when the database cannot be backed up, with the reason
 */
export async function withDump<T>(url: string, work: (dump: Dump) => Promise<T>): Promise<T> {
  const client = await connectOwner(url, 'billing-gateway-backup');
  try {
    await requireWhole(client);
    await client.query(`select pg_advisory_lock_shared(${BACKUP_LOCK})`);
    // Locked before the snapshot is taken, so that no migration comes between the snapshot and the reading of a table.
    const before = await listTables(client);
    await client.query('begin isolation level repeatable read read only');
    await client.query(`lock table ${before.map(quoted).join(', ')} in access share mode`);
    const tables = await listTables(client);
    if (JSON.stringify(tables) !== JSON.stringify(before)) {
      throw new UnavailableError('The tables were changed just now, by a migration: try again.');
    }
    const head = await readHead(client);
    const rows = (table: TableShape): DumpedRows => rowsOf(client, table);
    const result = await work({ head, tables, rows });
    await client.query('commit');
    return result;
  } finally {
    await client.end();
  }
}

function rowsOf(client: pg.Client, table: TableShape): DumpedRows {
  const text = client.query(
    copyTo(`copy (select ${columnList(table)} from ${quoted(table)}) to stdout`),
  );
  return {
    text,
    count: async () => {
      // The number may come after the text, but before the answer to a later statement.
      await client.query('select');
      return text.rowCount;
    },
  };
}

/** A connection as the owner, which waits as long as a statement takes. Texts of values are the same, wherever it runs. */
export async function connectOwner(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
  });
  // The statement that runs reports it.
  client.on('error', () => undefined);
  await client.connect();
  for (const setting of SESSION) await client.query(`set ${setting}`);
  return client;
}

const SESSION = [
  'statement_timeout = 0',
  'lock_timeout = 0',
  'idle_in_transaction_session_timeout = 0',
  `timezone = 'UTC'`,
  `datestyle = 'ISO'`,
  `intervalstyle = 'postgres'`,
  `bytea_output = 'hex'`,
  'extra_float_digits = 3',
  `client_encoding = 'UTF8'`,
];

/** A table's name in SQL. */
export function quoted({ name }: Pick<TableShape, 'name'>): string {
  return name.split('.').map(pg.escapeIdentifier).join('.');
}

/** A table's columns in SQL. */
export function columnList({ columns }: TableShape): string {
  return columns.map(pg.escapeIdentifier).join(', ');
}

/** All tables of the gateway and its jobs, but those that tell which migrations ran. */
export async function listTables(client: pg.Client): Promise<readonly TableShape[]> {
  const { rows } = await client.query<{ name: string; columns: string[]; is_owned: boolean }>(
    `select n.nspname || '.' || c.relname as name, pg_has_role(c.relowner, 'usage') as is_owned,
       array(select a.attname::text from pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition and n.nspname || '.' || c.relname <> all($2)
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
    [OUR_SCHEMAS, MADE_BY_MIGRATING],
  );
  const foreign = rows.find((row) => !row.is_owned);
  if (foreign !== undefined) {
    throw new UnavailableError(
      `The user of DATABASE_URL does not own the table ${foreign.name}, so it may not see all rows: name the owner.`,
    );
  }
  return rows.map(({ name, columns }) => ({ name, columns }));
}

/** The partitions of events that have bounds; none before events were partitioned. */
export async function listPartitions(client: pg.Client): Promise<readonly EventPartition[]> {
  const { rows } = await client.query<{ name: string; bound: [string | null, string] }>(
    `select c.relname as name, bound from pg_inherits i join pg_class c on c.oid = i.inhrelid cross join lateral
       regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \\((?:'(.*)'|MINVALUE)\\) TO \\('(.*)'\\)$re$) bound
     where i.inhparent = to_regclass('public.usage_event') and bound is not null order by bound[2]::timestamptz`,
  );
  return rows.map(({ name, bound: [from, to] }) => ({ name, from, to }));
}

/** The last migration of the tables of jobs; 0: they are not there. */
export async function lastJobsMigration(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ last: number }>(
    'select coalesce(max(id), 0)::int as last from graphile_worker.migrations',
  );
  return rows[0]?.last ?? 0;
}

async function requireWhole(client: pg.Client): Promise<void> {
  const ask = async (text: string): Promise<unknown> => (await client.query(text)).rows;
  await requireRestored(ask);
  if (await isDistributed(ask)) {
    throw new UnavailableError(
      'The tables are distributed by Citus: back up each of its servers with the tools of PostgreSQL.',
    );
  }
  const { rows } = await client.query<{ is_ours: boolean }>(
    `select to_regclass('public.schema_migration') is not null and to_regclass('graphile_worker.migrations') is not null as is_ours`,
  );
  if (rows[0]?.is_ours !== true) {
    throw new UnavailableError(
      'The database is not that of a gateway: there is nothing to back up.',
    );
  }
}

async function readHead(client: pg.Client): Promise<DumpHead> {
  const { rows } = await client.query<{ taken_at: string; postgres: string; archived: string }>(
    `select to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as taken_at, current_setting('server_version') as postgres,
       ${await archivedEvents(client)} as archived`,
  );
  const migrations = await client.query<{ name: string }>(
    'select name from public.schema_migration order by timestamp, id',
  );
  const sequences = await client.query<SequenceValue>(
    `select schemaname || '.' || sequencename as name, last_value::text as last from pg_sequences
     where schemaname = any($1) and last_value is not null
       and sequencename <> 'schema_migration_id_seq' order by 1`,
    [OUR_SCHEMAS],
  );
  return {
    takenAt: rows[0]?.taken_at ?? '',
    postgres: rows[0]?.postgres ?? '',
    migrations: migrations.rows.map(({ name }) => name),
    jobsMigration: await lastJobsMigration(client),
    partitions: await listPartitions(client),
    sequences: sequences.rows,
    archivedEvents: Number(rows[0]?.archived ?? 0),
  };
}

async function archivedEvents(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ known: boolean }>(
    `select to_regclass('public.usage_archive') is not null as known`,
  );
  return rows[0]?.known === true
    ? '(select coalesce(sum(events), 0) from public.usage_archive)'
    : '0';
}
