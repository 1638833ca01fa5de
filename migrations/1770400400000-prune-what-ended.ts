import type { MigrationInterface, QueryRunner } from 'typeorm';

// What has ended may be deleted after a while (src/retention): by the role that spans accounts, which finds the oldest of all
// accounts by an index. Whatever it is told, it may delete no message that is still to be sent, and no audit entry that is younger than
// thirty days.

const KEEP_YOUNG = `create policy of_operators_old on audit_entry as restrictive for delete to billing_operator
  using (at < now() - interval '30 days')`;

const keepPending = (table: string): string => `
  create policy of_operators_ended on ${table} as restrictive for delete to billing_operator using (status <> 'PENDING')`;

export class PruneWhatEnded1770400400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create index webhook_delivery_ended on webhook_delivery (created_at) where status <> 'PENDING';
      create index email_ended on email (created_at) where status <> 'PENDING';
      create index export_run_at on export_run (started_at);
      grant delete on webhook_delivery, email, audit_entry to billing_operator;
    `);
    await queryRunner.query(KEEP_YOUNG);
    for (const table of ['webhook_delivery', 'email']) await queryRunner.query(keepPending(table));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop policy of_operators_ended on email;
      drop policy of_operators_ended on webhook_delivery;
      drop policy of_operators_old on audit_entry;
      revoke delete on webhook_delivery, email, audit_entry from billing_operator;
      drop index export_run_at, email_ended, webhook_delivery_ended;
    `);
  }
}
