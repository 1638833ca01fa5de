// Fills an empty database with the rows of a backup. It is marked until everything is there and proven (unfinished-restore.ts). All
// rows come in one transaction: what is killed leaves none of them.

import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { UnavailableError } from '../core/errors.ts';
import {
  columnList,
  connectOwner,
  type DumpHead,
  type EventPartition,
  lastJobsMigration,
  listPartitions,
  listTables,
  quoted,
  type TableShape,
} from './dump.ts';
import { MIGRATION_LOCK } from './migrate.ts';
import { OUR_SCHEMAS, UNFINISHED_RESTORE } from './unfinished-restore.ts';

const RESTORE_LOCK = 7_238_104_413;
/** The server takes a moment to notice that a restore was killed. */
const OTHERS_LEAVE_WITHIN_MS = 15_000;
const LOOK_MS = 250;
/** For each index that is built; nobody else uses the database. */
const BUILD_MEMORY = '256MB';

/** A table with the number of its rows, and where they are. */
export interface TableToLoad extends TableShape {
  readonly rows: number;
  /** The rows as COPY prints them. */
  readonly read: () => Readable;
}

/** An empty database that is marked, and that this process alone fills. */
export interface RestoreTarget {
  /**
   * Brings in all rows, once the schema is that of the backup.
   * @returns the tables that are left out, since no release makes them
   * @throws UnavailableError when the tables of jobs are of an earlier version than in the backup
   */
  load(
    head: Pick<DumpHead, 'jobsMigration' | 'partitions' | 'sequences'>,
    tables: readonly TableToLoad[],
  ): Promise<readonly string[]>;
  /** Takes the mark away: gateways may start. */
  finish(): Promise<void>;
}

/**
 * Works on an empty database, or on one that an unfinished restore left, which is cleared first.
 * @param url the database, as its owner
 * @throws UnavailableError when it is not empty, or somebody uses it
 */
export async function withRestoreTarget<T>(
  url: string,
  work: (target: RestoreTarget) => Promise<T>,
): Promise<T> {
  const client = await connectOwner(url, 'billing-gateway-restore');
  try {
    if (await isMarked(client)) {
      await requireAlone(client, OTHERS_LEAVE_WITHIN_MS);
    } else {
      await requireEmpty(client);
      await requireAlone(client, 0);
    }
    // A gateway that comes now waits for this lock, and finds the mark then. Whoever came before is seen.
    await client.query(`select pg_advisory_lock(${MIGRATION_LOCK})`);
    await requireAlone(client, 0);
    // Another restore may have ended meanwhile.
    if (await isMarked(client)) await client.query(CLEAR);
    else await requireEmpty(client);
    await client.query(`create schema if not exists ${UNFINISHED_RESTORE}`);
    await client.query(`select pg_advisory_unlock(${MIGRATION_LOCK})`);
    return await work({
      load: (head, tables) => load(client, head, tables),
      finish: async () => {
        await client.query(`drop schema ${UNFINISHED_RESTORE}`);
      },
    });
  } finally {
    await client.end();
  }
}

async function requireAlone(client: pg.Client, withinMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs <= withinMs; waitedMs += LOOK_MS) {
    // What belongs to no user is the server's own.
    const { rows } = await client.query<{ is_locked: boolean; others: number }>(
      `select pg_try_advisory_lock(${RESTORE_LOCK}) as is_locked, (select count(*)::int from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and usesysid is not null) as others`,
    );
    if (rows[0]?.is_locked === true && rows[0].others === 0) return;
    await delay(LOOK_MS);
  }
  throw new UnavailableError(
    'Somebody else uses the database, such as a gateway or another restore: stop that first.',
  );
}

async function isMarked(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [
    UNFINISHED_RESTORE,
  ]);
  return rows.length > 0;
}

