import type { MigrationInterface, QueryRunner } from 'typeorm';

// Events say what their quantity counts. The column is nullable without a default, so that adding it rewrites nothing, and
// gateways of the previous release go on recording.

export class UnitOfEvents1770221000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table usage_event add column unit text collate "C";
      comment on column usage_event.unit is 'What quantity counts, such as pages; null: nothing was said.';
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table usage_event drop column unit');
  }
}
