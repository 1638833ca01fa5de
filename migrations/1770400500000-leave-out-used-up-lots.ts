import type { MigrationInterface, QueryRunner } from 'typeorm';

// What is given back may refill a spendable lot of which nothing is left, so it stays. An account that is topped up automatically gathers
// thousands of them, and each of its writes read them all. Now the index of what a write reads leaves them out. Its condition is a
// column of its own: one on spent_micro would have each charge write to every index of the lot.

export class LeaveOutUsedUpLots1770400500000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table credit_allocation add is_used_up boolean not null
        generated always as (spent_micro = amount_micro and expires_at is null) stored;
      comment on column credit_allocation.is_used_up is
        'Of a spendable lot: nothing is left of it, and it does not expire. Only a charge that is given back changes it, or a void.';
      drop index credit_allocation_live;
      create index credit_allocation_live on credit_allocation (account_id)
        where state in ('PENDING', 'SPENDABLE') and not is_used_up;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table credit_allocation drop is_used_up;
      create index credit_allocation_live on credit_allocation (account_id) where state in ('PENDING', 'SPENDABLE');
    `);
  }
}
