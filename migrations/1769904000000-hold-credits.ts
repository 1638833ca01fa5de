import type { MigrationInterface, QueryRunner } from 'typeorm';

// Credits become a balance: lots, cycles, a ledger, what is watched, and the alerts. Accounts that were there before begin
// their credits now: what they used earlier is history, and what they were given and is still in effect becomes their first
// lots.

const ACCOUNTS = `
  alter table account add column is_test boolean not null default false;
  alter table account add column settled_at timestamptz(3);
  update account set credits_from = greatest(credits_from, date_trunc('milliseconds', now())) + interval '1 ms';
  update account set settled_at = credits_from;
  alter table account alter column settled_at set not null;
  alter table account add column cycle_starts_at timestamptz(3), add column cycle_ends_at timestamptz(3),
    add column earlier_cycle_starts timestamptz(3)[];
  update account a set cycle_starts_at = first_day at time zone a.time_zone,
      cycle_ends_at = (first_day + interval '1 month') at time zone a.time_zone,
      earlier_cycle_starts = array[(first_day - interval '1 month') at time zone a.time_zone,
        (first_day - interval '2 months') at time zone a.time_zone]
    from (select account_id, date_trunc('month', (credits_from at time zone time_zone) - shift) + shift as first_day
          from (select *, make_interval(days => cycle_day - 1) as shift from account) s) b
    where b.account_id = a.account_id;
  alter table account alter column cycle_starts_at set not null, alter column cycle_ends_at set not null,
    alter column earlier_cycle_starts set not null;
  comment on column account.earlier_cycle_starts is 'Begins of the two cycles before the running one, the later one first.';
  comment on column account.settled_at is
    'The account''s position: everything due up to it has happened. A test account''s now; another''s never goes back behind it.';

  create table credit_state (
    account_id int primary key references account,
    low_credit_micro bigint not null check (low_credit_micro >= 0),
    negative_limit_micro bigint not null check (negative_limit_micro <= 0),
    fine_tuning_minimum_micro bigint not null,
    debt_micro bigint not null default 0 check (debt_micro >= 0),
    runs_debt_micro bigint not null default 0 check (runs_debt_micro >= 0),
    has_credits boolean not null default false,
    has_runs boolean not null default false,
    balance_micro bigint not null default 0,
    cycle_id int not null,
    last_ledger_sequence bigint not null default 0,
    last_alert_sequence bigint not null default 0,
    next_due_at timestamptz(3)
  ) with (fillfactor = 50);
  create index credit_state_due on credit_state (next_due_at) where next_due_at is not null;
  comment on column credit_state.has_credits is 'Whether a first lot of credits has taken effect.';
  comment on column credit_state.balance_micro is 'Sum of the ledger: what is left in lots less the debt, running hosting not taken off.';
  comment on column credit_state.next_due_at is 'When the account has to be settled next; null for a test account, which is moved by hand.';

  create table billing_cycle (
    account_id int not null references account,
    cycle_id int not null,
    starts_at timestamptz(3) not null,
    ends_at timestamptz(3) not null check (ends_at > starts_at),
    carried_over_micro bigint not null default 0,
    allocated_micro bigint not null default 0,
    used_micro bigint not null default 0,
    expired_micro bigint not null default 0,
    adjusted_micro bigint not null default 0,
    runs_carried_over_micro bigint not null default 0,
    runs_allocated_micro bigint not null default 0,
    runs_used_micro bigint not null default 0,
    runs_expired_micro bigint not null default 0,
    runs_adjusted_micro bigint not null default 0,
    primary key (account_id, cycle_id)
  ) with (fillfactor = 50);
  comment on table billing_cycle is 'The last row of an account is its running cycle.';
`;

