import type { MigrationInterface, QueryRunner } from 'typeorm';

// An account can be closed: its time stands still from then on, and nothing is written to it any more. A gateway of an earlier release
// knows nothing of it. The check refuses what it would charge, because that moves the position; only a test account's stays where it is.

export class CloseAccounts1770400410000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table account add closed_at timestamptz(3), add check (closed_at is null or settled_at = closed_at);
      comment on column account.closed_at is 'Its position, settled_at, stays there.';
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table account drop closed_at');
  }
}
