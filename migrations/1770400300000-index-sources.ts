import type { MigrationInterface, QueryRunner } from 'typeorm';

// One index finds the events of a rare source and those of a rare resource: of an account's few sources, each is looked up with the
// resource. Equal keys share their place in it, so an event takes about seven bytes.

export class IndexSources1770400300000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'create index if not exists usage_event_of_source on usage_event (account_id, source, subject_id)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop index usage_event_of_source');
  }
}
