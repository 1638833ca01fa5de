import type { MigrationInterface, QueryRunner } from 'typeorm';

// The sums of events by their unit are a table of their own, with marks of their own. So gateways of the previous release, which
// know neither, leave nothing of it wrong: what they record, void or move to another zone is folded by those that do.

const TABLES = `
  create table usage_by_unit (
    account_id int not null,
    tier smallint not null,
    bucket int not null,
    subject_id int not null,
    type usage_type not null,
    unit text collate "C" not null,
    events bigint not null,
    quantity bigint not null,
    credits_micro bigint not null,
    primary key (account_id, tier, bucket, subject_id, type, unit)
  ) with (fillfactor = 80);
  comment on table usage_by_unit is 'Of the events in usage_by_resource those that have a unit, by unit.';

  create table unit_rollup_state (
    account_id int primary key references account,
    watermark bigint not null,
    change bigint not null,
    time_zone text not null
  ) with (fillfactor = 50);
  comment on table unit_rollup_state is 'Of an account that has events with a unit: what of them usage_by_unit counts.';
  comment on column unit_rollup_state.watermark is 'Events up to this seq.';
  comment on column unit_rollup_state.change is 'Without those that were voided by changes up to this one.';
  comment on column unit_rollup_state.time_zone is 'Zone whose local days the day tiers hold.';

  grant select, insert, update, delete on usage_by_unit to billing_gateway, billing_operator;
  grant select, insert, update on unit_rollup_state to billing_gateway, billing_operator;
`;

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

function protect(table: string): string {
  return `
    alter table ${table} enable row level security, force row level security;
    create policy of_account on ${table} to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
    create policy of_operators on ${table} to billing_operator using (true) with check (true);
    create policy of_owner on ${table} to current_user using (true) with check (true);
  `;
}

export class SumByUnit1770221100000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLES);
    for (const table of ['usage_by_unit', 'unit_rollup_state']) {
      await queryRunner.query(protect(table));
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table usage_by_unit, unit_rollup_state');
  }
}
