import type { MigrationInterface, QueryRunner } from 'typeorm';

// PostgreSQL's own sum of bigint is numeric, which takes memory for each group and is cast back. Sums of usage fit into bigint, as
// each account's totals are held to it, so folding adds them as such. A sum that did not fit would be an error either way.

export class SumAsBigint1770400200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create aggregate bigint_sum(bigint) (sfunc = int8pl, stype = bigint, combinefunc = int8pl, parallel = safe);
      comment on aggregate bigint_sum(bigint) is 'The sum as a bigint; null of no values, an error when it does not fit.';
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop aggregate bigint_sum(bigint)');
  }
}
