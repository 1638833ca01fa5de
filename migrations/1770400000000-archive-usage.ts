import type { MigrationInterface, QueryRunner } from 'typeorm';

// What is known of events that were archived: enough to refuse whatever needs them, and to see that what comes back is what left. Only
// the owner archives: gateways read.

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

function protect(table: string): string {
  return `
    grant select on ${table} to billing_gateway, billing_operator;
    alter table ${table} enable row level security, force row level security;
    create policy of_account on ${table} to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
    create policy of_operators on ${table} to billing_operator using (true) with check (true);
    create policy of_owner on ${table} to current_user using (true) with check (true);
  `;
}

const TABLES = `
  create table usage_archive (
    account_id int not null,
    month date not null,
    first_seq bigint not null,
    last_seq bigint not null,
    events bigint not null,
    voided bigint not null,
    last_void_change bigint,
    first_used_at timestamptz(3),
    used_hours int4multirange not null,
    counted_events bigint not null,
    counted_quantity bigint not null,
    counted_credits_micro bigint not null,
    sha256 bytea not null,
    file text not null,
    file_offset bigint not null,
    file_bytes bigint not null,
    archived_at timestamptz(3) not null,
    primary key (account_id, month)
  );
  comment on table usage_archive is 'The months (UTC, by recorded_at) of accounts whose events are in a file, and not in usage_event.';
  comment on column usage_archive.events is 'All of the month, hosting periods and voided ones too: the rows of the account in the file.';
  comment on column usage_archive.last_void_change is 'The last change that voided one of them; null where none was, or before changes were numbered.';
  comment on column usage_archive.first_used_at is 'When the first of them happened that counts in the rollups.';
  comment on column usage_archive.used_hours is 'The hours since 1970 (UTC) in which they happened, but for hosting periods.';
  comment on column usage_archive.counted_events is 'What the rollups count of them: neither hosting periods nor voided ones.';
  comment on column usage_archive.sha256 is 'Of the lines of the account in the file, each with its line feed.';
  comment on column usage_archive.file_offset is 'Where in the file they are, as gzip of their own.';

  create table usage_archive_subject (
    account_id int not null,
    month date not null,
    subject_id int not null,
    last_used_at timestamptz(3),
    primary key (account_id, subject_id, month)
  );
  comment on table usage_archive_subject is 'The resources and models of archived events, but for hosting periods.';
  comment on column usage_archive_subject.last_used_at is 'When the last of its events happened that counts in the rollups; null: all were voided.';
`;

export class ArchiveUsage1770400000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLES);
    for (const table of ['usage_archive', 'usage_archive_subject']) {
      await queryRunner.query(protect(table));
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      do $$ begin
        if exists (select from usage_archive) then
          raise exception 'events are archived: bring them back first, with npm run archive -- --attach';
        end if;
      end $$;
      drop table usage_archive_subject, usage_archive;
    `);
  }
}