async function requireEmpty(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1 limit 1`,
    [OUR_SCHEMAS],
  );
  const [first] = rows;
  if (first === undefined) return;
  throw new UnavailableError(
    `The database is not empty: it has ${first.name}. A backup is restored into an empty database only.`,
  );
}

// Objects of extensions stay: they belong to whoever made the database.
const CLEAR = `do $$
  declare
    commands text[];
    command text;
  begin
    drop schema if exists graphile_worker cascade;
    -- All are written before the first one runs: what is dropped with another has no name any more.
    select coalesce(array_agg(x.command order by x.turn), '{}') into commands from (
      select 1 as turn, 'pg_class'::regclass as class, oid, format('drop table if exists public.%I cascade', relname) as command
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      union all
      select 2, 'pg_proc'::regclass, oid, format('drop routine if exists %s cascade', oid::regprocedure)
      from pg_proc where pronamespace = 'public'::regnamespace
      union all
      select 3, 'pg_type'::regclass, oid, format('drop type if exists public.%I cascade', typname)
      from pg_type where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')) x
    where not exists (select from pg_depend d where d.classid = x.class and d.objid = x.oid and d.deptype = 'e');
    foreach command in array commands loop
      execute command;
    end loop;
  end $$`;

async function load(
  client: pg.Client,
  head: Pick<DumpHead, 'jobsMigration' | 'partitions' | 'sequences'>,
  tables: readonly TableToLoad[],
): Promise<readonly string[]> {
  if ((await lastJobsMigration(client)) < head.jobsMigration) {
    throw new UnavailableError(
      'The backup is of a newer release: its tables of jobs are of a later version. Restore it with that release.',
    );
  }
  const own = await listTables(client);
  const known = new Set(own.map(({ name }) => name));
  const restored = tables.filter(({ name }) => known.has(name));
  await client.query('begin');
  await makePartitions(client, head.partitions);
  const close = await open(client, own);
  for (const table of restored) await copyIn(client, table);
  await close();
  for (const { name, last } of head.sequences) {
    // Those of tables that are left out are not there.
    await client.query('select setval(c, $2) from to_regclass($1) c where c is not null', [
      quoted({ name }),
      last,
    ]);
  }
  await client.query('commit');
  // Until it is analysed the planner takes all tables for empty.
  await client.query('analyze');
  return tables.filter(({ name }) => !known.has(name)).map(({ name }) => name);
}

/**
 * Lets rows come in as they were, in any order: without triggers, foreign keys and policies, and without indexes, which are built
 * faster once all rows are there. Empties the tables.
 * @returns puts all of them back; keys and constraints are checked then
 */
async function open(
  client: pg.Client,
  tables: readonly TableShape[],
): Promise<() => Promise<void>> {
  const names = tables.map(quoted);
  const { rows: keys } = await client.query<Taken>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop,
       format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(f.oid)) as add
     from pg_constraint f where f.contype = 'f' and f.conparentid = 0 and conrelid = any($1::regclass[]) order by 1`,
    [names],
  );
  const indexes = await listIndexes(client, names);
  // COPY is refused where policies hold for the owner too.
  const { rows: forced } = await client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relforcerowsecurity and oid = any($1::regclass[])`,
    [names],
  );
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await client.query(statement);
  };
  await run(names.map((name) => `alter table ${name} disable trigger user`));
  await run([...keys, ...indexes.taken].map(({ drop }) => drop));
  await run(forced.map(({ name }) => `alter table ${name} no force row level security`));
  await run([`truncate ${names.join(', ')}`]);
  return async () => {
    await run([`set local maintenance_work_mem = '${BUILD_MEMORY}'`]);
    await run(indexes.taken.map(({ add }) => add));
    await indexes.rename();
    await run(keys.map(({ add }) => add));
    await run(forced.map(({ name }) => `alter table ${name} force row level security`));
    await run(names.map((name) => `alter table ${name} enable trigger user`));
  };
}

/** How something is taken away from a table, and put back. */
interface Taken {
  readonly drop: string;
  readonly add: string;
}

/** The indexes of tables, those of primary keys and other constraints included. */
async function listIndexes(
  client: pg.Client,
  tables: readonly string[],
): Promise<{ readonly taken: readonly Taken[]; readonly rename: () => Promise<void> }> {
  // In the order in which they were made: partitions name theirs in that order.
  const { rows: taken } = await client.query<Taken>(
    `select case when c.oid is null then format('drop index %s', i.indexrelid::regclass)
         else format('alter table %s drop constraint %I', i.indrelid::regclass, c.conname) end as drop,
       case when c.oid is null then replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
         else format('alter table %s add constraint %I %s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) end as add
     from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x')
     where i.indrelid = any($1::regclass[]) order by i.indexrelid`,
    [tables],
  );
  // Those of partitions come and go with the index of the whole table.
  const { rows: parts } = await client.query<{ whole: string; part: string; name: string }>(
    `select i.inhparent::regclass::text as whole, x.indrelid::regclass::text as part, c.relname as name
     from pg_inherits i join pg_index w on w.indexrelid = i.inhparent join pg_index x on x.indexrelid = i.inhrelid
       join pg_class c on c.oid = i.inhrelid
     where w.indrelid = any($1::regclass[])`,
    [tables],
  );
  const rename = async (): Promise<void> => {
    const { rows } = await client.query<{ rename: string }>(
      `select format('alter index %s rename to %I', c.oid::regclass, p.name) as rename
       from json_to_recordset($1) p (whole text, part text, name text)
         join pg_inherits i on i.inhparent = p.whole::regclass join pg_index x on x.indexrelid = i.inhrelid and x.indrelid = p.part::regclass
         join pg_class c on c.oid = i.inhrelid
       where c.relname <> p.name`,
      [JSON.stringify(parts)],
    );
    for (const one of rows) await client.query(one.rename);
  };
  return { taken, rename };
}

async function copyIn(client: pg.Client, table: TableToLoad): Promise<void> {
  const rows = client.query(copyFrom(`copy ${quoted(table)} (${columnList(table)}) from stdin`));
  await pipeline(table.read(), rows);
  if (rows.rowCount === table.rows) return;
  throw new UnavailableError(
    `Of the table ${table.name} ${rows.rowCount} rows arrived; the backup has ${table.rows}.`,
  );
}

/** Gives events the partitions that they had: each month is in one, so that it can be archived and its room given back. */
async function makePartitions(client: pg.Client, wanted: readonly EventPartition[]): Promise<void> {
  if (wanted.length === 0) return;
  const partOf = ({ name }: EventPartition): string => `public.${pg.escapeIdentifier(name)}`;
  const own = await listPartitions(client);
  for (const month of own.filter(({ from }) => from !== null)) {
    await client.query(`drop table ${partOf(month)}`);
  }
  // Only then: the earlier months may have reached into what is a month of its own here.
  const [earlier, wantedEarlier] = [own, wanted].map((all) =>
    all.find(({ from }) => from === null),
  );
  if (earlier !== undefined && wantedEarlier !== undefined) {
    const to = pg.escapeLiteral(wantedEarlier.to);
    await client.query(`alter table public.usage_event detach partition ${partOf(earlier)}`);
    await client.query(
      `alter table public.usage_event attach partition ${partOf(earlier)} for values from (minvalue) to (${to})`,
    );
  }
  for (const { from } of wanted) {
    if (from !== null) await client.query('select public.make_usage_month($1)', [from]);
  }
}
