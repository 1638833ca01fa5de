import type { MigrationInterface, QueryRunner } from 'typeorm';

// Who changed what: one row for each call that changed something. The gateway may add rows and read them, nothing else.

const TABLE = `
  create table audit_entry (
    account_id int not null,
    entry_id bigint generated always as identity,
    at timestamptz(3) not null,
    actor text not null,
    is_operator boolean not null,
    action text not null,
    target text not null,
    summary text not null,
    changes jsonb not null,
    request_id text,
    address text,
    primary key (account_id, entry_id)
  );
  comment on column audit_entry.account_id is '0 for what belongs to no account: hardware, rates, the keys of operators.';
  comment on column audit_entry.is_operator is 'Whether the actor belongs to no account: its address is not shown to accounts.';
  create index audit_entry_of_account on audit_entry (account_id, at, entry_id);
  create index audit_entry_at on audit_entry (at, entry_id);
  create index audit_entry_of_actor on audit_entry (actor, at, entry_id);
  create index audit_entry_of_action on audit_entry (action, at, entry_id);
  create index audit_entry_of_target on audit_entry (target, at, entry_id);

  grant select, insert on audit_entry to billing_gateway, billing_operator;
`;

export class RecordChanges1770200000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLE);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table audit_entry');
  }
}
