// What tables and their indexes take, what autovacuum has to do with them, and what each statement reads.

import type pg from 'pg';
import { note, printTable } from '../support/measure.ts';
import type { Both } from './sized.ts';

const MB = 1 << 20;

interface TableRow {
  readonly name: string;
  readonly rows: string;
  readonly heap: string;
  readonly indexes: string;
  readonly updated: string;
  readonly hot: string;
  readonly dead: string;
  readonly vacuums: string;
}

// A partition counts as its table.
const TABLES = `
  select coalesce(p.inhparent::regclass::text, s.relname) as name, sum(greatest(c.reltuples, 0))::int8 as rows,
    sum(pg_table_size(c.oid)) as heap, sum(pg_indexes_size(c.oid)) as indexes, sum(n_tup_upd) as updated, sum(n_tup_hot_upd) as hot,
    sum(n_dead_tup) as dead, sum(autovacuum_count) as vacuums
  from pg_stat_user_tables s join pg_class c on c.oid = s.relid left join pg_inherits p on p.inhrelid = c.oid
  where s.schemaname = 'public' and c.relkind = 'r' group by 1 order by sum(pg_total_relation_size(c.oid)) desc limit 25`;

const INDEXES = `
  select coalesce(p.inhparent::regclass::text, i.indexrelname) as name, coalesce(t.inhparent::regclass::text, i.relname) as of,
    sum(pg_relation_size(i.indexrelid)) as bytes
  from pg_stat_user_indexes i left join pg_inherits p on p.inhrelid = i.indexrelid left join pg_inherits t on t.inhrelid = i.relid
  where i.schemaname = 'public' group by 1, 2 order by 3 desc limit 20`;

/** Prints what tables take; bytes an event are all bytes of a table by all events. */
export async function printTables(name: string, owner: pg.Pool): Promise<void> {
  const events = Number(
    (await owner.query<{ events: string }>('select sum(last_seq) as events from account')).rows[0]
      ?.events,
  );
  const tables = await owner.query<TableRow>(TABLES);
  const bytes = tables.rows.reduce(
    (sum, { heap, indexes }) => sum + Number(heap) + Number(indexes),
    0,
  );
  printTable(
    `Tables of the ${name} database: ${events} events, ${Math.round(bytes / MB)} MB, ${Math.round(bytes / events)} bytes an event`,
    [
      ...['table', 'rows', 'heap MB', 'indexes MB', 'bytes an event'],
      ...['updates', 'of them HOT', 'dead rows', 'autovacuums'],
    ],
    tables.rows.map((row) => [
      row.name,
      Number(row.rows),
      Number(row.heap) / MB,
      Number(row.indexes) / MB,
      (Number(row.heap) + Number(row.indexes)) / events,
      Number(row.updated),
      Number(row.updated) === 0
        ? ''
        : `${Math.round((100 * Number(row.hot)) / Number(row.updated))} %`,
      Number(row.dead),
      Number(row.vacuums),
    ]),
  );
  const indexes = await owner.query<{ name: string; of: string; bytes: string }>(INDEXES);
  printTable(
    `Indexes of the ${name} database`,
    ['index', 'table', 'MB', 'bytes an event'],
    indexes.rows.map((row) => [
      row.name,
      row.of,
      Number(row.bytes) / MB,
      Number(row.bytes) / events,
    ]),
  );
}

interface StatementRow {
  readonly name: string;
  readonly calls: string;
  readonly ms: number;
  readonly pages: number;
}

const STATEMENTS = `
  select (regexp_match(query, '/\\*\\s*(\\S+)\\s*\\*/'))[1] as name, sum(calls) as calls, sum(total_exec_time) / sum(calls) as ms,
    (sum(shared_blks_hit + shared_blks_read) / sum(calls))::float8 as pages
  from pg_stat_statements where query ~ '/\\*' group by 1`;

/** Prints what each statement took and read in either database, those first that read most more in the large one. */
export async function compareStatements({ small, large }: Both): Promise<void> {
  const [few, many] = await Promise.all(
    [small, large].map(async ({ gateway }) => {
      const { rows } = await gateway.owner.query<StatementRow>(STATEMENTS);
      return new Map(rows.map((row) => [row.name, row]));
    }),
  );
  const rows = [...(many ?? [])].flatMap(([name, row]) => {
    const beside = few?.get(name);
    return beside === undefined ? [] : [{ name, row, beside, ratio: row.pages / beside.pages }];
  });
  note(`${rows.length} statements ran in both`);
  printTable(
    'Statements of the views, of recording, folding and settling: what a call reads and takes',
    ['statement', 'calls', 'pages, small', 'pages, large', 'large:small', 'ms, small', 'ms, large'],
    rows
      .sort((a, b) => b.ratio - a.ratio)
      .slice(0, 40)
      .map(({ name, row, beside, ratio }) => [
        name,
        Number(row.calls),
        beside.pages,
        row.pages,
        ratio,
        beside.ms,
        row.ms,
      ]),
  );
}
