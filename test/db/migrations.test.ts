import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { RecordUsage1767225600000 } from '../../migrations/1767225600000-record-usage.ts';
import { FillIdentities1770224000000 } from '../../migrations/1770224000000-fill-identities.ts';
import { CycleOfEntries1770140000000 } from '../../migrations/1770140000000-cycle-of-entries.ts';
import { entities, migrations } from '../../ormconfig.ts';
import { openDatabase } from '../../src/db/database.ts';
import { sqlState } from '../../src/db/sql-state.ts';
import { raw, sql } from '../../src/db/sql.ts';
import { migrate, migrateDown } from '../../src/db/migrate.ts';
import { asOwner, createDatabase } from '../support/databases.ts';

const TABLES = `select table_name, column_name, is_nullable, data_type from information_schema.columns
  join pg_class c on c.oid = format('%I.%I', table_schema, table_name)::regclass
  where table_schema = 'public' and table_name <> 'schema_migration' and not c.relispartition order by 1, 2`;
const TYPES = `select typname from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where n.nspname = 'public' and typtype = 'e' order by 1`;

let url = '';

/** The first 128 bits of the SHA-256 of both texts with a NUL between, as a uuid is written. */
function hashOf(source: string, eventId: string): string {
  const digits = createHash('sha256').update(`${source}\0${eventId}`).digest('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

beforeAll(async () => {
  url = await createDatabase();
});

describe('the migrations', () => {
  it('go up, all the way down, and up to the same schema again', async () => {
    const first = await migrate({ url, migrations });
    const tables = await asOwner(url, TABLES);
    const types = await asOwner(url, TYPES);

    await migrateDown({ url, migrations }, migrations.length);
    const left = await asOwner(url, TABLES);
    const typesLeft = await asOwner(url, TYPES);
    const second = await migrate({ url, migrations });

    expect(first).toHaveLength(migrations.length);
    expect(left).toEqual([]);
    expect(typesLeft).toEqual([]);
    expect(second).toEqual(first);
    expect(await asOwner(url, TABLES)).toEqual(tables);
    expect(await asOwner(url, TYPES)).toEqual(types);
  });

  it('rewrite no table, which those who read meanwhile would find empty', async () => {
    const own = await createDatabase();
    await asOwner(
      own,
      raw(`create table rewritten (name text);
        create function note_rewrite() returns event_trigger language plpgsql as $$ begin
          insert into rewritten values (pg_event_trigger_table_rewrite_oid()::regclass::text); end $$;
        create event trigger note_rewrites on table_rewrite execute function note_rewrite()`),
    );
    await migrate({ url: own, migrations });

    // These were, by migrations that were released.
    const names = ['alert', 'webhook_endpoint', 'graphile_worker.jobs'];
    const rewritten = await asOwner(own, 'select name from rewritten');
    expect(rewritten).toEqual(names.map((name) => ({ name })));
  });

  it('run once when several gateways start together', async () => {
    await migrateDown({ url, migrations }, migrations.length);

    const ran = await Promise.all([1, 2, 3].map(() => migrate({ url, migrations })));

    expect(ran.flat()).toHaveLength(migrations.length);
  });

  it('give segments that are there already the kind of their resource', async () => {
    await migrateDown({ url, migrations }, migrations.length);
    await migrate({ url, migrations: [RecordUsage1767225600000] });
    await asOwner(
      url,
      `with a as (
         insert into account (name, time_zone, cycle_day, notification_emails, created_at, credits_from, creation)
         values ('a', 'UTC', 1, '{}', now(), now(), '{}') returning account_id),
       h as (
         insert into hardware_profile (name, kind, model, vcpus, gpus, memory_gb, created_at)
         values ('h', 'CPU', 'm', 1, 0, 1, now()) returning hardware_id),
       r as (
         insert into resource (account_id, resource_id, kind, external_id, name, created_at)
         select account_id, 1, 'GUARDRAIL', 'g', 'g', now() from a)
       insert into hosting_segment (account_id, segment_id, resource_id, hardware_id, replicas, rate_micro_per_hour, from_at)
       select account_id, 2, 1, hardware_id, 1, 1, now() from a cross join h`,
    );

    await migrate({ url, migrations });

    const kinds = await asOwner(url, 'select kind from hosting_segment');
    expect(kinds).toEqual([{ kind: 'GUARDRAIL' }]);
    await asOwner(url, 'truncate account, hardware_profile cascade');
  });

  it('tell the cycle of the entries of the ledger that are there already', async () => {
    const before = migrations.indexOf(CycleOfEntries1770140000000);
    await migrateDown({ url, migrations }, migrations.length - before);
    // Two accounts whose entries came in turns. A CARRY_OVER ends its cycle, and counts in it.
    await asOwner(
      url,
      `insert into ledger_entry (account_id, sequence, kind, amount_micro, balance_micro, booked_at, recorded_at, description)
       select account_id, sequence, kind::ledger_entry_kind, case when kind = 'CARRY_OVER' then 0 else 1 end, 1, now(), now(), 'x'
       from (values (1, 1, 'ALLOCATION'), (2, 1, 'CARRY_OVER'), (1, 2, 'USAGE'), (1, 3, 'CARRY_OVER'), (2, 2, 'ALLOCATION'),
         (1, 4, 'ALLOCATION'), (1, 5, 'USAGE'), (1, 6, 'EXPIRY'), (1, 7, 'CARRY_OVER'), (1, 8, 'CARRY_OVER'), (1, 9, 'USAGE'))
         v (account_id, sequence, kind)`,
    );

    await migrate({ url, migrations });

    const entries = await asOwner(
      url,
      `select account_id, array_agg(cycle_id order by sequence) as cycles from ledger_entry group by 1 order by 1`,
    );
    expect(entries).toEqual([
      { account_id: 1, cycles: [1, 1, 1, 2, 2, 2, 2, 3, 4] },
      { account_id: 2, cycles: [1, 2] },
    ]);
    await asOwner(url, 'truncate ledger_entry');
  });

  it('keep the identities of the events that are there already', async () => {
    const before = migrations.indexOf(FillIdentities1770224000000);
    await migrateDown({ url, migrations }, migrations.length - before);
    const record = (name: string, seq: number, eventId: string): Promise<unknown> =>
      asOwner(
        url,
        sql`with a as (update account set last_seq = ${seq} where name = ${name} returning account_id)
         insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro,
           occurred_at, recorded_at)
         select account_id, ${seq}::int8, 's', ${eventId}, 'PROCESSING', 'GUARDRAIL', 1, 2, 3, now(), now() from a`,
      );
    for (const name of ['early', 'late']) {
      await asOwner(
        url,
        sql`insert into account (name, time_zone, cycle_day, notification_emails, created_at, credits_from, creation,
           folded_name, settled_at, cycle_starts_at, cycle_ends_at, earlier_cycle_starts)
         values (${name}, 'UTC', 1, '{}', now(), now(), '{}', ${name}, now(), now(), now() + interval '1 month', '{}')`,
      );
    }
    await record('early', 1, 'before');
    await migrate({ url, migrations: migrations.slice(0, before + 1) });
    // Gateways go on recording while the identities are filled.
    await record('early', 2, 'meanwhile');
    await record('late', 7, 'ä');

    await migrate({ url, migrations });

    const identities = await asOwner(
      url,
      `select a.name, i.seq::int, i.hash from usage_identity i join account a using (account_id) order by 1, 2`,
    );
    expect(identities).toEqual([
      { name: 'early', seq: 1, hash: hashOf('s', 'before') },
      { name: 'early', seq: 2, hash: hashOf('s', 'meanwhile') },
      { name: 'late', seq: 7, hash: hashOf('s', 'ä') },
    ]);
    await asOwner(url, 'truncate account, usage_event, usage_identity cascade');
  });

  it('make exactly the columns that the row classes name', async () => {
    const source = new DataSource({ type: 'postgres', url, entities });
    await source.initialize();
    const named = source.entityMetadatas
      .flatMap((entity) =>
        entity.columns.map((column) => ({
          table: entity.tableName,
          column: column.databaseName,
          nullable: column.isNullable,
        })),
      )
      .map(({ table, column, nullable }) => `${table}.${column}${nullable ? ' null' : ''}`);
    await source.destroy();

    const made = (await asOwner(url, TABLES)).map(
      (row) =>
        `${String(row['table_name'])}.${String(row['column_name'])}${row['is_nullable'] === 'YES' ? ' null' : ''}`,
    );

    expect(named.sort()).toEqual(made.sort());
  });

  it("lead every key of an account's data with the account", async () => {
    const keys = await asOwner(
      url,
      `select i.indrelid::regclass::text as table_name, a.attname as first_column
       from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
       where i.indisunique and i.indrelid::regclass::text in (
         select table_name from information_schema.columns where table_schema = 'public' and column_name = 'account_id')`,
    );
    const others = keys
      .filter((key) => key['first_column'] !== 'account_id')
      .map((key) => `${String(key['table_name'])}.${String(key['first_column'])}`);

    // How an account is named from outside, and a key is found before it is known whose it is.
    expect(others.sort()).toEqual(['account_directory.external_id', 'api_key.secret_sha256']);
    expect(keys.length).toBeGreaterThan(10);
  });

  it.each([
    'delete from usage_event',
    'delete from usage_identity',
    'update usage_identity set seq = 0',
    'update usage_event set credits_micro = 0',
    'delete from account',
    'drop table usage_event',
    'create table mine (id int)',
  ])('give the gateway no right to %s', async (text) => {
    const database = await openDatabase({ url, poolSize: 1, entities });

    const refusals = await Promise.all(
      ([{ accountId: 1 }, 'operator'] as const).map((whose) =>
        database
          .inTransaction(whose, (tx) => tx.query(raw(text)))
          .catch((error: unknown) => sqlState(error)),
      ),
    );
    await database.close();

    expect(refusals).toEqual(['42501', '42501']);
  });
});
