import type { MigrationInterface, QueryRunner } from 'typeorm';

// The kind of a segment's resource stands on the segment, as it does on events: views sum hosting by kind, and looking the
// resource of each segment up was most of what reading them cost. A resource never changes its kind.

export class KindOfSegments1767312000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table hosting_segment add column kind resource_kind;
      update hosting_segment s set kind = r.kind from resource r
        where r.account_id = s.account_id and r.resource_id = s.resource_id;
      alter table hosting_segment alter column kind set not null;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table hosting_segment drop column kind');
  }
}