const LOTS = `
  create type lot_state as enum ('PENDING', 'SPENDABLE', 'EXPIRED', 'VOIDED');
  create table credit_request (
    account_id int not null references account,
    idempotency_key text collate "C" not null,
    body jsonb not null,
    allocation_id bigint,
    ledger_sequence bigint,
    primary key (account_id, idempotency_key)
  );
  comment on table credit_request is 'Calls of allocate and adjustCredits: the same key with the same body is answered with the first result.';
  insert into credit_request (account_id, idempotency_key, body, allocation_id)
    select account_id, idempotency_key, request || '{"everyCycle": false, "operation": "allocate"}', allocation_id
    from credit_allocation;

  alter table credit_allocation drop column idempotency_key, drop column request;
  alter table credit_allocation add column state lot_state;
  alter table credit_allocation add column grant_at timestamptz(3);
  alter table credit_allocation add column series_id bigint;
  alter table credit_allocation add column is_adjustment boolean not null default false;
  alter table credit_allocation add column is_return boolean not null default false;
  update credit_allocation c set grant_at = greatest(c.effective_at, a.credits_from + interval '1 ms'),
    state = case when c.voided_at is not null then 'VOIDED'::lot_state
      when c.expires_at <= a.credits_from + interval '1 ms' then 'EXPIRED' else 'PENDING' end
    from account a where a.account_id = c.account_id;
  alter table credit_allocation alter column state set not null, alter column grant_at set not null;
  alter table credit_allocation add constraint spent_within_amount check (spent_micro between 0 and amount_micro);
  create index credit_allocation_live on credit_allocation (account_id) where state in ('PENDING', 'SPENDABLE');
  comment on column credit_allocation.grant_at is 'When it is booked: effective_at, or the now of the call where that is later.';
  comment on column credit_allocation.series_id is 'Of a row of grants, one for each cycle: the first one''s id.';
  comment on column credit_allocation.is_adjustment is 'Made by an adjustment or a reversal, not by an allocation.';
  comment on column credit_allocation.is_return is 'The rest of a reversal that found no lot to go back to; no view counts it as allocated.';
`;

const LEDGER = `
  create type ledger_entry_kind as enum
    ('ALLOCATION', 'USAGE', 'EXPIRY', 'VOID', 'CARRY_OVER', 'ADJUSTMENT', 'REVERSAL');
  create table ledger_entry (
    account_id int not null,
    sequence bigint not null,
    kind ledger_entry_kind not null,
    amount_micro bigint not null,
    balance_micro bigint not null,
    booked_at timestamptz(3) not null,
    recorded_at timestamptz(3) not null,
    allocation_id bigint,
    first_seq bigint,
    last_seq bigint,
    description text not null,
    primary key (account_id, sequence),
    check (amount_micro <> 0 or kind = 'CARRY_OVER')
  );
  create index ledger_entry_by_time on ledger_entry (account_id, booked_at, sequence);
  create index ledger_entry_reversal on ledger_entry (account_id, first_seq) where kind = 'REVERSAL' and first_seq is not null;
  comment on column ledger_entry.first_seq is 'The usage events that it charged or gave back: seq from first_seq to last_seq.';

  create table ledger_charge (
    account_id int not null,
    sequence bigint not null,
    segment_id bigint not null,
    charged_micro bigint not null,
    primary key (account_id, sequence, segment_id)
  );
  comment on table ledger_charge is 'What an entry charged (negative: gave back) for running hosting, by segment.';

  alter table hosting_segment add column posted_micro bigint;
  create index hosting_segment_running on hosting_segment (account_id) where to_at is null and voided_at is null;
  comment on column hosting_segment.posted_micro is
    'What the segment had cost at its last posting to the ledger; null while nothing was posted, and for recorded periods, which their event charges.';

  alter table hardware_rate add column set_at timestamptz(3) not null default '1970-01-01T00:00:00Z';
  alter table hardware_rate alter column set_at drop default;
  comment on column hardware_rate.set_at is 'Since when it is known: what was decided before did not foresee it.';

  alter table resource add column stopped_at timestamptz(3);
  create index resource_requested on resource (account_id) where status = 'DEPLOYING';
  comment on column resource.stopped_at is 'When the negative limit stopped it, until it is deployed again.';
`;

const WATCHES = `
  create type watch_measure as enum ('CREDITS_REMAINING', 'CREDITS_USED_PERCENT', 'RUNS_USED_PERCENT', 'HOURS_TO_STOP',
    'LOW_CREDIT', 'ZERO', 'NEGATIVE_LIMIT');
  create table watch (
    account_id int not null references account,
    watch_id bigint not null,
    measure watch_measure not null,
    value_micro bigint not null,
    label text,
    is_reached boolean not null default false,
    open_alert bigint,
    last_fired_at timestamptz(3),
    created_at timestamptz(3) not null,
    deleted_at timestamptz(3),
    primary key (account_id, watch_id)
  ) with (fillfactor = 50);
  comment on table watch is 'The thresholds of an account and its three limits, whose levels are the policy''s.';

  create type alert_kind as enum ('CREDIT_THRESHOLD', 'RUN_THRESHOLD', 'LOW_CREDITS', 'CREDITS_EXHAUSTED',
    'NEGATIVE_LIMIT_REACHED', 'STOP_EXPECTED', 'RESOLVED');
  create table alert (
    account_id int not null references account,
    sequence bigint not null,
    kind alert_kind not null,
    watch_id bigint not null,
    crossed_at timestamptz(3) not null,
    raised_at timestamptz(3) not null,
    remaining_micro bigint not null,
    percent_used float8,
    runs_remaining bigint,
    measured_micro bigint,
    message text not null,
    stopped_resource_ids int[] not null,
    resolves bigint,
    primary key (account_id, sequence)
  );
  comment on column alert.sequence is '1, 2, 3 … within the account, without gaps.';
`;

