import type { MigrationInterface, QueryRunner } from 'typeorm';

// Personal texts of a closed account can be erased, by operators alone. Nobody may change an audit entry, the text of an email or the
// name of a key: a function does, for closed accounts only. Of audit entries it leaves who did what to what, and when.

const ERASE_TEXTS = `
  create function erase_guarded_texts(closed_account int) returns void
    language sql security definer set search_path = pg_catalog, pg_temp
    as $$
      update public.audit_entry
      set summary = action || '.', changes = '[]', request_id = null, address = null,
        actor = case when actor ~ '^(key|portal):[0-9]+$' or actor = 'gateway' then actor else 'erased' end
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null);
      update public.email set to_addresses = '{}', subject = '', text = '', html = '', last_error = null
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null);
      update public.api_key set name = 'Erased', origins = '{}'
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null);
    $$;
  revoke all on function erase_guarded_texts(int) from public;
  grant execute on function erase_guarded_texts(int) to billing_operator;
  comment on function erase_guarded_texts is 'Erases what audit entries, emails and keys say of people. Operators may call it, for a closed account.';
`;

export class ErasePersonalData1770400420000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table account add erased_at timestamptz(3), add check (erased_at is null or closed_at is not null);
    `);
    await queryRunner.query(ERASE_TEXTS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop function erase_guarded_texts(int);
      alter table account drop erased_at;
    `);
  }
}
