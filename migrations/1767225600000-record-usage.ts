import type { MigrationInterface, QueryRunner } from 'typeorm';

// Everything that is recorded: accounts, the catalogue, resources, hosting, usage events and their rollups.
// `account_id` leads every key of an account's data, so that the tables can be distributed by account.
// Rows of an account are numbered within it: `local ids` come from account.last_local_id, `seq` from account.last_seq,
// both taken under the account's lock and therefore in commit order.

const ROLES = `
  do $$ begin
    create role billing_gateway nologin;
  exception when duplicate_object or unique_violation then null; end $$;
  do $$ begin
    create role billing_operator nologin;
  exception when duplicate_object or unique_violation then null; end $$;
`;

const TYPES = `
  create type resource_kind as enum
    ('WORKFLOW', 'MODEL', 'MODEL_DEPLOYMENT', 'GUARDRAIL', 'CUSTOM_SCRIPT', 'OCR_DEPLOYMENT', 'BROWSER_POD');
  create type resource_status as enum
    ('IN_DEVELOPMENT', 'DEPLOYING', 'DEPLOYED', 'UNDEPLOYED', 'FAILED', 'DELETED');
  create type usage_type as enum ('WORKFLOW_RUN', 'HOSTING', 'FINE_TUNING', 'STORAGE', 'PROCESSING');
  create type allocation_unit as enum ('CREDITS', 'WORKFLOW_RUNS');
  create type allocation_source as enum ('PLAN', 'TOP_UP', 'PROMOTION', 'ADJUSTMENT');
`;

const ACCOUNTS = `
  create table account (
    account_id int generated always as identity primary key,
    external_id text collate "C" unique,
    name text not null,
    time_zone text not null,
    cycle_day int not null check (cycle_day between 1 and 28),
    notification_emails text[] not null,
    created_at timestamptz(3) not null,
    credits_from timestamptz(3) not null,
    creation jsonb not null,
    last_local_id bigint not null default 0,
    last_seq bigint not null default 0,
    recorded_quantity bigint not null default 0,
    recorded_credits_micro bigint not null default 0
  ) with (fillfactor = 50);
  comment on column account.creation is 'What createAccount was called with: the same again is answered with this account.';
  comment on column account.recorded_quantity is 'Sum over all accepted events, voided ones too: keeps every sum within what the API can say.';

  create table api_key (
    account_id int not null,
    key_id int generated always as identity,
    name text not null,
    prefix text not null,
    secret_sha256 bytea not null unique,
    scopes text[] not null,
    created_at timestamptz(3) not null,
    expires_at timestamptz(3),
    last_used_at timestamptz(3),
    revoked_at timestamptz(3),
    primary key (account_id, key_id)
  );
  comment on column api_key.account_id is '0 for an operator, who may act on any account.';

  create table credit_allocation (
    account_id int not null references account,
    allocation_id bigint not null,
    unit allocation_unit not null,
    source allocation_source not null,
    amount_micro bigint not null check (amount_micro > 0),
    spent_micro bigint not null default 0,
    priority int not null,
    effective_at timestamptz(3) not null,
    expires_at timestamptz(3),
    voided_at timestamptz(3),
    void_reason text,
    note text,
    created_at timestamptz(3) not null,
    idempotency_key text collate "C" not null,
    request jsonb not null,
    primary key (account_id, allocation_id),
    unique (account_id, idempotency_key),
    check (unit = 'CREDITS' or amount_micro % 1000000 = 0),
    check (expires_at > effective_at)
  );
  comment on column credit_allocation.amount_micro is 'Millionths of the unit: micro-credits, or runs times 1,000,000.';
`;

