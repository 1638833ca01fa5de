import type { MigrationInterface, QueryRunner } from 'typeorm';

// Events are kept in partitions by the month (UTC) in which they were recorded, so that old months can be archived. What is there
// already becomes one partition, without being copied. Gateways have no right on the partitions themselves.

const POLICIES = (table: string): string => `
  alter table ${table} enable row level security, force row level security;
  create policy of_account on ${table} to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
  create policy of_operators on ${table} to billing_operator using (true) with check (true);
  create policy of_owner on ${table} to current_user using (true) with check (true);
`;
const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

const RIGHTS = `
  grant select, insert, update (voided_at, void_reason, void_change) on usage_event to billing_gateway, billing_operator;
  create trigger keep_voided before update of voided_at on usage_event for each row
    when (old.voided_at is not null and new.voided_at is distinct from old.voided_at) execute function keep_voided();
  ${POLICIES('usage_event')}
`;

const INDEXES = `
  create index usage_event_by_time on usage_event (account_id, occurred_at);
  create index usage_event_voided on usage_event (account_id, void_change) where void_change is not null;
`;

// The policies, the trigger and the rights are those of the table that comes in its place.
const PUT_ASIDE = `
  lock table usage_event in access exclusive mode;
  alter table usage_event rename to usage_event_earlier;
  alter index usage_event_pkey rename to usage_event_earlier_pkey;
  alter index usage_event_by_time rename to usage_event_earlier_by_time;
  alter index usage_event_voided rename to usage_event_earlier_voided;
  drop trigger keep_voided on usage_event_earlier;
  drop policy of_owner on usage_event_earlier;
  drop policy of_operators on usage_event_earlier;
  drop policy of_account on usage_event_earlier;
  alter table usage_event_earlier no force row level security, disable row level security;
  revoke all on usage_event_earlier from billing_gateway, billing_operator;
`;

// The columns are in an order without gaps. The key is one of each partition: if it were that of the whole, it would have to
// hold recorded_at too. An account's lock is what keeps seq unique.
const PARTITIONED = `
  create table usage_event (
    account_id int not null,
    type usage_type not null,
    seq bigint not null,
    kind resource_kind not null,
    subject_id int not null,
    quantity bigint not null,
    credits_micro bigint not null,
    occurred_at timestamptz(3) not null,
    recorded_at timestamptz(3) not null,
    ended_at timestamptz(3),
    voided_at timestamptz(3),
    void_change bigint,
    hardware_id int,
    source text collate "C" not null,
    event_id text collate "C" not null,
    unit text collate "C",
    void_reason text,
    constraint usage_event_quantity_check check (quantity >= 0),
    constraint usage_event_credits_micro_check check (credits_micro >= 0),
    constraint usage_event_check check ((type = 'HOSTING') = (ended_at is not null)),
    constraint usage_event_check1 check ((type = 'HOSTING') = (hardware_id is not null)),
    constraint usage_event_ahead_check check (recorded_at >= occurred_at - interval '24 hours')
  ) partition by range (recorded_at);
  comment on column usage_event.subject_id is 'The resource, or (kind MODEL) the model, that it belongs to.';
  comment on column usage_event.quantity is 'Runs, pages, tokens; replicas of a hosting period.';
  comment on column usage_event.ended_at is 'Of a hosting period (type HOSTING), which shares the space of identities.';
  comment on column usage_event.unit is 'What quantity counts, such as pages; null: nothing was said.';
  comment on column usage_event.void_change is
    'The change by which it was voided; null for one that was voided before changes were numbered.';
  comment on constraint usage_event_ahead_check on usage_event is
    'No gateway takes events further ahead. So reads by occurred_at know which months they need not look at.';
  ${INDEXES}
  ${RIGHTS}
  create table usage_event_other partition of usage_event (primary key (account_id, seq)) default;
  comment on table usage_event_other is 'Of later months than have a partition, which clocks of test accounts reach.';
`;

const MONTHS = `
  create function make_usage_month(month timestamptz) returns void language plpgsql
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
      execute format('create table %I (like usage_event including constraints including comments, primary key (account_id, seq))', part);
      execute format(
        'with moved as (delete from usage_event_other where recorded_at >= %L and recorded_at < %L returning *)
         insert into %I select * from moved', month, beyond, part);
      execute format('alter table usage_event attach partition %I for values from (%L) to (%L)', part, month, beyond);
    end
  $$;
  comment on function make_usage_month is 'Makes the partition of a month, unless one covers it.';

  create function make_usage_months() returns void language plpgsql security definer
    set search_path = public, pg_temp set timezone = 'UTC' as $$
    begin
      perform pg_advisory_xact_lock(7238104412);
      perform make_usage_month(date_trunc('month', now()) + ahead * interval '1 month') from generate_series(0, 3) ahead;
    end
  $$;
  comment on function make_usage_months is 'Makes the partitions of this month and the next three. Gateways may call it.';

  revoke all on function make_usage_month(timestamptz), make_usage_months() from public;
  grant execute on function make_usage_months() to billing_operator;
`;

const COLUMNS = `account_id, type, seq, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at, ended_at, voided_at,
  void_change, hardware_id, source, event_id, unit, void_reason`;

// Only clocks of test accounts are ahead of the month. The table is scanned while it is locked, but not copied.
const ATTACH = `
  do $$
    declare
      beyond timestamptz := date_trunc('month', now()) + interval '1 month';
    begin
      if exists (select from usage_event_earlier) then
        with moved as (
          delete from usage_event_earlier where recorded_at >= beyond and account_id in (select account_id from account where is_test)
          returning *)
        insert into usage_event (${COLUMNS}) select ${COLUMNS} from moved;
        alter table usage_event_earlier
          add constraint usage_event_ahead_check check (recorded_at >= occurred_at - interval '24 hours');
      else
        drop table usage_event_earlier;
        create table usage_event_earlier (like usage_event including constraints including comments, primary key (account_id, seq));
        beyond := date_trunc('month', now());
      end if;
      execute format('alter table usage_event attach partition usage_event_earlier for values from (minvalue) to (%L)', beyond);
    end
  $$;
  comment on table usage_event_earlier is 'Of all months before the first partition of a month.';
  select make_usage_months();
`;

export class PartitionEvents1770240000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`set local timezone = 'UTC'`);
    for (const part of [PUT_ASIDE, PARTITIONED, MONTHS, ATTACH]) await queryRunner.query(part);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table usage_event_whole (like usage_event including constraints including comments, primary key (account_id, seq));
      insert into usage_event_whole select * from usage_event;
      drop function make_usage_months(), make_usage_month(timestamptz);
      drop table usage_event;
      alter table usage_event_whole rename to usage_event;
      alter index usage_event_whole_pkey rename to usage_event_pkey;
      alter table usage_event drop constraint usage_event_ahead_check;
      ${INDEXES}
      ${RIGHTS}
    `);
  }
}
