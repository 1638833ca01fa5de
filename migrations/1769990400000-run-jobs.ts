import type { MigrationInterface, QueryRunner } from 'typeorm';

// Who runs jobs, so that the jobs of a gateway that died can be told from those of one that works. The jobs themselves are in
// graphile-worker's schema, which it makes and keeps up to date itself (src/db/jobs-schema.ts).

export class RunJobs1769990400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table job_worker (
        worker_id text collate "C" primary key,
        seen_at timestamptz(3) not null
      ) with (fillfactor = 50);
      comment on table job_worker is 'Gateways that run jobs; one that has not been seen for a while is dead, and its jobs are freed.';
      grant select, insert, update, delete on job_worker to billing_gateway, billing_operator;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table job_worker; drop schema if exists graphile_worker cascade');
  }
}
