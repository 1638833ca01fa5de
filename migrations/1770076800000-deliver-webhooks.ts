import type { MigrationInterface, QueryRunner } from 'typeorm';

// Where partners are told what happened, and each message that goes there with what became of it.

const TABLES = `
  create type webhook_event as enum
    ('ALERT_RAISED', 'DEPLOYMENT_STARTED', 'DEPLOYMENT_CHANGED', 'DEPLOYMENT_STOPPED', 'CYCLE_CLOSED');
  create type webhook_delivery_status as enum ('PENDING', 'DELIVERED', 'FAILED');

  create table webhook_endpoint (
    account_id int not null references account,
    endpoint_id int generated always as identity,
    url text not null,
    events webhook_event[] not null,
    enabled boolean not null default true,
    secret bytea,
    previous_secret bytea,
    previous_secret_ends_at timestamptz(3),
    created_at timestamptz(3) not null,
    disabled_at timestamptz(3),
    deleted_at timestamptz(3),
    paused_until timestamptz(3),
    primary key (account_id, endpoint_id),
    check ((secret is null) = (deleted_at is not null)),
    check ((previous_secret is null) = (previous_secret_ends_at is null)),
    check (enabled = (disabled_at is null))
  ) with (fillfactor = 80);
  comment on table webhook_endpoint is 'Its row is the lock of its deliveries'' jobs.';
  comment on column webhook_endpoint.secret is 'Sealed with WEBHOOK_SECRET_KEY; gone with the endpoint.';
  comment on column webhook_endpoint.previous_secret is 'Signs too, until it ends.';
  comment on column webhook_endpoint.paused_until is 'What the receiver asked for by Retry-After.';

  create table webhook_delivery (
    account_id int not null,
    delivery_id bigint generated always as identity,
    endpoint_id int not null,
    webhook_id text collate "C" not null,
    event webhook_event not null,
    payload text not null,
    status webhook_delivery_status not null default 'PENDING',
    attempts int not null default 0,
    next_attempt_at timestamptz(3),
    claimed_until timestamptz(3),
    last_response_code int,
    last_error text,
    created_at timestamptz(3) not null,
    delivered_at timestamptz(3),
    primary key (account_id, delivery_id),
    foreign key (account_id, endpoint_id) references webhook_endpoint (account_id, endpoint_id),
    check ((status = 'PENDING') = (next_attempt_at is not null)),
    check ((status = 'DELIVERED') = (delivered_at is not null))
  ) with (fillfactor = 70);
  create index webhook_delivery_of_endpoint on webhook_delivery (account_id, endpoint_id, delivery_id);
  create index webhook_delivery_pending on webhook_delivery (account_id, endpoint_id, next_attempt_at) where status = 'PENDING';
  comment on column webhook_delivery.webhook_id is 'Names the message, over all its attempts.';
  comment on column webhook_delivery.claimed_until is
    'A gateway is sending it; when that gateway dies, another may from this instant on. Also tells whose result still counts.';

  grant select, insert, update on webhook_endpoint, webhook_delivery to billing_gateway, billing_operator;
`;

export class DeliverWebhooks1770076800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLES);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop table webhook_delivery, webhook_endpoint;
      drop type webhook_delivery_status, webhook_event;
    `);
  }
}
