import type { MigrationInterface, QueryRunner } from 'typeorm';

// A statement for each billing cycle that has ended, earlier ones too: whichever account has one that was not issued yet is found by
// its number. What a statement says is signed, so nobody changes it, not even the owner of the tables.

const TABLES = `
  create table statement (
    account_id int not null,
    number int not null check (number > 0),
    document text not null,
    sha256 bytea not null check (length(sha256) = 32),
    key_id text not null,
    signature bytea not null check (length(signature) = 64),
    issued_at timestamptz(3) not null,
    previous_sha256 bytea check (length(previous_sha256) = 32),
    last_sequence bigint not null,
    last_hash bytea not null check (length(last_hash) = 32),
    primary key (account_id, number)
  );
  comment on table statement is 'The closed books of a billing cycle, signed; never changed.';
  comment on column statement.number is 'That of its cycle.';
  comment on column statement.document is 'In the canonical form of RFC 8785. What was hashed and signed is this text in UTF-8.';
  comment on column statement.last_sequence is 'The last entry of the cycle; last_hash is its hash.';

  create table statement_key (
    key_id text primary key,
    public_key text not null,
    sealed bytea not null,
    not_before timestamptz(3) not null unique
  );
  comment on table statement_key is 'Keys that sign statements, each until the next one begins.';
  comment on column statement_key.public_key is 'Ed25519: 32 bytes in base64url, as x of a JWK.';
  comment on column statement_key.sealed is 'The private key, sealed with WEBHOOK_SECRET_KEY.';

  alter table credit_state
    add column last_statement int not null default 0,
    add column last_statement_sha256 bytea check (length(last_statement_sha256) = 32),
    add check ((last_statement = 0) = (last_statement_sha256 is null));
  comment on column credit_state.last_statement is 'The number of the last statement that was issued; 0: none yet.';
  create index credit_state_without_statement on credit_state (account_id) where cycle_id > last_statement + 1;

  create function keep_statement() returns trigger language plpgsql as $$
    begin
      raise exception 'a statement is final: % is not allowed', lower(tg_op) using errcode = 'restrict_violation';
    end
  $$;
  create trigger statement_is_final before update or delete on statement
    for each row execute function keep_statement();
  create trigger statements_are_final before truncate on statement
    for each statement execute function keep_statement();

  grant select, insert on statement, statement_key to billing_gateway, billing_operator;
  grant update (sealed) on statement_key to billing_gateway, billing_operator;
`;

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

const PROTECT = `
  alter table statement enable row level security, force row level security;
  create policy of_account on statement to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
  create policy of_operators on statement to billing_operator using (true) with check (true);
  create policy of_owner on statement to current_user using (true) with check (true);
`;

export class IssueStatements1770223000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLES);
    await queryRunner.query(PROTECT);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop index credit_state_without_statement;
      alter table credit_state drop column last_statement, drop column last_statement_sha256;
      drop table statement, statement_key;
      drop function keep_statement();
    `);
  }
}