// Every account gets its cycle, its limits and the thresholds that a new account has.
const EXISTING_ACCOUNTS = `
  insert into credit_state (account_id, low_credit_micro, negative_limit_micro, fine_tuning_minimum_micro, cycle_id, next_due_at)
    select account_id, 0, 0, 0, 1, credits_from + interval '1 ms' from account;
  insert into billing_cycle (account_id, cycle_id, starts_at, ends_at)
    select account_id, 1, cycle_starts_at, cycle_ends_at from account;
  with rules (position, measure, value_micro) as (values
    (1, 'LOW_CREDIT', 0), (2, 'ZERO', 0), (3, 'NEGATIVE_LIMIT', 0), (4, 'HOURS_TO_STOP', 24000000),
    (5, 'CREDITS_USED_PERCENT', 50000000), (6, 'CREDITS_USED_PERCENT', 70000000),
    (7, 'CREDITS_USED_PERCENT', 80000000), (8, 'CREDITS_USED_PERCENT', 90000000),
    (9, 'RUNS_USED_PERCENT', 50000000), (10, 'RUNS_USED_PERCENT', 70000000),
    (11, 'RUNS_USED_PERCENT', 80000000), (12, 'RUNS_USED_PERCENT', 90000000))
  insert into watch (account_id, watch_id, measure, value_micro, created_at)
    select account_id, last_local_id + position, measure::watch_measure, value_micro, credits_from from account, rules;
  update account set last_local_id = last_local_id + 12, creation = creation || '{"testClock": null, "policy":
    {"lowCredit": "0", "negativeLimit": "0", "fineTuningMinimum": "0"},
    "usageThresholds": ["50", "70", "80", "90"], "hoursToStop": ["24"]}';
`;

// What the ledger says is never changed or taken away: not even the gateway may.
const GRANTS = `
  grant select, insert, update on credit_state, billing_cycle, watch to billing_gateway, billing_operator;
  grant select, insert on ledger_entry, ledger_charge, alert, credit_request to billing_gateway, billing_operator;
`;

export class HoldCredits1769904000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const part of [ACCOUNTS, LOTS, LEDGER, WATCHES, EXISTING_ACCOUNTS, GRANTS]) {
      await queryRunner.query(part);
    }
  }

  // Grants of rows and lots that came about without a call were never called for: they get keys of their own.
  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop table alert, watch, ledger_charge, ledger_entry, billing_cycle, credit_state;
      drop type alert_kind, watch_measure, ledger_entry_kind;
      drop index resource_requested, hosting_segment_running, credit_allocation_live;
      alter table resource drop column stopped_at;
      alter table hardware_rate drop column set_at;
      alter table hosting_segment drop column posted_micro;
      alter table credit_allocation drop constraint spent_within_amount,
        drop column state, drop column grant_at, drop column series_id, drop column is_adjustment, drop column is_return,
        add column idempotency_key text collate "C", add column request jsonb;
      update credit_allocation c set idempotency_key = coalesce(r.idempotency_key, 'lot ' || c.allocation_id),
          request = coalesce(r.body - 'everyCycle' - 'operation', '{}')
        from credit_allocation o left join credit_request r
          on r.account_id = o.account_id and r.allocation_id = o.allocation_id
        where o.account_id = c.account_id and o.allocation_id = c.allocation_id;
      alter table credit_allocation alter column idempotency_key set not null, alter column request set not null,
        add unique (account_id, idempotency_key);
      drop table credit_request;
      drop type lot_state;
      update account set creation = creation - '{testClock,policy,usageThresholds,hoursToStop}'::text[];
      alter table account drop column settled_at, drop column is_test, drop column cycle_starts_at,
        drop column cycle_ends_at, drop column earlier_cycle_starts;
    `);
  }
}
