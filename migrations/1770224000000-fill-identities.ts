import type { MigrationInterface, QueryRunner } from 'typeorm';

// Identities become a table of their own, by hash, so that events can be kept in partitions and archived while their identities
// stay. This migration fills it without a lock: recording goes on. What is recorded meanwhile follows in the next one, which
// knows it by its seq.

// Texts hold no NUL, so no two identities are the same bytes.
const FUNCTIONS = `
  create function usage_identity_hash(source text, event_id text) returns uuid language sql stable parallel safe
    return encode(substring(sha256(
      convert_to(source, 'UTF8') || '\\x00'::bytea || convert_to(event_id, 'UTF8')) for 16), 'hex')::uuid;
  comment on function usage_identity_hash is 'The first half of the SHA-256 of both texts in UTF-8, with a NUL between them.';

  create function usage_content_hash(type usage_type, kind resource_kind, subject_id int, quantity bigint, unit text,
      credits_micro bigint, occurred_ms bigint, ended_ms bigint, hardware_id int)
    returns int language sql stable parallel safe
    return hashint8(hashtextextended(type::text, hashtextextended(kind::text, hashint8extended(subject_id,
      hashint8extended(quantity, hashtextextended(coalesce(unit, '') collate "C", hashint8extended(credits_micro,
      hashint8extended(occurred_ms, hashint8extended(coalesce(ended_ms, 0), coalesce(hardware_id, 0))))))))));
  comment on function usage_content_hash is 'Of what tells the same event sent again from another one under its identity.';
`;

const TABLE = `
  create table usage_identity (
    account_id int not null,
    content_hash int not null,
    seq bigint not null,
    hash uuid not null
  );
  comment on table usage_identity is 'The identities that are taken, for ever: those of archived events too.';
  comment on column usage_identity.hash is 'usage_identity_hash of the event with this seq.';
  comment on column usage_identity.content_hash is
    'usage_content_hash of the event: all that is left of its content once it is archived. It fits where a row has a gap anyway.';
`;

const FILL = `
  create table usage_identity_filled as select account_id, last_seq from account;
  insert into usage_identity (account_id, content_hash, seq, hash)
    select e.account_id, usage_content_hash(e.type, e.kind, e.subject_id, e.quantity, e.unit, e.credits_micro,
        (extract(epoch from e.occurred_at) * 1000)::int8, (extract(epoch from e.ended_at) * 1000)::int8, e.hardware_id),
      e.seq, usage_identity_hash(e.source, e.event_id)
    from usage_event e join usage_identity_filled f on f.account_id = e.account_id and e.seq <= f.last_seq;
  alter table usage_identity add primary key (account_id, hash);
`;

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

const PROTECT = `
  grant select, insert on usage_identity to billing_gateway, billing_operator;
  alter table usage_identity enable row level security, force row level security;
  create policy of_account on usage_identity to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
  create policy of_operators on usage_identity to billing_operator using (true) with check (true);
  create policy of_owner on usage_identity to current_user using (true) with check (true);
`;

export class FillIdentities1770224000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const part of [FUNCTIONS, TABLE, FILL, PROTECT]) await queryRunner.query(part);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop table usage_identity_filled, usage_identity;
      drop function usage_identity_hash(text, text);
      drop function usage_content_hash(usage_type, resource_kind, int, bigint, text, bigint, bigint, bigint, int);
    `);
  }
}
