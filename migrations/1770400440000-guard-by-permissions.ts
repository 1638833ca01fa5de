import type { MigrationInterface, QueryRunner } from 'typeorm';

// What operators may never delete is guarded by what each command is permitted, and by no restriction beside it: Citus copies a
// restrictive policy to its servers as a permissive one, which guards nothing.

interface Guarded {
  readonly table: string;
  /** What the restriction was called. */
  readonly restriction: string;
  /** Which rows operators may delete. */
  readonly deletable: string;
}

const guarded: readonly Guarded[] = [
  {
    table: 'audit_entry',
    restriction: 'of_operators_old',
    deletable: `at < now() - interval '30 days'`,
  },
  { table: 'email', restriction: 'of_operators_ended', deletable: `status <> 'PENDING'` },
  {
    table: 'webhook_delivery',
    restriction: 'of_operators_ended',
    deletable: `status <> 'PENDING'`,
  },
];

const permitEach = ({ table, restriction, deletable }: Guarded): string => `
  drop policy ${restriction} on ${table};
  drop policy of_operators on ${table};
  create policy of_operators_select on ${table} for select to billing_operator using (true);
  create policy of_operators_insert on ${table} for insert to billing_operator with check (true);
  create policy of_operators_update on ${table} for update to billing_operator using (true) with check (true);
  create policy of_operators_delete on ${table} for delete to billing_operator using (${deletable});`;

const permitAllAndRestrict = ({ table, restriction, deletable }: Guarded): string => `
  drop policy of_operators_delete on ${table};
  drop policy of_operators_update on ${table};
  drop policy of_operators_insert on ${table};
  drop policy of_operators_select on ${table};
  create policy of_operators on ${table} to billing_operator using (true) with check (true);
  create policy ${restriction} on ${table} as restrictive for delete to billing_operator using (${deletable});`;

export class GuardByPermissions1770400440000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const each of guarded) await queryRunner.query(permitEach(each));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const each of guarded) await queryRunner.query(permitAllAndRestrict(each));
  }
}