const CATALOGUE = `
  create table hardware_profile (
    hardware_id int generated always as identity primary key,
    name text collate "C" not null unique,
    kind text not null check (kind in ('CPU', 'GPU')),
    model text not null,
    vcpus int not null check (vcpus >= 0),
    gpus int not null check (gpus >= 0),
    memory_gb float8 not null check (memory_gb > 0),
    created_at timestamptz(3) not null
  );
  create table hardware_rate (
    hardware_id int not null references hardware_profile,
    effective_from timestamptz(3) not null,
    rate_micro_per_hour bigint not null check (rate_micro_per_hour >= 0),
    primary key (hardware_id, effective_from)
  );
`;

const RESOURCES = `
  create table model (
    account_id int not null references account,
    model_id int not null,
    external_id text collate "C" not null,
    name text not null,
    type text not null check (type in ('BASE', 'FINE_TUNED')),
    created_at timestamptz(3) not null,
    last_event_at timestamptz(3),
    primary key (account_id, model_id),
    unique (account_id, external_id)
  ) with (fillfactor = 80);

  create table resource (
    account_id int not null references account,
    resource_id int not null,
    kind resource_kind not null check (kind <> 'MODEL'),
    external_id text collate "C" not null,
    name text not null,
    owner text,
    created_at timestamptz(3) not null,
    model_id int,
    language text,
    language_version text,
    ocr_model text,
    status resource_status not null default 'IN_DEVELOPMENT',
    endpoint_url text,
    failure_message text,
    requested_hardware_id int references hardware_profile (hardware_id),
    requested_replicas int,
    lifecycle_at timestamptz(3),
    deployed_at timestamptz(3),
    changed_at timestamptz(3),
    hosted_from timestamptz(3),
    hosted_to timestamptz(3),
    last_event_at timestamptz(3),
    primary key (account_id, resource_id),
    unique (account_id, kind, external_id),
    foreign key (account_id, model_id) references model (account_id, model_id),
    check ((kind = 'MODEL_DEPLOYMENT') = (model_id is not null)),
    check ((status = 'DEPLOYING') = (requested_hardware_id is not null))
  ) with (fillfactor = 80);
  create index resource_by_model on resource (account_id, model_id) where model_id is not null;
  comment on column resource.lifecycle_at is 'Instant of the last lifecycle call: none may be earlier.';
  comment on column resource.deployed_at is 'Last deployment by a lifecycle call.';
  comment on column resource.changed_at is 'Last deploy, scale or undeploy.';
  comment on column resource.hosted_from is 'Latest begin of the hosting periods that were recorded afterwards and not voided.';
  comment on column resource.hosted_to is 'Latest end of the same periods.';
  comment on column resource.last_event_at is 'Latest occurred_at of the folded, not voided events.';

  create table hosting_segment (
    account_id int not null references account,
    segment_id bigint not null,
    resource_id int not null,
    hardware_id int not null references hardware_profile,
    replicas int not null check (replicas > 0),
    rate_micro_per_hour bigint not null,
    from_at timestamptz(3) not null,
    to_at timestamptz(3),
    event_seq bigint,
    folded boolean not null default false,
    voided_at timestamptz(3),
    primary key (account_id, segment_id),
    foreign key (account_id, resource_id) references resource (account_id, resource_id),
    check (to_at > from_at),
    check (not folded or to_at is not null),
    constraint one_segment_at_a_time exclude using gist
      (account_id with =, resource_id with =, tstzrange(from_at, to_at) with &&) where (voided_at is null)
  );
  create index hosting_segment_unfolded on hosting_segment (account_id, from_at) where not folded and voided_at is null;
  create index hosting_segment_folded on hosting_segment (account_id, from_at) where folded and voided_at is null;
  create index hosting_segment_of_resource on hosting_segment (account_id, resource_id, from_at);
  create index hosting_segment_of_event on hosting_segment (account_id, event_seq) where event_seq is not null;
  comment on column hosting_segment.folded is 'Closed, at most a day long, and counted in the rollups: each segment is on exactly one side.';
`;

