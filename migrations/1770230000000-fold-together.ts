import type { MigrationInterface, QueryRunner } from 'typeorm';

// Accounts are folded together, and found by an index instead of by a join of all accounts. Recording marks the account's state as
// due for folding; a segment that ended is in an index until it is folded.

// Statistics are those of all accounts together. Where most accounts have one resource, PostgreSQL takes any index that leads with the
// account for as good as the key, and would read all resources of a large account for each that a fold notes the last event of. So
// it is told that accounts have a hundred.
const TABLES = ['resource', 'model'];

export class FoldTogether1770230000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table rollup_state
        add column epoch bigint not null default 0,
        add column fold_at timestamptz(3);
      comment on column rollup_state.epoch is
        'Counts what changed the sums of events up to the watermark: a void, segments folded or removed, days of another zone.';
      comment on column rollup_state.fold_at is
        'When events beyond the watermark are to be folded; null: none are known. Nothing but folding goes by it.';
      insert into rollup_state (account_id, time_zone)
        select account_id, time_zone from account on conflict do nothing;
      update rollup_state s set fold_at = now() from account a
        where a.account_id = s.account_id and a.last_seq > s.watermark;
      create index rollup_state_due on rollup_state (fold_at) where fold_at is not null;
      create index hosting_segment_to_fold on hosting_segment (account_id)
        where not folded and voided_at is null and to_at - from_at <= interval '24 hours';
      ${TABLES.map((table) => `alter table ${table} alter column account_id set (n_distinct = -0.01);`).join('\n')}
      analyze ${TABLES.join(', ')};
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ${TABLES.map((table) => `alter table ${table} alter column account_id reset (n_distinct);`).join('\n')}
      drop index hosting_segment_to_fold;
      drop index rollup_state_due;
      alter table rollup_state drop column fold_at, drop column epoch;
    `);
  }
}
