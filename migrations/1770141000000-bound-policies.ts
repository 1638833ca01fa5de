import type { MigrationInterface, QueryRunner } from 'typeorm';

// Policies beyond what an account can hold (engine/bounds.ts) come to the bound. What a percent threshold measured is kept
// however large: little allocated and much used is more than 64 bits hold.

export class BoundPolicies1770141000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      update credit_state set
          low_credit_micro = least(low_credit_micro, 1000000000000000000),
          negative_limit_micro = greatest(negative_limit_micro, -1000000000000000000),
          fine_tuning_minimum_micro =
            greatest(least(fine_tuning_minimum_micro, 1000000000000000000), -1000000000000000000)
        where low_credit_micro > 1000000000000000000 or negative_limit_micro < -1000000000000000000
          or abs(fine_tuning_minimum_micro::numeric) > 1000000000000000000;
      alter table alert alter column measured_micro type numeric;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table alert alter column measured_micro type bigint
        using least(greatest(measured_micro, -9223372036854775807), 9223372036854775807)::bigint;
    `);
  }
}
