import type { MigrationInterface, QueryRunner } from 'typeorm';

// Sums by resource have one tier under the day, hours, in a narrow table of its own in place of quarter hours and two hours in
// usage_by_resource. The gateway sums the hours of each account up from the quarter hours in the background
// (rollups/hours.store.ts). Until that is done, the account's views read the quarter hours.

// Rows of the present change with each fold, all others never again. By default a table of 1e7 rows would be vacuumed after two million
// changes, and dead versions would pile up in the pages that views read most; and statistics would lack the last days. An hour that has
// passed changes no more, so its pages keep less room for new versions (fillfactor) than those of days.
const TABLES = ['usage_by_account', 'usage_by_resource', 'usage_by_resource_hour'];
const AUTOVACUUM = 'autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02';

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

export class HoursOfResources1770230100000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table usage_by_resource_hour (
        account_id int not null,
        hour int not null,
        subject_id int not null,
        type usage_type not null,
        events int not null,
        quantity bigint not null,
        credits_micro bigint not null,
        primary key (account_id, hour, subject_id, type)
      ) with (fillfactor = 90);
      ${TABLES.map((table) => `alter table ${table} set (${AUTOVACUUM});`).join('\n')}
      comment on table usage_by_resource_hour is 'The events of a resource or model within an hour.';
      comment on column usage_by_resource_hour.hour is
        'Hours since 1970-01-01 that begin as many quarter hours past the full hour (UTC) as days of the account''s zone do.';
      comment on column usage_by_resource.tier is '2: local day (days since 1970-01-01), 3: 8 days, 4: 64 days.';

      alter table usage_by_resource_hour enable row level security, force row level security;
      create policy of_account on usage_by_resource_hour to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
      create policy of_operators on usage_by_resource_hour to billing_operator using (true) with check (true);
      create policy of_owner on usage_by_resource_hour to current_user using (true) with check (true);
      grant select, insert, update, delete on usage_by_resource_hour to billing_gateway, billing_operator;

      alter table rollup_state add column quarters_from int;
      comment on column rollup_state.quarters_from is
        'Quarter hours (tiers 0 and 1 of usage_by_resource) from this one on are not in usage_by_resource_hour yet; 2147483647: all are, and are to be deleted; null: there are none.';
      update rollup_state set quarters_from = -2147483648 where watermark > 0;
    `);
  }

  // Hours do not divide into quarter hours. So everything is folded again, by the gateway of the earlier version.
  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      update rollup_state set watermark = 0;
      update hosting_segment set folded = false where folded and voided_at is null;
      truncate usage_by_account, usage_by_resource;
      alter table usage_by_account reset (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
      alter table usage_by_resource reset (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
      alter table rollup_state drop column quarters_from;
      drop table usage_by_resource_hour;
      comment on column usage_by_resource.tier is
        '0: quarter hour (bucket = epoch ms / 900,000), 1: two hours, 2: local day (days since 1970-01-01), 3: 8 days, 4: 64 days.';
    `);
  }
}
