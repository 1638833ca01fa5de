// Distributing the tables by account. What needs a coordinator with workers is left out elsewhere.

import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { GuardByPermissions1770400440000 } from '../../migrations/1770400440000-guard-by-permissions.ts';
import { migrations } from '../../ormconfig.ts';
import { withDump } from '../../src/db/dump.ts';
import { migrate, migrateAndDistribute } from '../../src/db/migrate.ts';
import { raw, sql } from '../../src/db/sql.ts';
import { asOwner, cloneTemplate, createDatabase, createDistributed } from '../support/databases.ts';
import { describeDistributed } from '../support/left-out.ts';

const ACCOUNTS = `insert into account (account_id, name, time_zone, cycle_day, notification_emails, created_at, credits_from, creation,
    settled_at, cycle_starts_at, cycle_ends_at, earlier_cycle_starts)
  select i, 'Account ' || i, 'UTC', 1, '{}', now(), now(), '{}', now(), now(), now() + interval '1 month', '{}' from generate_series(1, 20) i;
  insert into model (account_id, model_id, external_id, name, type, created_at)
  select account_id, 1, 'm', 'M', 'BASE', now() from account`;

class ChangeModels1990000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      -- Two changes; of one table.
      alter table model add weight int not null default 2;
      alter table model drop type;
      create table model_note (account_id int, note text default 'a;b', primary key (account_id));
      create function note_of(int) returns text language sql as $$ select 1; select 'a; b'; $$;
    `);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('not taken back'));
  }
}

/** Tables that have other policies on a worker than on the coordinator. */
async function withOtherPolicies(url: string): Promise<readonly unknown[]> {
  const policiesOf = (table: string): string =>
    `select json_agg(json_build_array(polname, polroles::regrole[], polpermissive, polcmd,
       pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) order by polname)::text
     from pg_policy where polrelid = ${table}`;
  const compared = await asOwner(
    url,
    sql`select p.logicalrelid::text as table, bool_or(there.result <> here.policies) as differ
     from pg_dist_partition p cross join lateral (${raw(policiesOf('p.logicalrelid'))}) here (policies)
       cross join lateral run_command_on_shards(p.logicalrelid, ${policiesOf(`'%s'::regclass`)}) there
     where here.policies is not null group by 1 order by 1`,
  );
  expect(compared.length).toBeGreaterThan(20);
  return compared.filter(({ differ }) => differ === true).map(({ table }) => table);
}

describe('distributing the tables', () => {
  it('is refused where there is no Citus, with what to do', async () => {
    const url = await createDatabase();

    await expect(migrateAndDistribute({ url, migrations })).rejects.toThrow(
      'The database has no Citus: run "create extension citus" in it, on the coordinator and on every worker.',
    );
  });
});

describeDistributed('distributed tables', () => {
  it('keep the rows that were there, and are made once', async () => {
    const url = await createDistributed();
    await migrate({ url, migrations });
    await asOwner(url, ACCOUNTS);

    const tables = await migrateAndDistribute({ url, migrations });
    const again = await migrateAndDistribute({ url, migrations });

    expect(tables).toEqual(expect.arrayContaining(['account', 'usage_event', 'hardware_rate']));
    expect(tables).not.toEqual(expect.arrayContaining(['account_directory']));
    expect(again).toEqual([]);
    const found = await asOwner(
      url,
      'select count(*)::int as rows, min(account_id) as first, max(account_id) as last from account join model using (account_id)',
    );
    expect(found).toEqual([{ rows: 20, first: 1, last: 20 }]);
  });

  it('have their row policies on the workers', async () => {
    const url = await createDistributed();
    await migrate({ url, migrations });
    await asOwner(url, ACCOUNTS);
    await migrateAndDistribute({ url, migrations });

    // One client: what it sets holds for its transaction.
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`begin; set local role billing_gateway; set local billing.account_id = '7'`);
    const own = await client.query('select account_id from model');
    const another =
      client.query(`insert into model (account_id, model_id, external_id, name, type, created_at)
      values (8, 2, 'x', 'X', 'BASE', now())`);

    expect(own.rows).toEqual([{ account_id: 7 }]);
    await expect(another).rejects.toMatchObject({ code: '42501' });
    await client.end();
  });

  it('have the policies of the coordinator on the workers, also those that were distributed before', async () => {
    const earlier = await createDistributed();
    const until = migrations.indexOf(GuardByPermissions1770400440000);
    await migrateAndDistribute({ url: earlier, migrations: migrations.slice(0, until) });

    expect(await withOtherPolicies(earlier)).toEqual(['audit_entry', 'email', 'webhook_delivery']);
    await migrate({ url: earlier, migrations });
    expect(await withOtherPolicies(earlier)).toEqual([]);
    expect(await withOtherPolicies(await cloneTemplate())).toEqual([]);
  });

  it('are changed by later migrations, of whatever statements', async () => {
    const url = await createDistributed();
    await migrate({ url, migrations });
    await asOwner(url, ACCOUNTS);
    await migrateAndDistribute({ url, migrations });

    await migrate({ url, migrations: [...migrations, ChangeModels1990000000000] });

    expect(
      await asOwner(
        url,
        'select account_id, name, weight, note_of(1) as note from model where account_id = 7',
      ),
    ).toEqual([{ account_id: 7, name: 'M', weight: 2, note: 'a; b' }]);
    expect(await asOwner(url, 'select count(*)::int as rows from model_note')).toEqual([
      { rows: 0 },
    ]);
    const where = await asOwner(
      url,
      `select logicalrelid::text as table from pg_dist_partition where logicalrelid = 'model_note'::regclass`,
    );
    expect(where).toEqual([{ table: 'model_note' }]);
  });

  it('have no backup but that of each server', async () => {
    const url = await cloneTemplate();

    await expect(withDump(url, () => Promise.resolve())).rejects.toThrow(
      'The tables are distributed by Citus: back up each of its servers with the tools of PostgreSQL.',
    );
  });
});
