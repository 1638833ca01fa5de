import type { MigrationInterface, QueryRunner } from 'typeorm';

// What exports came to: whoever read one compares what arrived with it. Running ones are counted, over all gateways.

const TABLE = `
  create table export_run (
    account_id int not null references account,
    run_id uuid not null,
    name text not null,
    format text not null,
    state text not null check (state in ('RUNNING', 'COMPLETE', 'ABORTED', 'FAILED')),
    from_at timestamptz(3) not null,
    to_at timestamptz(3) not null,
    rows bigint not null default 0,
    bytes bigint not null default 0,
    credits_micro numeric,
    sha256 text,
    started_at timestamptz(3) not null default now(),
    seen_at timestamptz(3) not null default now(),
    ended_at timestamptz(3),
    primary key (account_id, run_id),
    check ((state = 'RUNNING') = (ended_at is null))
  ) with (fillfactor = 70);
  create index export_run_by_id on export_run (run_id);
  create index export_run_by_time on export_run (account_id, started_at);
  comment on column export_run.seen_at is 'When its gateway last wrote of it, while it runs. A gateway that has died writes no more.';
  grant select, insert, update, delete on export_run to billing_gateway, billing_operator;
`;

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

const PROTECT = `
  alter table export_run enable row level security, force row level security;
  create policy of_account on export_run to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
  create policy of_operators on export_run to billing_operator using (true) with check (true);
  create policy of_owner on export_run to current_user using (true) with check (true);
`;

export class RecordExports1770221300000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLE);
    await queryRunner.query(PROTECT);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table export_run');
  }
}
