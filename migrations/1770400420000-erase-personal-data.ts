import type { MigrationInterface, QueryRunner } from 'typeorm';

// Personal texts of a closed account can be erased, by operators alone. Nobody may change an audit entry: a function does, for
// closed accounts only, and leaves who did what to what, and when.

const ERASE_AUDIT = `
  create function erase_audit_entries(closed_account int) returns void
    language sql security definer set search_path = pg_catalog, pg_temp
    as $$
      update public.audit_entry
      set summary = action || '.', changes = '[]', request_id = null, address = null,
        actor = case when actor ~ '^(key|portal):[0-9]+$' or actor = 'gateway' then actor else 'erased' end
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null)
    $$;
  revoke all on function erase_audit_entries(int) from public;
  grant execute on function erase_audit_entries(int) to billing_operator;
  comment on function erase_audit_entries is 'Erases what an audit entry says of people. Operators may call it, for a closed account.';
`;

export class ErasePersonalData1770400420000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table account add erased_at timestamptz(3), add check (erased_at is null or closed_at is not null);
      grant update (to_addresses, subject, text, html) on email to billing_operator;
      grant update (name, origins) on api_key to billing_operator;
    `);
    await queryRunner.query(ERASE_AUDIT);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop function erase_audit_entries(int);
      revoke update (name, origins) on api_key from billing_operator;
      revoke update (to_addresses, subject, text, html) on email from billing_operator;
      alter table account drop erased_at;
    `);
  }
}
