import type { MigrationInterface, QueryRunner } from 'typeorm';

// What has ended may be deleted after a while (src/retention): by the role that spans accounts, which finds the oldest of all
// accounts by an index. Of audit entries it may delete none that are younger than thirty days, whatever it is told.

const KEEP_YOUNG = `create policy of_operators_old on audit_entry as restrictive for delete to billing_operator
  using (at < now() - interval '30 days')`;

export class PruneWhatEnded1770400400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create index webhook_delivery_ended on webhook_delivery (created_at) where status <> 'PENDING';
      create index email_ended on email (created_at) where status <> 'PENDING';
      create index export_run_at on export_run (started_at);
      grant delete on webhook_delivery, email, audit_entry to billing_operator;
    `);
    await queryRunner.query(KEEP_YOUNG);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop policy of_operators_old on audit_entry;
      revoke delete on webhook_delivery, email, audit_entry from billing_operator;
      drop index export_run_at, email_ended, webhook_delivery_ended;
    `);
  }
}