const USAGE = `
  create table usage_event (
    account_id int not null,
    seq bigint not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    type usage_type not null,
    kind resource_kind not null,
    subject_id int not null,
    quantity bigint not null check (quantity >= 0),
    credits_micro bigint not null check (credits_micro >= 0),
    occurred_at timestamptz(3) not null,
    recorded_at timestamptz(3) not null,
    ended_at timestamptz(3),
    hardware_id int,
    voided_at timestamptz(3),
    void_reason text,
    primary key (account_id, seq),
    check ((type = 'HOSTING') = (ended_at is not null)),
    check ((type = 'HOSTING') = (hardware_id is not null))
  );
  create unique index usage_event_identity on usage_event (account_id, source, event_id);
  create index usage_event_by_time on usage_event (account_id, occurred_at);
  comment on column usage_event.subject_id is 'The resource, or (kind MODEL) the model, that it belongs to.';
  comment on column usage_event.quantity is 'Runs, pages, tokens; replicas of a hosting period.';
  comment on column usage_event.ended_at is 'Of a hosting period (type HOSTING), which shares the space of identities.';

  create table rollup_state (
    account_id int primary key references account,
    watermark bigint not null default 0,
    time_zone text not null
  ) with (fillfactor = 50);
  comment on column rollup_state.watermark is 'Events up to this seq are in the rollups, later ones are not.';
  comment on column rollup_state.time_zone is 'Zone whose local days the day tiers hold; the account''s own, once they are rebuilt.';

  create table usage_by_account (
    account_id int not null,
    tier smallint not null,
    bucket int not null,
    kind resource_kind not null,
    type usage_type not null,
    hardware_id int not null,
    events bigint not null,
    quantity bigint not null,
    credits_micro bigint not null,
    hosting_ms bigint not null,
    replica_ms bigint not null,
    primary key (account_id, tier, bucket, kind, type, hardware_id)
  ) with (fillfactor = 80);
  create table usage_by_resource (
    account_id int not null,
    tier smallint not null,
    bucket int not null,
    subject_id int not null,
    type usage_type not null,
    hardware_id int not null,
    events bigint not null,
    quantity bigint not null,
    credits_micro bigint not null,
    hosting_ms bigint not null,
    replica_ms bigint not null,
    primary key (account_id, tier, bucket, subject_id, type, hardware_id)
  ) with (fillfactor = 80);
  create index usage_by_resource_panel on usage_by_resource (account_id, tier, subject_id, bucket);
  comment on column usage_by_resource.tier is
    '0: quarter hour (bucket = epoch ms / 900,000), 1: two hours, 2: local day (days since 1970-01-01), 3: 8 days, 4: 64 days.';
`;

const GRANTS = `
  grant usage on schema public to billing_gateway, billing_operator;
  grant select, insert, update on
    account, api_key, credit_allocation, hardware_profile, model, resource, hosting_segment, rollup_state,
    usage_by_account, usage_by_resource to billing_gateway, billing_operator;
  grant select, insert, update, delete on hardware_rate to billing_gateway, billing_operator;
  grant delete on usage_by_account, usage_by_resource to billing_gateway, billing_operator;
  grant select, insert, update (voided_at, void_reason) on usage_event to billing_gateway, billing_operator;
  grant usage on all sequences in schema public to billing_gateway, billing_operator;
`;

export class RecordUsage1767225600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('create extension if not exists btree_gist');
    await queryRunner.query(ROLES);
    for (const part of [TYPES, ACCOUNTS, CATALOGUE, RESOURCES, USAGE, GRANTS]) {
      await queryRunner.query(part);
    }
  }

  // The roles stay: they belong to the whole server, and other databases on it may use them.
  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop table usage_by_resource, usage_by_account, rollup_state, usage_event, hosting_segment, resource, model,
        hardware_rate, hardware_profile, credit_allocation, api_key, account;
      drop type allocation_source, allocation_unit, usage_type, resource_status, resource_kind;
    `);
  }
}
