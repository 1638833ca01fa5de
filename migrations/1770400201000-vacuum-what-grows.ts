import type { MigrationInterface, QueryRunner } from 'typeorm';

// Tables that only grow are vacuumed after so many new rows, not after a share of what is there: at 1e9 events a fifth would be 2e8
// rows at once. Their pages are frozen then, so that they are never written again, and a vacuum against wraparound passes them by.
// docs/scale.md, «Vacuum».

const GROWING = {
  autovacuum_vacuum_insert_scale_factor: '0',
  autovacuum_vacuum_insert_threshold: '1000000',
  autovacuum_freeze_min_age: '0',
};
const TABLES = ['usage_identity', 'ledger_entry', 'ledger_charge'];
const SETTINGS = Object.entries(GROWING)
  .map(([name, value]) => `${name} = ${value}`)
  .join(', ');
const NAMES = Object.keys(GROWING).join(', ');

/** The partitions of usage_event, which takes no settings itself. */
const ALL_MONTHS = (change: string): string => `
  do $$
    declare
      part regclass;
    begin
      for part in select inhrelid from pg_inherits where inhparent = 'usage_event'::regclass loop
        execute format('alter table %s ${change}', part);
      end loop;
    end
  $$;
`;

const MAKE_MONTH = (settings: string): string => `
  create or replace function make_usage_month(month timestamptz) returns void language plpgsql
    set search_path = public, pg_temp set timezone = 'UTC' as $$
    declare
      beyond constant timestamptz := month + interval '1 month';
      part constant text := 'usage_event_' || to_char(month, 'YYYY_MM');
    begin
      if exists (
        select from pg_inherits i join pg_class c on c.oid = i.inhrelid cross join lateral
          regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \\((?:'(.*)'|MINVALUE)\\) TO \\('(.*)'\\)$re$) bound
        where i.inhparent = 'usage_event'::regclass and bound is not null
          and coalesce(bound[1], '-infinity')::timestamptz < beyond and bound[2]::timestamptz > month)
      then
        return;
      end if;
      execute format('create table %I (like usage_event including constraints including comments, primary key (account_id, seq))${settings}', part);
      execute format(
        'with moved as (delete from usage_event_other where recorded_at >= %L and recorded_at < %L returning *)
         insert into %I select * from moved', month, beyond, part);
      execute format('alter table usage_event attach partition %I for values from (%L) to (%L)', part, month, beyond);
    end
  $$;
`;

export class VacuumWhatGrows1770400201000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES) await queryRunner.query(`alter table ${table} set (${SETTINGS})`);
    await queryRunner.query(ALL_MONTHS(`set (${SETTINGS})`));
    await queryRunner.query(MAKE_MONTH(` with (${SETTINGS})`));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(MAKE_MONTH(''));
    await queryRunner.query(ALL_MONTHS(`reset (${NAMES})`));
    for (const table of TABLES) await queryRunner.query(`alter table ${table} reset (${NAMES})`);
  }
}
