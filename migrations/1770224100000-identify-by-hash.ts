import type { MigrationInterface, QueryRunner } from 'typeorm';

// From here on usage_identity alone says which identities are taken. What was recorded while it was filled is added under a lock
// that keeps gateways from recording: an account's later events are those with a higher seq.

const REST = `
  lock table usage_event in share row exclusive mode;
  insert into usage_identity (account_id, content_hash, seq, hash)
    select e.account_id, usage_content_hash(e.type, e.kind, e.subject_id, e.quantity, e.unit, e.credits_micro,
        (extract(epoch from e.occurred_at) * 1000)::int8, (extract(epoch from e.ended_at) * 1000)::int8, e.hardware_id),
      e.seq, usage_identity_hash(e.source, e.event_id)
    from account a left join usage_identity_filled f using (account_id)
      cross join lateral (
        select * from usage_event u where u.account_id = a.account_id and u.seq > coalesce(f.last_seq, 0) offset 0) e
    where a.last_seq > coalesce(f.last_seq, 0);
  drop table usage_identity_filled;
  drop index usage_event_identity;
`;

export class IdentifyByHash1770224100000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(REST);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create unique index usage_event_identity on usage_event (account_id, source, event_id);
      create table usage_identity_filled as select account_id, last_seq from account;
    `);
  }
}
