import type { MigrationInterface, QueryRunner } from 'typeorm';

// What a list shows as it was when its first page was computed. account.last_change numbers voids, and changes of resources
// and models, in commit order: so a later page knows which of them came after the first.

const UP = `
  alter table account add column last_change bigint not null default 0;
  comment on column account.last_change is 'Numbers voids, and changes of resources and models, in commit order.';

  alter table usage_event add column void_change bigint;
  comment on column usage_event.void_change is 'The change by which it was voided; null for one that was voided before changes were numbered.';
  create index usage_event_voided on usage_event (account_id, void_change) where void_change is not null;

  create table former_row (
    account_id int not null references account,
    change bigint not null,
    local_id int not null,
    former jsonb not null,
    kept_at timestamptz(3) not null default now(),
    primary key (account_id, change, local_id)
  );
  comment on table former_row is 'A resource or model as it was until a change. Kept for a day, for pages of lists.';

  grant select, insert, delete on former_row to billing_gateway, billing_operator;
  grant update (void_change) on usage_event to billing_gateway, billing_operator;
`;

export class PageOneView1770130000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop table former_row;
      drop index usage_event_voided;
      alter table usage_event drop column void_change;
      alter table account drop column last_change;
    `);
  }
}
